package api_test

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/fallow-network/fallow/router/api"
)

// fakeOwners knows hostile.example, whose visits are full of markup.
type fakeOwners struct{}

func (fakeOwners) Visits(_ context.Context, host string, at time.Time) ([]api.SiteVisit, bool, error) {
	switch host {
	case "":
		return nil, false, api.Invalid("not the address of a site")
	case "hostile.example":
		return []api.SiteVisit{{
			From: at.UTC().Truncate(time.Minute), Span: time.Minute, Requests: 7, Job: "j-1", Dataset: "d", Purpose: "<script>alert(1)</script> & more",
		}}, true, nil
	}
	return nil, false, nil
}

func (fakeOwners) Statement(host string) (api.OptOutStatement, error) {
	if !strings.Contains(host, ".") {
		return api.OptOutStatement{}, api.Invalid("not the name of a site")
	}
	return api.OptOutStatement{Host: host, DNSName: "_fallow." + host, FileURL: "https://" + host + "/f", OptOut: "fallow-opt-out=x", OptIn: "fallow-opt-in=x"}, nil
}

func (fakeOwners) Prove(_ context.Context, host string) (string, error) {
	if host == "proved.example" {
		return host + " is opted out.", nil
	}
	return "", api.NotFound("no proof for %s", host)
}

func (fakeOwners) RereadRobots(_ context.Context, host string) (string, error) {
	if host == "panic.example" {
		panic("a fault of ours")
	}
	return "Read again: " + host, nil
}

type fakeFetch struct{}

func (fakeFetch) Fetch(_ context.Context, ask api.NewFetch) (api.Fetched, error) {
	if strings.Contains(ask.URL, "forbidden") {
		return api.Fetched{}, api.Refused("the site does not allow it")
	}
	return api.Fetched{URL: ask.URL, Status: 200, Text: strings.Join(ask.Formats, ","), Transport: "https"}, nil
}

func TestFetchOne(t *testing.T) {
	s := serve(t, newFake(t), nil)
	got, err := s.client.Fetch(t.Context(), api.NewFetch{URL: "https://a.example/", Purpose: "p", Formats: []string{"links", "html"}})
	if err != nil || got.Text != "links,html" {
		t.Errorf("%+v, %v", got, err)
	}
	for body, status := range map[string]int{
		`{"url":"https://forbidden.example/","purpose":"p"}`:                  http.StatusForbidden,
		`{"url":"https://a.example/","purpose":"p","formats":["pdf"]}`:        http.StatusUnprocessableEntity,
		`{"url":"https://a.example/","purpose":"p","within_seconds":1000000}`: http.StatusUnprocessableEntity,
		`{"url":"https://a.example/"}`:                                        http.StatusUnprocessableEntity,
	} {
		if response, text := s.ask(t, "POST", "/api/v1/fetch", body); response.StatusCode != status {
			t.Errorf("%s: %d %s", body, response.StatusCode, text)
		}
	}
}

// public asks the port that everybody may ask.
func public(t *testing.T, method, address string, form url.Values, header ...string) (int, string, http.Header) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, address, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	if form != nil {
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for i := 0; i+1 < len(header); i += 2 {
		request.Header.Set(header[i], header[i+1])
	}
	request.Host = "crawler.example" // any name leads here
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(body), response.Header
}

func TestOwnersPage(t *testing.T) {
	s := serve(t, newFake(t), func(c *api.Config) { c.Public = "127.0.0.1:0" })
	base := "http://" + s.public
	query := func(kv ...string) string {
		q := url.Values{}
		for i := 0; i < len(kv); i += 2 {
			q.Set(kv[i], kv[i+1])
		}
		return base + "/crawler?" + q.Encode()
	}
	host := func(name string) url.Values { return url.Values{"host": {name}} }
	for name, c := range map[string]struct {
		method, address string
		form            url.Values
		status          int
		has, lacks      string
	}{
		"page":              {"GET", base + "/crawler", nil, 200, "User-agent: FallowBot", "around that time"},
		"visits, escaped":   {"GET", query("url", "https://HOSTILE.example:8443/a?b=c", "at", "26/Nov/2026:17:30:00 +0100"), nil, 200, "2026-11-26 16:30, one minute</td><td>7</td><td>&lt;script&gt;alert(1)&lt;/script&gt; &amp; more", "<script>"},
		"visits, host only": {"GET", query("url", "hostile.example"), nil, 200, "give a narrower time", ""},
		"no visits":         {"GET", query("url", "other.example", "at", "2026-11-26 16:30"), nil, 200, "made no request to <strong>other.example</strong>", ""},
		"a bad time":        {"GET", query("url", "other.example", "at", "yesterday"), nil, 400, "time cannot be read", "made no request"},
		"a bad address":     {"GET", query("url", "https://[::/"), nil, 400, "not the address of a site", "made no request"},
		"typed markup":      {"GET", query("url", `"><script>alert(1)</script>`, "at", "<b>"), nil, 400, "&lt;script&gt;", "<script>"},
		"statement":         {"GET", query("host", "a.example"), nil, 200, "_fallow.a.example.  TXT  \"fallow-opt-out=x\"", ""},
		"statement of none": {"GET", query("host", "localhost"), nil, 400, "not the name of a site", "_fallow"},
		"proved":            {"POST", base + "/crawler/opt-out", host("https://proved.example/page"), 200, "proved.example is opted out.", ""},
		"not proved":        {"POST", base + "/crawler/opt-out", host("a.example"), 404, "no proof for a.example", ""},
		"robots":            {"POST", base + "/crawler/robots", host("a.example"), 200, "Read again: a.example", "_fallow"},
		"no host":           {"POST", base + "/crawler/robots", host(""), 400, "name your site", ""},
		"a form too large":  {"POST", base + "/crawler/robots", host(strings.Repeat("x", 10_000)), 400, "cannot be read", ""},
		"a fault of ours":   {"POST", base + "/crawler/robots", host("panic.example"), 500, "internal error", "fault of ours"},
		"anything else":     {"GET", base + "/api/v1/jobs", nil, 404, "", "jobs"},
	} {
		status, body, header := public(t, c.method, c.address, c.form)
		if status != c.status || !strings.Contains(body, c.has) || c.lacks != "" && strings.Contains(body, c.lacks) {
			t.Errorf("%s: %d %s", name, status, body)
		}
		if policy := header.Get("Content-Security-Policy"); !strings.Contains(policy, "default-src 'none'") || strings.Contains(policy, "unsafe") {
			t.Errorf("%s: policy %q", name, policy)
		}
		for _, outside := range []string{"src=", "@import", "url("} {
			if strings.Contains(body, outside) {
				t.Errorf("%s: the page asks others for something: %s", name, outside)
			}
		}
	}
	if status, _, _ := public(t, "POST", base+"/crawler/opt-out", host("proved.example"), "Origin", "https://evil.example", "Sec-Fetch-Site", "cross-site"); status != http.StatusForbidden {
		t.Errorf("a form of another site: %d", status)
	}
}

// Who asks a lot is slowed down, and told so.
func TestOwnersPageIsLimited(t *testing.T) {
	s := serve(t, newFake(t), func(c *api.Config) { c.Public = "127.0.0.1:0" })
	limited := 0
	for range 60 {
		status, body, header := public(t, "GET", "http://"+s.public+"/crawler?url=a.example", nil)
		if status == http.StatusTooManyRequests {
			limited++
			if !strings.Contains(body, "try again") || header.Get("Retry-After") == "" {
				t.Fatal(body)
			}
		}
	}
	if limited == 0 {
		t.Error("60 requests at once were all answered")
	}
}
