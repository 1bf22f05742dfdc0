package lab_test

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/fallow-network/fallow/router/lab"
)

// newNetwork starts a site whose host the lab's own DNS server knows, and a
// client that finds it that way and trusts the lab's root alone. The client
// follows no redirect.
func newNetwork(t *testing.T, host string, h http.Handler, edit ...func(*lab.SiteConfig)) (*lab.Site, *http.Client) {
	t.Helper()
	ca := newCA(t)
	cfg := lab.SiteConfig{Hosts: []string{host}, Handler: h}
	for _, e := range edit {
		e(&cfg)
	}
	site, err := lab.ServeSite(ca, cfg)
	if err != nil {
		t.Fatal(err)
	}
	server := newDNS(t, map[string][]netip.Addr{host: addrs("127.0.0.1")})
	dialer := &net.Dialer{Resolver: server.Resolver()}
	transport := &http.Transport{
		DialContext:         dialer.DialContext,
		TLSClientConfig:     &tls.Config{RootCAs: ca.Pool()},
		ForceAttemptHTTP2:   true,
		MaxIdleConnsPerHost: 16,
	}
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		if err := site.Close(); err != nil {
			t.Error(err)
		}
	})
	return site, &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

func get(t *testing.T, client *http.Client, url string) (*http.Response, []byte) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("User-Agent", "LabTest/1")
	res, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res, body
}

func TestSiteLogsWhatItServed(t *testing.T) {
	t.Parallel()
	site, client := newNetwork(t, "shop.fallow.test", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/gone" {
			http.NotFound(w, r)
			return
		}
		io.WriteString(w, "hello")
	}))
	for _, path := range []string{"robots.txt", "a?b=c", "closed/x", "gone"} {
		get(t, client, site.URL()+path)
	}
	entries := site.Log()
	if len(entries) != 4 {
		t.Fatalf("logged %d requests, want 4", len(entries))
	}
	e := entries[1]
	if e.Host != "shop.fallow.test" || e.Path != "/a?b=c" || e.Method != "GET" || e.UserAgent != "LabTest/1" ||
		e.Proto != "HTTP/2.0" || e.Status != 200 || e.Bytes != 5 || e.Remote != "127.0.0.1" || e.Start.IsZero() {
		t.Errorf("entry is %+v", e)
	}
	if entries[3].Status != 404 {
		t.Errorf("status %d, want 404", entries[3].Status)
	}
	broken := site.Disallowed(lab.Rules{Disallow: []string{"/"}, Allow: []string{"/a", "/gone"}})
	if len(broken) != 1 || broken[0].Path != "/closed/x" {
		t.Errorf("disallowed are %+v, want /closed/x alone", broken)
	}
}

func TestSiteJudgesManners(t *testing.T) {
	t.Parallel()
	var inside sync.WaitGroup
	inside.Add(3)
	site, client := newNetwork(t, "busy.fallow.test", http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/together" {
			inside.Done()
			inside.Wait() // all three are in flight now
		}
	}))
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() { get(t, client, site.URL()+"together") })
	}
	wg.Wait()
	get(t, client, site.URL()+"alone")
	m := site.Manners()
	if len(m) != 1 || m[0].Requests != 4 || m[0].MaxConcurrent != 3 {
		t.Errorf("manners are %+v, want 4 requests, 3 at a time", m)
	}
}

func TestJudgeManners(t *testing.T) {
	t.Parallel()
	at := func(ms int) time.Time { return time.Unix(0, 0).Add(time.Duration(ms) * time.Millisecond) }
	took := func(ms int) time.Duration { return time.Duration(ms) * time.Millisecond }
	got := lab.JudgeManners([]lab.Entry{
		{Host: "a", Start: at(0), Took: took(10), Status: 200},
		{Host: "a", Start: at(10), Took: took(10), Status: 200}, // back to back: not concurrent
		{Host: "a", Start: at(1010), Took: took(50), Status: 200},
		{Host: "b", Start: at(0), Took: took(900), Status: 200},
		{Host: "b", Start: at(400)}, // still running
		{Host: "b", Start: at(5000), Took: took(1), Status: 200},
		{Host: "c", Start: at(1), Took: took(1), Status: 200},
	})
	want := []lab.Manners{
		{Host: "a", Requests: 3, MaxConcurrent: 1, MinGap: took(10)},
		{Host: "b", Requests: 3, MaxConcurrent: 2, MinGap: took(400)},
		{Host: "c", Requests: 1, MaxConcurrent: 1},
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("got %+v, want %+v", got[i], want[i])
		}
	}
}

func TestSiteLogIsBounded(t *testing.T) {
	t.Parallel()
	site, client := newNetwork(t, "a.test", http.NotFoundHandler(), func(c *lab.SiteConfig) { c.LogEntries = 3 })
	for range 5 {
		get(t, client, site.URL())
	}
	if n, over := len(site.Log()), site.Overflow(); n != 3 || over != 2 {
		t.Errorf("log holds %d and counts %d more, want 3 and 2", n, over)
	}
}

func TestSiteRefusesTheOutside(t *testing.T) {
	t.Parallel()
	if site, err := lab.ServeSite(newCA(t), lab.SiteConfig{Hosts: []string{"a.test"}, Handler: http.NotFoundHandler(), Listen: "0.0.0.0:0"}); err == nil {
		site.Close()
		t.Fatal("a lab site listens to the outside")
	}
}

func TestSiteShutdownLetsRequestsFinish(t *testing.T) {
	t.Parallel()
	started, release := make(chan struct{}), make(chan struct{})
	site, client := newNetwork(t, "slow.test", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		close(started)
		<-release
		io.WriteString(w, "done")
	}))
	var wg sync.WaitGroup
	wg.Go(func() {
		if _, body := get(t, client, site.URL()); string(body) != "done" {
			t.Errorf("got %q", body)
		}
	})
	<-started
	time.AfterFunc(50*time.Millisecond, func() { close(release) })
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	if err := site.Shutdown(ctx); err != nil {
		t.Error(err)
	}
	wg.Wait()
}
