package presence

import (
	"strconv"
	"strings"
	"time"
)

// What the tools of macOS print is read here, for every system, so that it is
// tested on every system.

// hidIdle finds `"HIDIdleTime" = 123`, nanoseconds, in the output of ioreg.
func hidIdle(out string) (time.Duration, bool) {
	for line := range strings.Lines(out) {
		_, after, ok := strings.Cut(line, `"HIDIdleTime" = `)
		if !ok {
			continue
		}
		if n, err := strconv.ParseInt(strings.TrimSpace(after), 10, 64); err == nil && n >= 0 {
			return time.Duration(n), true
		}
	}
	return 0, false
}

// powerSource reads the first line of pmset -g batt.
func powerSource(out string) Finding {
	switch {
	case strings.Contains(out, "'Battery Power'"):
		return yes("pmset says that it draws from the battery")
	case strings.Contains(out, "'AC Power'"):
		return no("pmset says that it is plugged in")
	default:
		return cannot("pmset does not say what it draws from")
	}
}
