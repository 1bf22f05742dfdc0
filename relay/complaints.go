package relay

import (
	"log/slog"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"
)

// complaints logs what a router does wrong, but not as often as it does it.
type complaints struct {
	log   *slog.Logger
	pace  *rate.Limiter
	spare atomic.Uint64 // not logged since the last that was
}

func newComplaints(log *slog.Logger) *complaints {
	return &complaints{log: log, pace: rate.NewLimiter(rate.Every(10*time.Second), 10)}
}

func (c *complaints) warn(message string, args ...any) {
	if !c.pace.Allow() {
		c.spare.Add(1)
		return
	}
	if spare := c.spare.Swap(0); spare > 0 {
		args = append(args, "unlogged_before", spare)
	}
	c.log.Warn(message, args...) //nolint:sloglint // every caller passes a constant
}
