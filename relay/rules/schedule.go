package rules

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// maxWindows bounds a schedule.
const maxWindows = 64

const minutesADay = 24 * 60

// Window is a time of the week, in local time, as people write it:
//
//	mon-fri 22:00-07:00    on five evenings, into the next morning
//	sat,sun 00:00-24:00    two whole days
//	daily 01:00-06:00
//
// Days are those on which the window opens. One that ends at or before its
// beginning ends on the next day. Hours are what the clock on the wall shows, so
// in the night of a change to summer time a window is an hour shorter, and in
// the other an hour longer.
type Window struct {
	days     [7]bool // from Sunday
	from, to int     // minutes of the day; to may be 1440, never equal to from
}

var dayNames = [7]string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}

// ParseWindow reads one window. Names of days may be written out and in upper
// case.
func ParseWindow(text string) (Window, error) {
	var w Window
	fields := strings.Fields(strings.ToLower(text))
	if len(fields) != 2 {
		return w, fmt.Errorf("schedule %q is not like \"mon-fri 22:00-07:00\"", text)
	}
	for part := range strings.SplitSeq(fields[0], ",") {
		if err := w.addDays(part); err != nil {
			return w, fmt.Errorf("schedule %q: %w", text, err)
		}
	}
	from, to, ok := strings.Cut(fields[1], "-")
	var err error
	if w.from, err = minuteOf(from); err != nil || !ok || w.from == minutesADay {
		return w, fmt.Errorf("schedule %q: %q is not a time from 00:00 to 23:59, a dash and another", text, fields[1])
	}
	if w.to, err = minuteOf(to); err != nil {
		return w, fmt.Errorf("schedule %q: %w", text, err)
	}
	if w.from == w.to {
		return w, fmt.Errorf("schedule %q is empty; write 00:00-24:00 for the whole day", text)
	}
	return w, nil
}

// addDays reads "daily", "mon" or "mon-fri"; the latter may pass Saturday.
func (w *Window) addDays(part string) error {
	if part == "daily" {
		w.days = [7]bool{true, true, true, true, true, true, true}
		return nil
	}
	first, last, several := strings.Cut(part, "-")
	if !several {
		last = first
	}
	from, to := dayNumber(first), dayNumber(last)
	if from < 0 || to < 0 {
		return fmt.Errorf("%q is not a day such as mon, mon-fri or daily", part)
	}
	for d := from; ; d = (d + 1) % 7 {
		w.days[d] = true
		if d == to {
			return nil
		}
	}
}

func dayNumber(name string) int {
	for i := range dayNames {
		if full := strings.ToLower(time.Weekday(i).String()); name == dayNames[i] || name == full {
			return i
		}
	}
	return -1
}

// minuteOf reads "07:30"; "24:00" is the end of the day.
func minuteOf(text string) (int, error) {
	hour, minute, ok := strings.Cut(text, ":")
	h, errH := strconv.ParseUint(hour, 10, 8)
	m, errM := strconv.ParseUint(minute, 10, 8)
	total := int(h)*60 + int(m)
	if !ok || errH != nil || errM != nil || len(hour) > 2 || len(minute) != 2 || m > 59 || total > minutesADay {
		return 0, fmt.Errorf("%q is not a time such as 07:30 or 24:00", text)
	}
	return total, nil
}

// String is how the window is kept: ParseWindow reads it back.
func (w Window) String() string {
	return fmt.Sprintf("%s %02d:%02d-%02d:%02d", w.dayText(), w.from/60, w.from%60, w.to/60, w.to%60)
}

func (w Window) dayText() string {
	if !slices.Contains(w.days[:], false) {
		return "daily"
	}
	var parts []string
	for i := 1; i <= 7; { // weeks are written from Monday
		first := i
		for i <= 7 && w.days[i%7] {
			i++
		}
		switch n := i - first; {
		case n > 2:
			parts = append(parts, dayNames[first]+"-"+dayNames[(i-1)%7])
		case n > 0:
			for d := first; d < i; d++ {
				parts = append(parts, dayNames[d%7])
			}
		default:
			i++
		}
	}
	return strings.Join(parts, ",")
}

// MarshalText is String.
func (w Window) MarshalText() ([]byte, error) { return []byte(w.String()), nil }

// UnmarshalText is ParseWindow.
func (w *Window) UnmarshalText(text []byte) (err error) {
	*w, err = ParseWindow(string(text))
	return err
}

// contains reports whether the wall clock of t is within the window.
func (w Window) contains(t time.Time) bool {
	day, minute := int(t.Weekday()), t.Hour()*60+t.Minute()
	if w.from < w.to {
		return w.days[day] && w.from <= minute && minute < w.to
	}
	return w.days[day] && w.from <= minute || w.days[(day+6)%7] && minute < w.to
}

// Schedule is when to share; an empty one means always.
type Schedule []Window

// Open reports whether it lets t pass, by t's own zone.
func (s Schedule) Open(t time.Time) bool {
	return len(s) == 0 || slices.ContainsFunc(s, func(w Window) bool { return w.contains(t) })
}

// Next is when Open next changes after t, zero if that is not within ten days.
//
// It can change only where a window's wall time comes round or the clocks are
// changed. A wall time may come once, twice or not at all on a day, so each is
// tried in every offset the zone has about then; Open itself is the judge.
func (s Schedule) Next(t time.Time) time.Time {
	if len(s) == 0 {
		return time.Time{}
	}
	moments, offsets := clockChanges(t)
	for day := -1; day <= 10; day++ {
		midnight := time.Date(t.Year(), t.Month(), t.Day()+day, 0, 0, 0, 0, time.UTC)
		for _, w := range s {
			for _, minute := range [2]int{w.from, w.to} {
				wall := midnight.Add(time.Duration(minute) * time.Minute)
				for _, offset := range offsets {
					moments = append(moments, wall.Add(-offset).In(t.Location()))
				}
			}
		}
	}
	slices.SortFunc(moments, time.Time.Compare)
	now := s.Open(t)
	for _, m := range moments {
		if m.After(t) && s.Open(m) != now {
			return m
		}
	}
	return time.Time{}
}

// clockChanges are the next two changes of the zone's offset, and the offsets in
// force about them.
func clockChanges(t time.Time) (moments []time.Time, offsets []time.Duration) {
	at := t
	for range 3 {
		_, seconds := at.Zone()
		offsets = append(offsets, time.Duration(seconds)*time.Second)
		_, end := at.ZoneBounds()
		if end.IsZero() || end.Sub(t) > 11*24*time.Hour {
			break
		}
		at = end.In(t.Location())
		moments = append(moments, at)
	}
	slices.Sort(offsets)
	return moments, slices.Compact(offsets)
}
