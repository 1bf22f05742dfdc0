package journal_test

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/fallow-network/fallow/relay/journal"
	"github.com/fallow-network/fallow/relay/wire"
)

// A router that is refused all day must not push the tunnels it did open out of
// the journal.
func TestRefusalsDoNotWashOutEvidence(t *testing.T) {
	for _, kind := range []journal.Kind{journal.Refused, journal.Pages, journal.Disputed} {
		t.Run(string(kind), func(t *testing.T) {
			now := noon
			dir := t.TempDir()
			j := open(t, dir, func() time.Time { return now }, func(c *journal.Config) {
				c.SegmentBytes, c.MaxBytes = 256<<10, 4<<20
				c.RefusedPerDay, c.PagesPerDay = 512<<10, 512<<10
			})
			evidence := entry(1)
			evidence.Kind = journal.Opened
			if _, err := j.Append(evidence); err != nil {
				t.Fatal(err)
			}
			flood := journal.Entry{Kind: kind, Host: "site.example", Lease: make([]byte, 800), URLs: []string{strings.Repeat("u", 200)}}
			const hours, each = 24, 200
			for range hours * each {
				if _, err := j.Append(flood); err != nil {
					t.Fatal(err)
				}
				now = now.Add(time.Hour / each)
			}
			if err := j.Close(); err != nil {
				t.Fatal(err)
			}
			all, err := journal.Read(dir, journal.Filter{Limit: journal.MaxLimit})
			if err != nil {
				t.Fatal(err)
			}
			if all[0].Kind != journal.Opened {
				t.Error("what the router did is gone")
			}
			if last := all[len(all)-1]; last.Kind != journal.Omitted || last.Reason != wire.RateLimited {
				t.Errorf("the last entry is %+v", last)
			}
			if _, err := journal.Verify(dir); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestOmittedEntriesAreCounted(t *testing.T) {
	now := noon
	j := open(t, t.TempDir(), func() time.Time { return now }, func(c *journal.Config) { c.RefusedPerDay = 1 })
	written := 0
	for range 100 {
		n, err := j.Append(journal.Entry{Kind: journal.Refused, Lease: make([]byte, 2000)})
		if err != nil {
			t.Fatal(err)
		}
		if n != 0 {
			written++
		}
	}
	if _, err := j.Append(entry(1)); err != nil {
		t.Fatal(err)
	}
	now = now.Add(time.Minute)
	if _, err := j.Append(entry(2)); err != nil {
		t.Fatal(err)
	}
	all, err := j.Read(journal.Filter{Kinds: []journal.Kind{journal.Refused, journal.Omitted, journal.Closed}})
	if err != nil {
		t.Fatal(err)
	}
	told, omitted := "", 0
	for _, e := range all {
		if e.Kind == journal.Omitted {
			told, omitted = e.Note, omitted+1
		}
	}
	if written == 0 || written > 60 || len(all) != written+omitted+2 || omitted > 2 {
		t.Errorf("%d refusals, %d summaries, %d entries", written, omitted, len(all))
	}
	if !strings.Contains(told, "refused leases") {
		t.Errorf("told: %q", told)
	}
}

func TestNotesAreCut(t *testing.T) {
	j := open(t, t.TempDir(), fixed)
	for _, note := range []string{strings.Repeat("x", 100_000), strings.Repeat("ü\x00", 50_000), strings.Repeat("\xbf", 1000)} {
		if _, err := j.Append(journal.Entry{Kind: journal.Closed, Note: note}); err != nil {
			t.Errorf("a closed tunnel is lost for its note: %v", err)
		}
	}
	all, err := j.Read(journal.Filter{})
	if err != nil || len(all) != 3 {
		t.Fatalf("%d entries, %v", len(all), err)
	}
	if got := all[0].Note; len(got) != 512 {
		t.Errorf("a note of %d bytes", len(got))
	}
	if got := all[1].Note; !utf8.ValidString(got) || strings.ContainsRune(got, utf8.RuneError) {
		t.Errorf("cut inside a character: %q", got[len(got)-8:])
	}
}
