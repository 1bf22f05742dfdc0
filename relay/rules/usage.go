package rules

import "time"

// usage is what was carried since the last reset day.
type usage struct {
	Since time.Time `json:"since"`
	Bytes uint64    `json:"bytes"`
}

// in is what counts at now: nothing if the month the bytes belong to is over.
func (u usage) in(now time.Time, c Caps) uint64 {
	if u.Since.Before(thisMonth(now, c.ResetDay)) {
		return 0
	}
	return u.Bytes
}

// thisMonth is the last reset day's midnight at or before now, in now's zone.
func thisMonth(now time.Time, day int) time.Time {
	start := time.Date(now.Year(), now.Month(), day, 0, 0, 0, 0, now.Location())
	if now.Before(start) {
		start = start.AddDate(0, -1, 0)
	}
	return start
}

func nextMonth(now time.Time, day int) time.Time {
	return thisMonth(now, day).AddDate(0, 1, 0)
}

// Carried counts bytes towards the monthly cap. It stores the count now and
// then; the error is that of storing, and the count stands all the same.
func (r *Rules) Carried(n uint64) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.now()
	u := &r.state.Usage
	if u.Since.Before(thisMonth(now, r.state.Settings.Caps.ResetDay)) {
		*u = usage{Since: now}
	}
	u.Bytes += n
	r.pending += n
	if r.pending < storeBytes && now.Sub(r.stored) < storeEvery {
		return nil
	}
	err := r.store(r.state)
	r.stored, r.pending = now, 0 // a full disk is not asked again at once
	return err
}

// Used is what was carried since the last reset day, in bytes.
func (r *Rules) Used(now time.Time) uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.state.Usage.in(now, r.state.Settings.Caps)
}
