package crawl

import (
	"testing"
	"time"
)

func TestSpeed(t *testing.T) {
	var s speed
	start := time.Unix(1_700_000_000, 0)
	for i := range 600 { // two pages a second for ten minutes, looked at every second
		now := start.Add(time.Duration(i) * time.Second)
		s.note(now, int64(2*i))
		got := s.rate(now, int64(2*i))
		if tooSoon := i < 15; tooSoon && got != 0 || !tooSoon && (got < 1.99 || got > 2.01) {
			t.Fatalf("after %d s: %v", i, got)
		}
	}
	if len(s.steps) > speedSteps {
		t.Errorf("%d steps", len(s.steps))
	}
	now := start.Add(13 * time.Minute) // nothing since
	s.note(now, 1200)
	if got := s.rate(now, 1200); got > 1 {
		t.Errorf("after a halt: %v", got)
	}
	if e := estimate(1e-9, 10, 0, 1_000_000); e.Most != mostTime {
		t.Errorf("%+v", e)
	}
	if e := estimate(2, 100, 950, 1000); e.Remaining != 50 || e.Least != 25*time.Second || e.Most != e.Least {
		t.Errorf("the limit is near: %+v", e)
	}
}
