package doctor

import (
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

// clockKept asks the kernel whether something keeps the clock, and how far off it may
// be (adjtimex(2); reading takes no privileges).
func clockKept() (time.Duration, error) {
	var t unix.Timex
	state, err := unix.Adjtimex(&t)
	if err != nil {
		return 0, fmt.Errorf("%w: %w", errClockUnknown, err)
	}
	if state == unix.TIME_ERROR || t.Status&unix.STA_UNSYNC != 0 {
		return 0, errUnsynced
	}
	return time.Duration(t.Maxerror) * time.Microsecond, nil
}
