package dataset_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/fallow-network/fallow/dataset"
)

func TestTakedownCovers(t *testing.T) {
	order := func(scope dataset.Scope, target string) dataset.Takedown {
		return dataset.Takedown{Scope: scope, Target: target, Reason: "asked by the owner", At: epoch0}
	}
	tests := []struct {
		order         dataset.Takedown
		address, host string
		want          bool
	}{
		{order(dataset.ScopeURL, "https://a.example/x"), "https://a.example/x", "a.example", true},
		{order(dataset.ScopeURL, "https://a.example/x"), "http://a.example/x", "a.example", true},
		{order(dataset.ScopeURL, "https://a.example/x"), "https://a.example/xy", "a.example", false},
		{order(dataset.ScopeURL, "https://a.example/x"), "https://a.example/x?y", "a.example", false},
		{order(dataset.ScopeSite, "a.example"), "https://a.example/x", "a.example", true},
		{order(dataset.ScopeSite, "a.example"), "https://www.a.example/x", "www.a.example", true},
		{order(dataset.ScopeSite, "www.a.example"), "https://a.example/x", "a.example", false},
		{order(dataset.ScopeSite, "a.example"), "https://ba.example/a.example", "ba.example", false},
		{order(dataset.ScopePattern, "a.example/people/*"), "https://a.example/people/x/y?z", "a.example", true},
		{order(dataset.ScopePattern, "https://a.example/people/*"), "http://a.example/people/", "a.example", true},
		{order(dataset.ScopePattern, "a.example/people/*"), "https://a.example/peoples", "a.example", false},
		{order(dataset.ScopePattern, "*.example/*/cv"), "https://www.b.example/x/cv", "www.b.example", true},
		{order(dataset.ScopePattern, "*.example/*/cv"), "https://www.b.example/cv", "www.b.example", false},
		{order(dataset.ScopePattern, "a.example/*aa*a"), "https://a.example/aaa", "a.example", true},
		{order(dataset.ScopePattern, "a.example/*aa*a"), "https://a.example/aa", "a.example", false},
	}
	for _, test := range tests {
		if err := test.order.Check(); err != nil {
			t.Errorf("%+v: %v", test.order, err)
		}
		if got := test.order.Covers(test.address, test.host); got != test.want {
			t.Errorf("%s %s covers %s: %v", test.order.Scope, test.order.Target, test.address, got)
		}
	}
}

func TestTakedownCheck(t *testing.T) {
	good := dataset.Takedown{Scope: dataset.ScopeURL, Target: "https://a.example/x", Reason: "why", At: epoch0}
	tests := map[string]func(*dataset.Takedown){
		"no reason":              func(d *dataset.Takedown) { d.Reason = "" },
		"reason of two lines":    func(d *dataset.Takedown) { d.Reason = "a\nb" },
		"endless reason":         func(d *dataset.Takedown) { d.Reason = strings.Repeat("a", 501) },
		"no date":                func(d *dataset.Takedown) { d.At = time.Time{} },
		"no scope":               func(d *dataset.Takedown) { d.Scope = "" },
		"no target":              func(d *dataset.Takedown) { d.Target = "" },
		"address without scheme": func(d *dataset.Takedown) { d.Target = "a.example/x" },
		"site with a path":       func(d *dataset.Takedown) { d.Scope, d.Target = dataset.ScopeSite, "a.example/x" },
		"site in upper case":     func(d *dataset.Takedown) { d.Scope, d.Target = dataset.ScopeSite, "A.example" },
		"a whole top level":      func(d *dataset.Takedown) { d.Scope, d.Target = dataset.ScopeSite, "example" },
		"pattern of everything":  func(d *dataset.Takedown) { d.Scope, d.Target = dataset.ScopePattern, "*" },
		"pattern of a scheme":    func(d *dataset.Takedown) { d.Scope, d.Target = dataset.ScopePattern, "https://*" },
		"pattern without star":   func(d *dataset.Takedown) { d.Scope, d.Target = dataset.ScopePattern, "a.example/" },
		"too many stars": func(d *dataset.Takedown) {
			d.Scope, d.Target = dataset.ScopePattern, "a.example/"+strings.Repeat("*a", 17)
		},
	}
	if err := good.Check(); err != nil {
		t.Error(err)
	}
	for name, spoil := range tests {
		bad := good
		spoil(&bad)
		if err := bad.Check(); !errors.Is(err, dataset.ErrTakedown) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzTakedownPattern(f *testing.F) {
	f.Add("a.example/*x*", "https://a.example/yx1")
	f.Add("*/*", "//")
	f.Fuzz(func(t *testing.T, pattern, address string) {
		d := dataset.Takedown{Scope: dataset.ScopePattern, Target: pattern, Reason: "r", At: epoch0}
		if d.Check() != nil {
			return
		}
		// A pattern covers itself, and what it covers holds its longest literal.
		if !d.Covers(pattern, "") {
			t.Errorf("%q does not cover itself", pattern)
		}
		if d.Covers(address, "") {
			for part := range strings.SplitSeq(strings.TrimPrefix(strings.TrimPrefix(pattern, "https://"), "http://"), "*") {
				if !strings.Contains(address, part) {
					t.Errorf("%q covers %q without %q", pattern, address, part)
				}
			}
		}
	})
}
