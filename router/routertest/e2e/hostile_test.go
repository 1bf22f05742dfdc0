//go:build e2e

package e2e_test

import (
	"context"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/fallow-network/fallow/dataset"
	"github.com/fallow-network/fallow/router"
	"github.com/fallow-network/fallow/router/api"
	"github.com/fallow-network/fallow/router/routertest"
)

// hostileMemory is the most that the whole network may take while it meets the
// hostile sites: the router, its nodes and the sites themselves.
const hostileMemory = 512 << 20

// Whatever a site does, each address ends as what it is and within its time,
// nothing panics, memory stays bounded, and no record is cut, forged or unclean.
func TestHostileSites(t *testing.T) {
	resetPeak(t)
	hasty := func(cfg *router.Config) {
		cfg.Crawl.Fetch.Total, cfg.Crawl.Fetch.FirstByte, cfg.Crawl.Fetch.Idle = 6*time.Second, 4*time.Second, 3*time.Second
		cfg.Crawl.FetchTime, cfg.Crawl.MaxNodes, cfg.Crawl.MaxTries = 15*time.Second, 1, 2
	}
	routertest.Run(t, routertest.Config{Nodes: 3, Names: routertest.HostileNames(), Router: hasty}, func(ctx context.Context, n *routertest.Net) {
		urls, ends := n.Hostile()
		jobs := map[string]string{}
		for name, url := range urls {
			jobs[name] = n.Submit(ctx, api.NewJob{Dataset: name, Scope: "site", MaxPages: 20, Seeds: []string{url}})
		}
		for name, id := range jobs {
			j := n.AwaitJob(ctx, id)
			end := endOf(j)
			if j.State != "done" || !slices.Contains(ends[name], end) {
				t.Errorf("%s: %s, ended as %q with %+v, want %v", name, j.State, end, j.Counts, ends[name])
			}
			if end == "record" {
				checkHostileRecord(t, name, n.Records(j.Result.Dir))
			} else if j.Counts.Records != 0 {
				t.Errorf("%s made a record", name)
			}
		}
	})
	if peak := peakMemory(t); peak > hostileMemory {
		t.Errorf("%d MiB of memory at the peak", peak>>20)
	} else {
		t.Logf("%d MiB of memory at the peak", peak>>20)
	}
}

// endOf says in one word how a job over one address ended.
func endOf(j api.Job) string {
	if j.Counts.Records > 0 {
		return "record"
	}
	for kind := range j.Counts.Failed {
		return "failed:" + kind
	}
	end := ""
	for cause := range j.Counts.Skipped {
		// A maze has redirects before the one too many.
		if cause != "redirect" || end == "" {
			end = "skipped:" + cause
		}
	}
	return end
}

func checkHostileRecord(t *testing.T, name string, records []dataset.Record) {
	t.Helper()
	if len(records) != 1 {
		t.Errorf("%s made %d records", name, len(records))
		return
	}
	text := records[0].Text
	if !strings.HasSuffix(text, routertest.ProseEnd) && name != "not-utf16" {
		t.Errorf("%s: the record ends in %q", name, text[max(0, len(text)-80):])
	}
	if !utf8.ValidString(text) || strings.ContainsFunc(text, func(r rune) bool { return unicode.IsControl(r) && r != '\n' && r != '\t' }) {
		t.Errorf("%s: the record is not clean", name)
	}
}

// resetPeak begins the measurement of peakMemory anew, where the system can.
func resetPeak(t *testing.T) {
	t.Helper()
	_ = os.WriteFile("/proc/self/clear_refs", []byte("5"), 0) // elsewhere the peak is the process's
}

// peakMemory is the most memory this process has had of the machine's, 0 where it
// is not known.
func peakMemory(t *testing.T) int64 {
	t.Helper()
	raw, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(raw)) {
		if fields := strings.Fields(line); len(fields) == 3 && fields[0] == "VmHWM:" {
			kb, err := strconv.ParseInt(fields[1], 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			return kb << 10
		}
	}
	return 0
}
