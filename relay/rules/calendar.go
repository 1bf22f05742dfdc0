package rules

import "time"

// A civil day is written "2006-01-02", so that days compare as text and mean the
// same on both sides of a change to or from summer time.

// dayOf is the civil day of now in its zone.
func dayOf(now time.Time) string { return now.Format(time.DateOnly) }

// monthOf is the civil day on which the month of now began, if months begin on
// the reset day.
func monthOf(now time.Time, reset int) string {
	y, m, d := now.Date()
	if d < reset {
		m--
	}
	return time.Date(y, m, reset, 12, 0, 0, 0, time.UTC).Format(time.DateOnly)
}

// nextDay is the first moment of the day after now.
func nextDay(now time.Time) time.Time {
	y, m, d := now.Date()
	return startOf(y, m, d+1, now.Location())
}

// nextMonth is the first moment of the next reset day after now.
func nextMonth(now time.Time, reset int) time.Time {
	y, m, d := now.Date()
	if d >= reset {
		m++
	}
	return startOf(y, m, reset, now.Location())
}

// startOf is the first moment of a civil day. Where clocks change at midnight
// that is not 00:00: the hour may be missing, or come twice.
func startOf(y int, m time.Month, d int, zone *time.Location) time.Time {
	want := time.Date(y, m, d, 12, 0, 0, 0, time.UTC).Format(time.DateOnly)
	t := time.Date(y, m, d, 0, 0, 0, 0, zone)
	if dayOf(t) < want { // 00:00 is missing and was read as 23:00 of the day before
		_, t = t.ZoneBounds()
		return t.In(zone)
	}
	if twice := t.Add(-time.Hour); dayOf(twice) == want {
		return twice
	}
	return t
}
