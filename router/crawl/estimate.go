package crawl

import (
	"fmt"
	"sync"
	"time"
)

// Estimate is what can honestly be said of the rest of a job. A crawl does not
// know what it will find, so there are two times: Least for what is known already,
// Most for all that the job's page limit allows.
type Estimate struct {
	Rate      float64       // pages a second over the last minutes; 0 while it cannot be told
	Remaining int64         // addresses known and not fetched yet, within the job's limit
	Least     time.Duration // for Remaining at Rate; 0 while it cannot be told
	Most      time.Duration // to the job's limit at Rate; 0 while it cannot be told
}

// String is the estimate in a sentence.
func (e Estimate) String() string {
	switch {
	case e.Rate == 0:
		return fmt.Sprintf("%d addresses known and to be fetched; how long it takes cannot be told yet", e.Remaining)
	case e.Most <= e.Least:
		return fmt.Sprintf("%.1f pages/s, about %s to the job's limit", e.Rate, short2(e.Most))
	default:
		return fmt.Sprintf("%.1f pages/s: %s for the %d addresses known, up to %s if more are found, to the job's limit",
			e.Rate, short2(e.Least), e.Remaining, short2(e.Most))
	}
}

// short2 is a duration in its two largest units.
func short2(d time.Duration) string {
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%d s", int(d.Seconds()+0.5))
	case d < time.Hour:
		return fmt.Sprintf("%d min %d s", int(d.Minutes()), int(d.Seconds())%60)
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h %d min", int(d.Hours()), int(d.Minutes())%60)
	default:
		return fmt.Sprintf("%d days", int(d.Hours()/24))
	}
}

// Speed is measured in steps over a window. Before minSpan and minPages nothing
// is said: the first seconds of a crawl are those of robots.txt and of single pages.
const (
	speedStep  = 5 * time.Second
	speedSteps = 36 // three minutes
	minSpan    = 15 * time.Second
	minPages   = 10
	mostTime   = 10 * 365 * 24 * time.Hour
)

// speed measures how fast a job goes. It is safe for concurrent use.
type speed struct {
	mu    sync.Mutex
	steps []speedPoint // oldest first, at most speedSteps
}

type speedPoint struct {
	at   time.Time
	done int64
}

// note takes in how many pages are done; one note a step is kept.
func (s *speed) note(now time.Time, done int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if n := len(s.steps); n > 0 && now.Sub(s.steps[n-1].at) < speedStep {
		return
	}
	if len(s.steps) == speedSteps {
		s.steps = append(s.steps[:0], s.steps[1:]...)
	}
	s.steps = append(s.steps, speedPoint{now, done})
}

// reset forgets what was measured, after a pause.
func (s *speed) reset() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.steps = nil
}

// rate is pages a second, 0 while it cannot be told.
func (s *speed) rate(now time.Time, done int64) float64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.steps) == 0 {
		return 0
	}
	first := s.steps[0]
	span := now.Sub(first.at)
	if span < minSpan || done-first.done < minPages {
		return 0
	}
	return float64(done-first.done) / span.Seconds()
}

// estimate is for a job that has spent pages of limit and knows of queued more.
func estimate(rate float64, queued, spent, limit int64) Estimate {
	room := max(0, limit-spent)
	e := Estimate{Rate: rate, Remaining: min(queued, room)}
	if rate > 0 {
		e.Least, e.Most = timeFor(e.Remaining, rate), timeFor(room, rate)
	}
	return e
}

func timeFor(pages int64, rate float64) time.Duration {
	seconds := float64(pages) / rate
	if seconds >= mostTime.Seconds() {
		return mostTime
	}
	return time.Duration(seconds * float64(time.Second))
}
