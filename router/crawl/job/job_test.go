package job_test

import (
	"errors"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/fallow-network/fallow/relay/wire"
	"github.com/fallow-network/fallow/router/crawl/job"
)

func spec() job.Spec {
	return job.Spec{Dataset: "go-docs", Purpose: "to search documentation", Seeds: []string{"https://go.dev/doc/"}}
}

func TestNew(t *testing.T) {
	now := time.Date(2026, 11, 1, 12, 0, 0, 123_456_789, time.FixedZone("here", 3600))
	j, err := job.New(spec(), job.DefaultLimits(), now)
	if err != nil {
		t.Fatal(err)
	}
	if j.State != job.StateQueued || j.Scope != job.ScopeHost || j.MaxPages != 10_000 {
		t.Errorf("defaults: %+v", j)
	}
	if want := time.Date(2026, 11, 1, 11, 0, 0, 123_000_000, time.UTC); j.Created != want || j.Updated != want || !j.Finished.IsZero() {
		t.Errorf("times: %+v", j)
	}
	if !regexp.MustCompile(`^j-[a-z2-7]{16}$`).MatchString(j.ID) || len(j.ID) > wire.MaxJob {
		t.Errorf("id %q", j.ID)
	}
	if other, _ := job.New(spec(), job.DefaultLimits(), now); other.ID == j.ID {
		t.Error("two jobs have one id")
	}
}

func TestLimitsFitTheWire(t *testing.T) {
	if l := job.DefaultLimits(); l.MaxPurpose > wire.MaxPurpose || l.MaxDatasetName > wire.MaxDataset {
		t.Fatalf("%+v does not fit a lease", l)
	}
}

func TestInvalidSpecs(t *testing.T) {
	long := strings.Repeat("x", 3_000)
	for name, c := range map[string]struct {
		change func(*job.Spec)
		says   string
	}{
		"no dataset":       {func(s *job.Spec) { s.Dataset = "" }, "dataset is missing"},
		"dataset case":     {func(s *job.Spec) { s.Dataset = "Docs" }, "only a-z"},
		"dataset dash":     {func(s *job.Spec) { s.Dataset = "-docs" }, "- not first"},
		"dataset path":     {func(s *job.Spec) { s.Dataset = "../docs" }, "only a-z"},
		"dataset long":     {func(s *job.Spec) { s.Dataset = long }, "may have 63"},
		"no purpose":       {func(s *job.Spec) { s.Purpose = " \t" }, "purpose is missing"},
		"purpose long":     {func(s *job.Spec) { s.Purpose = long }, "may have 256"},
		"purpose breaks":   {func(s *job.Spec) { s.Purpose = "a\nb" }, "line breaks"},
		"purpose bytes":    {func(s *job.Spec) { s.Purpose = "a\xff" }, "UTF-8"},
		"scope":            {func(s *job.Spec) { s.Scope = "web" }, "list, prefix, host, site"},
		"redact raw":       {func(s *job.Spec) { s.Redact, s.KeepRaw = true, true }, "exclude each other"},
		"pages below":      {func(s *job.Spec) { s.MaxPages = -1 }, "max pages is -1"},
		"pages above":      {func(s *job.Spec) { s.MaxPages = 1 << 40 }, "must be 1 to"},
		"country":          {func(s *job.Spec) { s.Country = "de" }, "ISO 3166"},
		"country name":     {func(s *job.Spec) { s.Country = "Germany" }, "ISO 3166"},
		"no seed":          {func(s *job.Spec) { s.Seeds = nil }, "at least one"},
		"too many seeds":   {func(s *job.Spec) { s.Seeds = make([]string, 100_001) }, "split them"},
		"too long in all":  {func(s *job.Spec) { s.Seeds = manySeeds() }, "split them"},
		"seed long":        {func(s *job.Spec) { s.Seeds = []string{"https://a.example/" + long} }, "seed 1: address has"},
		"seed scheme":      {func(s *job.Spec) { s.Seeds = append(s.Seeds, "ftp://a.example/") }, "seed 2: "},
		"seed relative":    {func(s *job.Spec) { s.Seeds = []string{"/doc"} }, "http://"},
		"seed without":     {func(s *job.Spec) { s.Seeds = []string{"https://:443/"} }, "no host"},
		"seed with breaks": {func(s *job.Spec) { s.Seeds = []string{"https://a.example/\n"} }, "control"},
		"seed bad escape":  {func(s *job.Spec) { s.Seeds = []string{"https://a.example/%zz"} }, "cannot be read"},
		"seed with user":   {func(s *job.Spec) { s.Seeds = []string{"https://u:hidden@a.example/"} }, "password"},
	} {
		s := spec()
		c.change(&s)
		_, err := job.New(s, job.DefaultLimits(), time.Now())
		if !errors.Is(err, job.ErrInvalid) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, should say %q", name, err, c.says)
		}
		if err != nil && (strings.Contains(err.Error(), "hidden") || len(err.Error()) > 400) {
			t.Errorf("%s: error is too long or tells a secret: %v", name, err)
		}
	}
}

func manySeeds() []string {
	seeds := make([]string, 9_000)
	for i := range seeds {
		seeds[i] = "https://a.example/" + strings.Repeat("x", 2_000)
	}
	return seeds
}

func TestCanMove(t *testing.T) {
	states := []job.State{job.StateQueued, job.StateRunning, job.StatePaused, job.StateCancelled, job.StateDone, job.StateFailed}
	allowed := map[string]bool{
		"queued running": true, "queued paused": true, "queued cancelled": true, "queued failed": true,
		"running paused": true, "running done": true, "running cancelled": true, "running failed": true,
		"paused queued": true, "paused running": true, "paused cancelled": true, "paused failed": true,
	}
	for _, from := range states {
		for _, to := range states {
			if got := job.CanMove(from, to); got != allowed[string(from)+" "+string(to)] {
				t.Errorf("from %s to %s: %v", from, to, got)
			}
			if from.Final() && job.CanMove(from, to) {
				t.Errorf("%s is final and moves to %s", from, to)
			}
		}
		if !from.Valid() {
			t.Errorf("%s is not valid", from)
		}
	}
	if job.State("").Valid() || job.CanMove("", job.StateRunning) {
		t.Error("the empty state is one")
	}
}

func TestArea(t *testing.T) {
	place := func(url string) job.Place {
		host, _, _ := strings.Cut(strings.TrimPrefix(strings.TrimPrefix(url, "https://"), "http://"), "/")
		labels := strings.Split(host, ".")
		return job.Place{URL: url, Host: host, Site: strings.Join(labels[max(0, len(labels)-2):], ".")}
	}
	for _, c := range []struct {
		scope job.Scope
		seed  string
		in    []string
		out   []string
	}{
		{job.ScopeList, "https://a.b.example/x", []string{"https://a.b.example/x"}, []string{"https://a.b.example/x/", "https://a.b.example/"}},
		{job.ScopeHost, "https://a.b.example/x", []string{"https://a.b.example/", "http://a.b.example/y"}, []string{"https://b.example/", "https://c.b.example/"}},
		{job.ScopeSite, "https://a.b.example/x", []string{"https://b.example/", "https://c.b.example/"}, []string{"https://c.example/"}},
		{
			job.ScopePrefix, "https://b.example/doc",
			[]string{"https://b.example/doc", "https://b.example/doc?a=/b", "https://b.example/doc/x/y.html", "http://b.example/doc/"},
			[]string{"https://b.example/docker", "https://b.example/", "https://c.example/doc/", "https://b.example/?/doc/"},
		},
		{
			job.ScopePrefix, "https://b.example/doc/index.html?v=1",
			[]string{"https://b.example/doc/", "https://b.example/doc/x", "https://b.example/doc"},
			[]string{"https://b.example/x", "https://b.example/docs/"},
		},
		{job.ScopePrefix, "https://b.example/", []string{"https://b.example/", "https://b.example/x/y"}, []string{"https://c.example/"}},
		{"", "https://b.example/", nil, []string{"https://b.example/"}},
	} {
		area := job.NewArea(c.scope, []job.Place{place(c.seed)})
		for _, url := range c.in {
			if !area.InScope(place(url)) {
				t.Errorf("%s of %s leaves out %s", c.scope, c.seed, url)
			}
		}
		for _, url := range c.out {
			if area.InScope(place(url)) {
				t.Errorf("%s of %s lets in %s", c.scope, c.seed, url)
			}
		}
	}
	if job.NewArea(job.ScopeHost, []job.Place{{}}).InScope(job.Place{}) {
		t.Error("a place without host is in scope")
	}
}

func FuzzValidate(f *testing.F) {
	f.Add("docs", "why", "https://a.example/", "DE")
	f.Add("-", "\x00", "http://%", "")
	f.Fuzz(func(t *testing.T, dataset, purpose, seed, country string) {
		l := job.DefaultLimits()
		j, err := job.New(job.Spec{Dataset: dataset, Purpose: purpose, Seeds: []string{seed}, Country: country}, l, time.Now())
		if err != nil {
			return
		}
		if strings.ContainsAny(j.Dataset, "/\\. ") || strings.ContainsAny(seed, "\r\n") || len(seed) > l.MaxSeedBytes {
			t.Fatalf("accepted %+v", j)
		}
	})
}
