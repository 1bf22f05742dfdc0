package trap_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/fallow-network/fallow/router/crawl/trap"
)

func guard() *trap.Guard {
	g := trap.New(func() time.Time { return time.Date(2026, 11, 26, 0, 0, 0, 0, time.UTC) }, trap.DefaultLimits())
	g.Trust("a.test")
	return g
}

func at(path string) trap.Address {
	return trap.Address{URL: "https://a.test" + path, Host: "a.test", Site: "a.test", Depth: 1}
}

func TestFaultsOfForm(t *testing.T) {
	for path, want := range map[string]trap.Reason{
		"/":                                    "",
		"/a/b/c":                               "",
		"/docs/docs/intro":                     "", // twice happens
		"/a/b/a/b/x":                           "",
		"/2020/01/01/post":                     "",
		"/1/1/1/1":                             "",
		"/?page=3":                             "",
		"/blog/2027/11/":                       "", // next year's plans
		"/year/1066":                           "", // a number, not a date
		"/history?year=1066":                   trap.Calendar,
		"/cal/2031/05":                         trap.Calendar,
		"/cal/2031-05-01":                      trap.Calendar,
		"/events?date=2055-01-01":              trap.Calendar,
		"/a/a/a/x":                             trap.Repetition,
		"/x/a/b/a/b/a/b":                       trap.Repetition,
		"/1/a/b/c/d/a/b/c/d/a/b/c/d":           trap.Repetition,
		"/" + strings.Join(alphabet(25), "/"):  trap.PathDepth,
		"/?" + strings.Join(alphabet(13), "&"): trap.Query,
		"/?f=1&f=2&f=3&f=4&f=5":                trap.Query,
	} {
		if got := guard().Queue(at(path)); got != want {
			t.Errorf("%s: %q, want %q", path, got, want)
		}
	}
}

func alphabet(n int) []string {
	var list []string
	for i := range n {
		list = append(list, fmt.Sprintf("%c=1", 'a'+i))
	}
	return list
}

// crawl fetches addresses as long as the guard lets it and returns how many.
func crawl(g *trap.Guard, n int, address func(i int) trap.Address, says func(i int) string) (fetched int, why trap.Reason) {
	for i := range n {
		a := address(i)
		if why = g.Queue(a); why != "" {
			continue
		}
		if why = g.Fetch(a); why != "" {
			continue
		}
		fetched++
		g.Learn(a, "", says(i))
	}
	return fetched, why
}

func TestFamiliesEarnTheirFetches(t *testing.T) {
	same := func(int) string { return "Nothing to be found here." }
	own := func(i int) string { return "Chapter " + word(i) + " tells of " + word(i*7+1) + " and " + word(i*13+5) }
	for _, c := range []struct {
		name    string
		address func(i int) trap.Address
		says    func(i int) string
		least   int
		most    int
		why     trap.Reason
	}{
		{"good pages", func(i int) trap.Address { return at(fmt.Sprint("/wiki/", word(i))) }, own, 1000, 1000, ""},
		{"good pages by id", func(i int) trap.Address { return at(fmt.Sprint("/show?id=", i)) }, own, 1000, 1000, ""},
		{"good pages by token", func(i int) trap.Address { return at(fmt.Sprintf("/doc/%x0a1b2c3d4e5f6a7b8", i)) }, own, 1000, 1000, ""},
		{"an answer to everything", func(i int) trap.Address { return at("/x/" + word(i)) }, same, 12, 18, trap.Unproductive},
		{"numbers alone differ", func(i int) trap.Address { return at("/data/" + word(i)) }, func(i int) string { return fmt.Sprint("The measure is ", i*7919) }, 1000, 1000, ""},
		{"echo of the address", func(i int) trap.Address { return at("/x/" + word(i)) }, func(i int) string { return "No page named " + word(i) + "!" }, 48, 64, trap.Unproductive},
		{"calendar", func(i int) trap.Address { return at(fmt.Sprintf("/cal/%d/%02d", 2000+i%27, 1+i/27%12)) }, func(i int) string { return fmt.Sprintf("March %d: no events", i) }, 5, 12, trap.Calendar},
		{"facets", func(i int) trap.Address { return at(fmt.Sprintf("/shop?color=%d&size=%d", i%30, i/30)) }, same, 3, 5, trap.Variants},
		{"session", func(i int) trap.Address { return at(fmt.Sprintf("/in?k=a1b2c3d4e5f6a7b8%d", i)) }, same, 3, 5, trap.Variants},
		{"chain", func(i int) trap.Address { a := at("/n/" + word(i)); a.Depth = 17 + i; return a }, own, 5, 10, trap.Deep},
		{"subdomains", func(i int) trap.Address {
			return trap.Address{URL: fmt.Sprintf("https://n%d.a.test/", i), Host: fmt.Sprintf("n%d.a.test", i), Site: "a.test"}
		}, same, 4, 8, trap.Subdomains},
	} {
		fetched, why := crawl(guard(), 1000, c.address, c.says)
		if fetched < c.least || fetched > c.most || why != c.why {
			t.Errorf("%s: %d fetched, the last %q; want %d to %d and %q", c.name, fetched, why, c.least, c.most, c.why)
		}
	}
}

// word is the n-th of many words without digits.
func word(n int) string {
	var b strings.Builder
	for n += 1000; n > 0; n /= 26 {
		b.WriteByte(byte('a' + n%26))
	}
	return b.String()
}

// A fetch that failed says nothing against its family.
func TestUndo(t *testing.T) {
	g := guard()
	for i := range 200 {
		if why := g.Fetch(at(fmt.Sprint("/x/", i))); why != "" {
			t.Fatalf("after %d failures: %s", i, why)
		}
		g.Undo(at(fmt.Sprint("/x/", i)))
	}
}

// Suspicious addresses wait for a family's budget to grow, but not without bound.
func TestQueueIsBounded(t *testing.T) {
	g, let := guard(), 0
	for i := range 10_000 {
		if g.Queue(at(fmt.Sprintf("/shop?a=%d&b=2", i))) == "" {
			let++
		}
	}
	if let != 50 {
		t.Errorf("%d suspicious addresses queued, want 50", let)
	}
}

func FuzzGuard(f *testing.F) {
	f.Add("https://a.test/2026/11/?year=1&from=%2Fx", "title", "text 1 two")
	f.Add("://?&&=", "", "")
	g := guard()
	f.Fuzz(func(_ *testing.T, url, title, text string) {
		a := trap.Address{URL: url, Host: "a.test", Site: "a.test"}
		if g.Queue(a) == "" && g.Fetch(a) == "" {
			g.Learn(a, title, text)
		}
	})
}

func BenchmarkQueue(b *testing.B) {
	g := guard()
	for b.Loop() {
		g.Queue(at("/docs/guide/install?page=3"))
	}
}
