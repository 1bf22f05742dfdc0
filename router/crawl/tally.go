package crawl

import (
	"maps"
	"slices"
)

// Tally counts what became of a job's addresses. Pages is every address that
// the site answered, and always equals Records + Exact + Near + the sum of
// Skipped; addresses that robots.txt forbids and those that failed come on top.
type Tally struct {
	Pages     int64            `json:"pages"`
	Records   int64            `json:"records"`
	Exact     int64            `json:"exact"`
	Near      int64            `json:"near"`
	Skipped   map[string]int64 `json:"skipped,omitempty"` // answered but not a record, by cause
	Forbidden int64            `json:"forbidden"`         // not fetched: robots.txt
	Failed    map[string]int64 `json:"failed,omitempty"`  // given up, by kind of failure
	Cut       map[string]int64 `json:"cut,omitempty"`     // found and not fetched, by reason
	// CutSamples are some addresses for each reason, maxCutSamples at most.
	CutSamples map[string][]string `json:"cut_samples,omitempty"`
	Bytes      int64               `json:"bytes"`           // bodies as sent by the sites
	Nodes      map[string]int64    `json:"nodes,omitempty"` // pages by node
}

// maxTallyNodes bounds Tally.Nodes of a committed tally; further nodes are
// counted as otherNodes.
const (
	maxTallyNodes = 1000
	otherNodes    = "other"
)

// spent is what counts against a job's page limit.
func (t *Tally) spent() int64 { return t.Pages + t.Failures() }

// Failures is the sum of Failed.
func (t *Tally) Failures() int64 {
	var n int64
	for _, failed := range t.Failed {
		n += failed
	}
	return n
}

func (t *Tally) add(d Tally) {
	t.Pages += d.Pages
	t.Records += d.Records
	t.Exact += d.Exact
	t.Near += d.Near
	t.Forbidden += d.Forbidden
	t.Bytes += d.Bytes
	t.Skipped = merged(t.Skipped, d.Skipped)
	t.Failed = merged(t.Failed, d.Failed)
	t.Nodes = merged(t.Nodes, d.Nodes)
	t.Cut = merged(t.Cut, d.Cut)
	for reason, urls := range d.CutSamples {
		t.sample(reason, urls...)
	}
}

// bound folds the nodes beyond maxTallyNodes into "other".
func (t *Tally) bound() {
	for node, pages := range t.Nodes {
		if len(t.Nodes) <= maxTallyNodes {
			return
		}
		if node != otherNodes {
			delete(t.Nodes, node)
			t.Nodes[otherNodes] += pages
		}
	}
}

func (t Tally) clone() Tally {
	t.Skipped, t.Failed, t.Nodes = maps.Clone(t.Skipped), maps.Clone(t.Failed), maps.Clone(t.Nodes)
	t.Cut, t.CutSamples = maps.Clone(t.Cut), maps.Clone(t.CutSamples)
	for reason, urls := range t.CutSamples {
		t.CutSamples[reason] = slices.Clone(urls)
	}
	return t
}

func merged(into, from map[string]int64) map[string]int64 {
	if into == nil && len(from) > 0 {
		into = make(map[string]int64, len(from))
	}
	for key, n := range from {
		into[key] += n
	}
	return into
}

// subtract takes away what add has added before.
func (t *Tally) subtract(d Tally) {
	t.Pages -= d.Pages
	t.Records -= d.Records
	t.Exact -= d.Exact
	t.Near -= d.Near
	t.Forbidden -= d.Forbidden
	t.Bytes -= d.Bytes
	reduce(t.Skipped, d.Skipped)
	reduce(t.Failed, d.Failed)
	reduce(t.Nodes, d.Nodes)
	reduce(t.Cut, d.Cut) // samples stay: they are samples still
}

func reduce(from, by map[string]int64) {
	for key, n := range by {
		if from[key] -= n; from[key] == 0 {
			delete(from, key)
		}
	}
}
