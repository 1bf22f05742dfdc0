package rules

import (
	"fmt"
	"math"
	"time"
)

// usage is what was carried on the current day and in the current month, each
// named by the civil day it began on.
type usage struct {
	Month      string `json:"month,omitempty"`
	MonthBytes uint64 `json:"month_bytes,omitempty"`
	Day        string `json:"day,omitempty"`
	DayBytes   uint64 `json:"day_bytes,omitempty"`
}

// turn starts the counts again that belong to a day or month that is over. A
// clock that was set back does not: what was used stays used.
func (u *usage) turn(now time.Time, c Caps) {
	if m := monthOf(now, c.ResetDay); m > u.Month {
		u.Month, u.MonthBytes = m, 0
	}
	if d := dayOf(now); d > u.Day {
		u.Day, u.DayBytes = d, 0
	}
}

// left is how much may be carried before the next cap is reached: 0 when one is,
// and more than anybody carries without a cap.
func (u usage) left(c Caps) uint64 {
	left := uint64(math.MaxUint64)
	if c.DailyBytes > 0 {
		left = min(left, c.DailyBytes-min(c.DailyBytes, u.DayBytes))
	}
	if c.MonthlyBytes > 0 {
		left = min(left, c.MonthlyBytes-min(c.MonthlyBytes, u.MonthBytes))
	}
	return left
}

// Usage is what was carried, in bytes.
type Usage struct {
	Day   uint64 `json:"day"`   // since midnight
	Month uint64 `json:"month"` // since the reset day
}

// Carried counts bytes towards the caps, as they flow. It is cheap and does no
// I/O. The byte that reaches a cap closes Changed; from its return on, Allow
// refuses everything.
func (r *Rules) Carried(n uint64) {
	if r.fresh.Add(n) < r.budget.Load() {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.fold(r.now())
}

// fold moves what was carried into the state, raises the alarm if that reached a
// cap, and sets the next budget; the caller holds mu. Bytes that came before the
// new budget stood, and were measured by the old one, are looked at again.
func (r *Rules) fold(now time.Time) {
	r.state.Usage.turn(now, r.state.Settings.Caps)
	for budget := r.foldOnce(); r.fresh.Load() >= budget; {
		budget = r.foldOnce()
	}
}

func (r *Rules) foldOnce() (budget uint64) {
	u, c := &r.state.Usage, r.state.Settings.Caps
	before, n := u.left(c), r.fresh.Swap(0)
	u.DayBytes += n
	u.MonthBytes += n
	r.pending += n
	budget = u.left(c)
	if before > 0 && budget == 0 {
		r.urgent = true
		r.wake()
	}
	if budget == 0 {
		budget = math.MaxUint64 // one alarm is enough
	}
	r.budget.Store(budget)
	return budget
}

// Flush stores what was carried if that is due: much, long ago, or a cap is
// reached. Package relay calls it every few seconds. The error is that of
// storing, and the count stands all the same.
func (r *Rules) Flush() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.now()
	r.fold(now)
	if r.pending == 0 || !r.urgent && r.pending < storeBytes && now.Sub(r.stored) < storeEvery {
		return nil
	}
	err := r.store(r.state)
	r.stored, r.pending, r.urgent = now, 0, false // a full disk is not asked again at once
	return err
}

// Used is what was carried today and this month.
func (r *Rules) Used(now time.Time) Usage {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.fold(now)
	return Usage{Day: r.state.Usage.DayBytes, Month: r.state.Usage.MonthBytes}
}

// capped is the verdict of the caps; the caller holds mu and has folded.
func (r *Rules) capped(now time.Time) (Verdict, bool) {
	u, c := r.state.Usage, r.state.Settings.Caps
	if c.MonthlyBytes > 0 && u.MonthBytes >= c.MonthlyBytes {
		return capVerdict(RuleMonth, "this month's", c.MonthlyBytes, nextMonth(now, c.ResetDay), now)
	}
	if c.DailyBytes > 0 && u.DayBytes >= c.DailyBytes {
		return capVerdict(RuleDay, "today's", c.DailyBytes, nextDay(now), now)
	}
	return Verdict{}, false
}

// size is a number of bytes as people read it.
func size(n uint64) string {
	if n < 1e9 {
		return fmt.Sprintf("%.0f MB", float64(n)/1e6)
	}
	return fmt.Sprintf("%.1f GB", float64(n)/1e9)
}
