package journal

import (
	"fmt"
	"time"
	"unicode/utf8"

	"golang.org/x/time/rate"

	"github.com/fallow-network/fallow/relay/wire"
)

const (
	day = 24 * time.Hour
	// A quota not used is saved up for the eighth part of a day.
	burstsPerDay = 8
	// tellOmitted is how often the journal says what it left out, at most.
	tellOmitted = time.Minute
	// maxNote bounds Entry.Note, in bytes. Longer ones are cut.
	maxNote = 512
)

// quota bounds entries that a router can cause without a site being reached, so
// that it cannot push out of the journal what it would rather not find there.
type quota struct {
	perDay  int64
	left    *rate.Limiter // bytes
	omitted uint64        // entries left out and not yet told of
}

func newQuota(perDay int64) *quota {
	return &quota{
		perDay: perDay,
		left:   rate.NewLimiter(rate.Limit(float64(perDay)/day.Seconds()), int(max(perDay/burstsPerDay, maxLine))),
	}
}

// quotaOf is nil for the kinds that are always written.
func (j *Journal) quotaOf(k Kind) *quota {
	switch k {
	case Refused, Disputed, Halted:
		return j.refused
	case Pages:
		return j.pages
	default:
		return nil
	}
}

// spend reports whether size bytes may still be written under q.
func (q *quota) spend(now time.Time, size int) bool {
	if q == nil || q.left.AllowN(now, size) {
		return true
	}
	q.omitted++
	return false
}

// tellOmitted writes down how many entries were left out, if any; at once or
// when it was not said lately. Called with mu held.
func (j *Journal) tellOmitted(atOnce bool) error {
	if j.refused.omitted+j.pages.omitted == 0 {
		return nil
	}
	now := j.now()
	if !atOnce && now.Sub(j.told) < tellOmitted {
		return nil
	}
	note := fmt.Sprintf("entries left out: %d of refused leases and disputed receipts, over %d bytes a day; %d of addresses read, over %d bytes a day",
		j.refused.omitted, j.refused.perDay, j.pages.omitted, j.pages.perDay)
	if _, err := j.write(Entry{Kind: Omitted, Reason: wire.RateLimited, Note: note}); err != nil {
		return err
	}
	j.refused.omitted, j.pages.omitted, j.told = 0, 0, now
	return nil
}

// cutNote shortens a note between two characters.
func cutNote(note string) string {
	if len(note) <= maxNote {
		return note
	}
	end := maxNote
	for end > maxNote-utf8.UTFMax && !utf8.RuneStart(note[end]) {
		end--
	}
	return note[:end]
}
