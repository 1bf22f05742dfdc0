package gate_test

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fallow-network/fallow/router/crawl/gate"
)

func TestAnswersForRobots(t *testing.T) {
	tests := []struct {
		status  int
		allowed bool
		reason  gate.Reason
	}{
		{200, true, gate.NoRule},
		{204, true, gate.NoRule},
		{400, true, gate.NoRobots},
		{401, true, gate.NoRobots},
		{403, true, gate.NoRobots},
		{404, true, gate.NoRobots},
		{451, true, gate.NoRobots},
		{429, false, gate.Limited},
		{500, false, gate.ServerError},
		{503, false, gate.ServerError},
		{0, false, gate.Unreachable},
		{999, false, gate.Unreachable},
		{304, true, gate.NoRobots},
	}
	for _, tt := range tests {
		t.Run(fmt.Sprint(tt.status), func(t *testing.T) {
			s := &sites{}
			s.set("https://site.test/robots.txt", gate.Response{Status: tt.status})
			d := decide(t, s, "/a")
			if d.Allowed != tt.allowed || d.Reason != tt.reason || d.Temporary == tt.allowed || (d.RetryAfter > 0) == tt.allowed {
				t.Errorf("got %+v", d)
			}
		})
	}
}

func TestRedirects(t *testing.T) {
	const forbids = "User-agent: *\nDisallow: /a"
	chain := func(hops int) *sites {
		s := &sites{}
		at := "https://site.test/robots.txt"
		for i := range hops {
			next := fmt.Sprintf("http://host%d.test/r", i)
			s.set(at, gate.Response{Status: 301, Location: next})
			at = next
		}
		s.set(at, gate.Response{Status: 200, Body: []byte(forbids)})
		return s
	}
	if d := decide(t, chain(5), "/a"); d.Allowed || d.Source != "http://host4.test/r" {
		t.Errorf("five redirects: %+v", d)
	}
	if d := decide(t, chain(6), "/a"); !d.Allowed || d.Reason != gate.NoRobots {
		t.Errorf("six redirects: %+v", d)
	}
	for _, location := range []string{"", "ftp://x/", "https://u:p@x/", ":", "javascript:alert(1)"} {
		s := &sites{}
		s.set("https://site.test/robots.txt", gate.Response{Status: 302, Location: location})
		if d := decide(t, s, "/a"); !d.Allowed || d.Reason != gate.NoRobots {
			t.Errorf("redirect to %q: %+v", location, d)
		}
	}
	s := &sites{}
	s.set("https://site.test/robots.txt", gate.Response{Status: 307, Location: "r/../other.txt"})
	s.set("https://site.test/other.txt", gate.Response{Status: 200, Body: []byte(forbids)})
	if d := decide(t, s, "/a"); d.Allowed {
		t.Errorf("relative redirect: %+v", d)
	}
}

func TestCheckRefusesOtherURLs(t *testing.T) {
	g := gate.New(&sites{}, time.Now, gate.Config{})
	for _, address := range []string{"ftp://a/b", "/a", "https:///a", "mailto:a@b", "https://u@a/"} {
		u, err := url.Parse(address)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := g.Check(t.Context(), u); err == nil {
			t.Errorf("Check(%s) gave no error", address)
		}
	}
}

func TestCachePerOrigin(t *testing.T) {
	clock, s := newClock(), robots("User-agent: *\nDisallow: /a")
	g := gate.New(s, clock.Now, gate.Config{RobotsOnly: true})
	for _, address := range []string{"https://site.test/a", "https://SITE.test:443/b", "https://site.test:/c"} {
		check(t, g, address)
	}
	if s.requests() != 1 {
		t.Errorf("one origin, asked %q", s.asked)
	}
	check(t, g, "http://site.test/a")
	check(t, g, "https://site.test:8443/a")
	check(t, g, "https://www.site.test/a")
	if s.requests() != 4 {
		t.Errorf("four origins, asked %q", s.asked)
	}

	clock.pass(23 * time.Hour)
	check(t, g, "https://site.test/a")
	if s.requests() != 4 {
		t.Errorf("asked again after 23 h")
	}
	clock.pass(time.Hour)
	s.set("https://site.test/robots.txt", gate.Response{Status: 200})
	if d := check(t, g, "https://site.test/a"); !d.Allowed {
		t.Error("old rules applied after 24 h")
	}
}

func TestCacheIsBounded(t *testing.T) {
	big := gate.Response{Status: 200, Body: []byte("User-agent: *\n" + strings.Repeat("Disallow: /x\n", 10_000))}
	for name, cfg := range map[string]gate.Config{
		"entries": {RobotsOnly: true, MaxEntries: 4},
		"bytes":   {RobotsOnly: true, MaxBytes: 3 << 20},
	} {
		t.Run(name, func(t *testing.T) {
			s := &sites{}
			g := gate.New(s, newClock().Now, cfg)
			for i := range 20 {
				s.set(fmt.Sprintf("https://s%d.test/robots.txt", i), big)
				check(t, g, fmt.Sprintf("https://s%d.test/", i))
			}
			check(t, g, "https://s19.test/") // still known
			if s.requests() != 20 {
				t.Errorf("the newest was forgotten: %d requests", s.requests())
			}
			check(t, g, "https://s0.test/") // forgotten
			if s.requests() != 21 {
				t.Errorf("nothing was forgotten: %d requests", s.requests())
			}
		})
	}
}

func TestSingleFlight(t *testing.T) {
	s := robots("")
	s.block = make(chan struct{})
	g := gate.New(s, newClock().Now, gate.Config{RobotsOnly: true})
	u := &url.URL{Scheme: "https", Host: "site.test", Path: "/a"}

	// The first caller gives up; the others still get their answer.
	impatient, giveUp := context.WithCancel(t.Context())
	gone := make(chan error)
	go func() { _, err := g.Check(impatient, u); gone <- err }()
	for s.requests() == 0 {
		time.Sleep(time.Millisecond)
	}
	var wg sync.WaitGroup
	errs := make(chan error, 50)
	for range 50 {
		wg.Go(func() { _, err := g.Check(t.Context(), u); errs <- err })
	}
	time.Sleep(20 * time.Millisecond)
	giveUp()
	if err := <-gone; !errors.Is(err, context.Canceled) {
		t.Errorf("impatient caller got %v", err)
	}
	close(s.block)
	wg.Wait()
	close(errs)
	for err := range errs {
		if err != nil {
			t.Fatal(err)
		}
	}
	if s.requests() != 1 {
		t.Errorf("%d requests", s.requests())
	}
}

// When the last caller leaves, the reading ends and leaves no verdict behind.
func TestDesertedFlight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := robots("User-agent: *\nDisallow: /a")
		s.block = make(chan struct{})
		g := gate.New(s, time.Now, gate.Config{RobotsOnly: true})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := g.Check(ctx, &url.URL{Scheme: "https", Host: "site.test", Path: "/a"}); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("got %v", err)
		}
		synctest.Wait()
		close(s.block)
		if d := check(t, g, "https://site.test/a"); d.Temporary || d.Allowed || s.requests() != 2 {
			t.Errorf("%+v after %d requests", d, s.requests())
		}
	})
}

func TestReadTimeIsUnreachable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := robots("")
		s.block = make(chan struct{})
		g := gate.New(s, time.Now, gate.Config{ReadTime: time.Minute})
		d := check(t, g, "https://site.test/a")
		if d.Allowed || d.Reason != gate.Unreachable || !d.Temporary {
			t.Errorf("got %+v", d)
		}
	})
}

func TestRetries(t *testing.T) {
	const robotsURL = "https://site.test/robots.txt"
	clock, s := newClock(), &sites{}
	g := gate.New(s, clock.Now, gate.Config{RobotsOnly: true})
	s.set(robotsURL, gate.Response{})
	for _, minutes := range []int{1, 2, 4, 8, 16, 32, 64, 128, 256, 360, 360} {
		wait := time.Duration(minutes) * time.Minute
		before := s.requests()
		if d := check(t, g, "https://site.test/a"); d.RetryAfter != wait {
			t.Fatalf("retry after %v, want %v", d.RetryAfter, wait)
		}
		clock.pass(wait - time.Second)
		check(t, g, "https://site.test/b")
		if s.requests() != before+1 {
			t.Fatalf("asked again before %v had passed", wait)
		}
		clock.pass(time.Second)
	}
	s.set(robotsURL, gate.Response{Status: 503, RetryAfter: 10 * time.Hour})
	if d := check(t, g, "https://site.test/a"); d.RetryAfter != 10*time.Hour || d.Reason != gate.ServerError {
		t.Errorf("Retry-After not honoured: %+v", d)
	}
	clock.pass(10 * time.Hour)
	s.set(robotsURL, gate.Response{Status: 429, RetryAfter: 1000 * time.Hour})
	if d := check(t, g, "https://site.test/a"); d.RetryAfter != 24*time.Hour {
		t.Errorf("Retry-After not bounded: %+v", d)
	}
	clock.pass(24 * time.Hour)
	s.set(robotsURL, gate.Response{Status: 200})
	if d := check(t, g, "https://site.test/a"); !d.Allowed || d.Temporary {
		t.Errorf("still refused: %+v", d)
	}
}

func TestLongUnreachable(t *testing.T) {
	const robotsURL = "https://site.test/robots.txt"
	for name, known := range map[string]bool{"known before": true, "never known": false} {
		t.Run(name, func(t *testing.T) {
			clock, s := newClock(), &sites{}
			g := gate.New(s, clock.Now, gate.Config{RobotsOnly: true})
			if known {
				s.set(robotsURL, gate.Response{Status: 200, Body: []byte("User-agent: *\nDisallow: /a")})
				check(t, g, "https://site.test/a")
				clock.pass(24 * time.Hour)
			}
			s.set(robotsURL, gate.Response{Status: 500})
			for range 30 {
				if d := check(t, g, "https://site.test/b"); d.Allowed || !d.Temporary {
					t.Fatalf("allowed too early: %+v", d)
				}
				clock.pass(24 * time.Hour)
			}
			if d := check(t, g, "https://site.test/b"); !d.Allowed {
				t.Errorf("still refused after 30 days: %+v", d)
			}
			if d := check(t, g, "https://site.test/a"); d.Allowed == known {
				t.Errorf("last known rules: %+v", d)
			}
		})
	}
}

// A file that could not be had keeps what it last said and is asked for sooner.
func TestSideFileUnreachable(t *testing.T) {
	const tdmrep = "https://site.test/.well-known/tdmrep.json"
	clock, s := newClock(), robots("")
	s.set(tdmrep, gate.Response{Status: 200, Body: []byte(`[{"location":"/","tdm-reservation":1}]`)})
	g := gate.New(s, clock.Now, gate.Config{})
	if d := check(t, g, "https://site.test/a"); d.AITrain != gate.TrainingRefused {
		t.Fatalf("got %+v", d)
	}
	s.set(tdmrep, gate.Response{Status: 502})
	clock.pass(24 * time.Hour)
	if d := check(t, g, "https://site.test/a"); d.AITrain != gate.TrainingRefused {
		t.Errorf("refusal forgotten: %+v", d)
	}
	s.set(tdmrep, gate.Response{Status: 404})
	clock.pass(time.Hour)
	if d := check(t, g, "https://site.test/a"); d.AITrain != gate.TrainingUnstated {
		t.Errorf("not asked again after an hour: %+v", d)
	}
}
