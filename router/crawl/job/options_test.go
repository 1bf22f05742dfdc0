package job_test

import (
	"errors"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/fallow-network/fallow/router/crawl/job"
)

func TestPatterns(t *testing.T) {
	for _, c := range []struct {
		include, exclude []string
		url              string
		follow           bool
	}{
		{nil, nil, "https://a.example/x", true},
		{[]string{"/docs/"}, nil, "https://a.example/docs/x", true},
		{[]string{"/docs/"}, nil, "https://a.example/blog/docs/", false},
		{[]string{"/*.html$"}, nil, "https://a.example/x/y.html", true},
		{[]string{"/*.html$"}, nil, "https://a.example/x/y.html?p=1", false},
		{[]string{"/a*b*b$"}, nil, "https://a.example/aXbb", true},
		{[]string{"/ab*b$"}, nil, "https://a.example/ab", false}, // one b cannot be two
		{nil, []string{"/*?"}, "https://a.example/x?y", false},
		{nil, []string{"/*?"}, "https://a.example/x", true},
		{[]string{"docs.a.example/"}, nil, "https://docs.a.example/x", true},
		{[]string{"*.a.example/"}, nil, "https://docs.a.example/x", true},
		{[]string{"docs.a.example/"}, nil, "https://a.example/docs.a.example/", false},
		{[]string{"/x", "/y"}, []string{"/xx"}, "https://a.example/xx", false},
		{[]string{"/$"}, nil, "https://a.example/", true},
		{[]string{"/$"}, nil, "https://a.example/x", false},
	} {
		got := job.NewPatterns(job.Options{Include: c.include, Exclude: c.exclude}).Follow(c.url)
		if got != c.follow {
			t.Errorf("include %q exclude %q: %s %t", c.include, c.exclude, c.url, got)
		}
	}
}

func TestInvalidOptions(t *testing.T) {
	for says, o := range map[string]job.Options{
		"says nothing":     {Include: []string{"*"}},
		"leave out the sc": {Exclude: []string{"https://a.example/"}},
		"spaces":           {Exclude: []string{"/a b"}},
		"may be 64":        {Include: make([]string, 65)},
		"may have 512":     {Include: []string{strings.Repeat("x", 513)}},
		"max depth":        {MaxDepth: -1},
		"max per site":     {MaxPerSite: -1},
		"low, normal":      {Priority: "urgent"},
		"follow, off":      {Sitemaps: "maybe"},
	} {
		s := spec()
		s.Options = o
		if _, err := job.New(s, job.DefaultLimits(), time.Now()); !errors.Is(err, job.ErrInvalid) || !strings.Contains(err.Error(), says) {
			t.Errorf("%+v: %v, should say %q", o, err, says)
		}
	}
}

// A pattern must agree with the regular expression that says the same.
func FuzzPatterns(f *testing.F) {
	f.Add("/a*b$", "https://a.example/axb")
	f.Add("*.example/*?", "https://a.example/?")
	f.Fuzz(func(t *testing.T, pattern, url string) {
		s := spec()
		s.Options.Include = []string{pattern}
		if _, err := job.New(s, job.DefaultLimits(), time.Now()); err != nil || len(url) > 2048 {
			return
		}
		_, rest, _ := strings.Cut(url, "://")
		path := "/"
		if i := strings.IndexByte(rest, '/'); i >= 0 {
			path = rest[i:]
		}
		if strings.HasPrefix(pattern, "/") {
			rest = path
		}
		body, closed := strings.CutSuffix(pattern, "$")
		parts := strings.Split(body, "*")
		for i := range parts {
			parts[i] = regexp.QuoteMeta(parts[i])
		}
		expr := "(?s)^" + strings.Join(parts, ".*")
		if closed {
			expr += "$"
		}
		re, err := regexp.Compile(expr)
		if err != nil || strings.ToValidUTF8(rest, "") != rest {
			return
		}
		if got, want := job.NewPatterns(s.Options).Follow(url), re.MatchString(rest); got != want {
			t.Fatalf("%q on %q: %t, the expression %s says %t", pattern, url, got, expr, want)
		}
	})
}
