package gate_test

import (
	"context"
	"errors"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/fallow-network/fallow/router/crawl/gate"
)

// sites answers the gate's requests from a table of whole URLs; what is not in
// it is 404. It counts the requests.
type sites struct {
	mu    sync.Mutex
	files map[string]gate.Response
	asked []string
	block chan struct{} // when set, requests wait for it or for their context
}

var errNoAnswer = errors.New("no answer")

func (s *sites) FetchRobots(ctx context.Context, u *url.URL) (gate.Response, error) {
	s.mu.Lock()
	s.asked = append(s.asked, u.String())
	response, ok := s.files[u.String()]
	block := s.block
	s.mu.Unlock()
	if block != nil {
		select {
		case <-block:
		case <-ctx.Done():
			return gate.Response{}, ctx.Err()
		}
	}
	switch {
	case !ok:
		return gate.Response{Status: 404}, nil
	case response.Status == 0:
		return gate.Response{}, errNoAnswer
	}
	return response, nil
}

func (s *sites) set(address string, r gate.Response) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.files == nil {
		s.files = map[string]gate.Response{}
	}
	s.files[address] = r
}

func (s *sites) requests() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.asked)
}

// robots is a site whose robots.txt is body.
func robots(body string) *sites {
	s := &sites{}
	s.set("https://site.test/robots.txt", gate.Response{Status: 200, Body: []byte(body)})
	return s
}

// clock is a time that tests set.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func newClock() *clock { return &clock{now: time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)} }

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

func check(t *testing.T, g *gate.Gate, address string) gate.Decision {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	d, err := g.Check(t.Context(), u)
	if err != nil {
		t.Fatalf("Check(%s): %v", address, err)
	}
	return d
}

// decide is the decision of a fresh gate about one path of site.test.
func decide(t *testing.T, s *sites, path string) gate.Decision {
	t.Helper()
	return check(t, gate.New(s, newClock().Now, gate.Config{}), "https://site.test"+path)
}
