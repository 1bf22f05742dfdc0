package crawl

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"lukechampine.com/blake3"

	"github.com/fallow-network/fallow/router/crawl/frontier"
	"github.com/fallow-network/fallow/router/crawl/job"
	"github.com/fallow-network/fallow/router/dedupe"
)

// A visited row is what is remembered of an address that a dataset has a page of,
// so that a later job need only ask for what has changed:
//
//	cv<dataset>\x00<address hash 16>   mark, JSON
const visitedPrefix = "cv"

// The interval at which an address is due again: it begins with firstInterval,
// halves when the page has changed, and grows by half when it has not.
const (
	firstInterval = 24 * time.Hour
	leastInterval = time.Hour
	mostInterval  = 90 * 24 * time.Hour
)

// mark is a visited row.
type mark struct {
	URL      string        `json:"url"`
	ETag     string        `json:"etag,omitempty"`
	Modified string        `json:"modified,omitempty"` // Last-Modified, as sent
	Digest   string        `json:"digest"`             // of the text, hex
	At       time.Time     `json:"at"`
	Every    time.Duration `json:"every"`
}

// maxValidator bounds an ETag or Last-Modified that is kept, in bytes.
const maxValidator = 256

// due reports whether the address should be asked for again at now. changed is
// when the site says that it was changed last, if it does.
func (m *mark) due(now, changed time.Time) bool {
	return !now.Before(m.At.Add(m.Every)) || changed.After(m.At) && !changed.After(now)
}

// next is the mark after a visit at now that found the page changed or not.
func (m *mark) next(now time.Time, changed bool) mark {
	n := *m
	n.At = now
	if changed {
		n.Every = max(leastInterval, m.Every/2)
	} else {
		n.Every = min(mostInterval, m.Every+m.Every/2)
	}
	return n
}

func visitedKey(name, url string) []byte {
	sum := blake3.Sum256([]byte(url))
	return append([]byte(visitedPrefix+name+"\x00"), sum[:16]...)
}

// markOf is what is remembered of an address.
func (c *Crawler) markOf(name, url string) (*mark, error) {
	var m mark
	found, err := c.getJSON(visitedKey(name, url), &m)
	if err != nil || !found || m.URL != url {
		return nil, err
	}
	return &m, nil
}

// dueAgain reports whether a recrawl takes an address up: it is new to the dataset,
// or due.
func (c *Crawler) dueAgain(r *run, it *frontier.Item) bool {
	if it.Kind != frontier.Page {
		return true
	}
	m, err := c.markOf(r.job.Dataset, it.URL)
	return err != nil || m == nil || m.due(c.now(), it.Changed)
}

// conditions are the header lines that ask for a page only if it has changed.
func (m *mark) conditions() http.Header {
	h := http.Header{}
	if m.ETag != "" {
		h.Set("If-None-Match", m.ETag)
	}
	if m.Modified != "" {
		h.Set("If-Modified-Since", m.Modified)
	}
	return h
}

// visited is the mark of a page that was fetched now, given the one before.
func visited(before *mark, url string, header http.Header, digest string, now time.Time) mark {
	m := mark{URL: url, Digest: digest, At: now, Every: firstInterval}
	if before != nil {
		m.Every = before.next(now, before.Digest != digest).Every
	}
	if v := header.Get("Etag"); len(v) <= maxValidator {
		m.ETag = v
	}
	if v := header.Get("Last-Modified"); len(v) <= maxValidator {
		m.Modified = v
	}
	return m
}

// stageMarks stages the marks of a commit.
func (c *Crawler) stageMarks(b *pebble.Batch, name string, marks []mark) error {
	for _, m := range marks {
		if err := setJSON(b, visitedKey(name, m.URL), m); err != nil {
			return fmt.Errorf("stage what was visited: %w", err)
		}
	}
	return nil
}

// recrawlStep is how many due addresses are queued at once.
const recrawlStep = 1_000

// takeUp queues the addresses of a job's dataset that are due again and within its
// scope, up to its page limit; in scope list, which follows nothing, all of them. It may be repeated: the frontier knows what it has.
func (c *Crawler) takeUp(r *run) (err error) {
	prefix := []byte(visitedPrefix + r.job.Dataset + "\x00")
	iter, err := c.state.NewIter(&pebble.IterOptions{LowerBound: prefix, UpperBound: []byte(visitedPrefix + r.job.Dataset + "\x01")})
	if err != nil {
		return fmt.Errorf("look for what is due again: %w", err)
	}
	defer func() { err = errors.Join(err, iter.Close()) }()
	var items []frontier.Item
	taken := int64(0)
	add := func() error {
		_, err := c.frontier.Add(items)
		items = items[:0]
		return err
	}
	for ok := iter.First(); ok && taken < r.job.MaxPages; ok = iter.Next() {
		var m mark
		if err := json.Unmarshal(iter.Value(), &m); err != nil {
			return fmt.Errorf("read what was visited: %w", err)
		}
		a, err := dedupe.Canonical(m.URL)
		if err != nil || !m.due(c.now(), time.Time{}) || !r.area.InScope(placeOf(a)) && r.job.Scope != job.ScopeList || !r.patterns.Follow(a.URL) {
			continue
		}
		taken++
		if items = append(items, newItem(r.job.ID, a, seedPriority)); len(items) == recrawlStep {
			if err := add(); err != nil {
				return fmt.Errorf("queue what is due again: %w", err)
			}
		}
	}
	if err := add(); err != nil {
		return fmt.Errorf("queue what is due again: %w", err)
	}
	return nil
}
