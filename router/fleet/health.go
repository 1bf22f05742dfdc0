package fleet

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/fallow-network/fallow/relay/wire"
)

// maxEvents is how many events are looked at for a node's standing.
const maxEvents = 32

// health is what the router has lately seen of a node. Two things are kept
// apart: failing (the node rests a while, nothing is recorded) and being caught
// (quarantine, with a reason code that its owner can read).
type health struct {
	ratio       float64 // moving average of served over tried; the zero value counts as newcomer
	tried       int
	inRow       int // failures in a row
	rests       int
	restUntil   time.Time
	strikes     int
	quarantine  time.Time
	quarantined wire.Reason
	permille    int // standing; see Event.Permille
	suspected   map[wire.Reason][]time.Time
}

// success is the node's served ratio, with newcomers given good credit so that
// they get their share.
func (h *health) success() float64 {
	if h.tried < 10 {
		return 0.9
	}
	return h.ratio
}

func (h *health) wellAt(now time.Time) bool {
	return !now.Before(h.restUntil) && !now.Before(h.quarantine)
}

func (h *health) served() {
	h.observe(1)
	h.inRow, h.rests = 0, 0
}

func (h *health) failed(now time.Time, cfg Config) {
	h.observe(0)
	h.inRow++
	if h.inRow >= cfg.UnwellAfter {
		h.restUntil = now.Add(doubled(cfg.UnwellBase, h.rests, cfg.UnwellMax))
		h.rests++
		h.inRow = 0
	}
}

func (h *health) observe(value float64) {
	const weight = 0.05
	if h.tried == 0 {
		h.ratio = value
	}
	h.tried++
	h.ratio += weight * (value - h.ratio)
}

// strike puts the node in quarantine from at on.
func (h *health) strike(reason wire.Reason, at time.Time, cfg Config) {
	h.quarantine = at.Add(doubled(cfg.QuarantineBase, h.strikes, cfg.QuarantineMax))
	h.quarantined = reason
	h.strikes++
}

// recall rebuilds quarantine and standing from recorded events, newest first.
func (h *health) recall(events []Event, cfg Config) {
	h.permille = goodStanding
	for _, e := range slices.Backward(events) {
		h.permille = e.Permille
		if caught(e.Reason) {
			h.strike(e.Reason, e.At, cfg)
		}
	}
}

func doubled(base time.Duration, times int, limit time.Duration) time.Duration {
	for range times {
		if base >= limit {
			break
		}
		base *= 2
	}
	return min(base, limit)
}

// caught are the reasons that put a node in quarantine.
func caught(r wire.Reason) bool {
	switch r {
	case wire.TLSForged, wire.BytesCorrupted, wire.BytesTruncated, wire.Stalled, wire.ReceiptSignature:
		return true
	default:
		return false
	}
}

// enough is how many suspicions within Config.SuspectFor make a node caught. A
// certificate that is not the site's, where another node saw the real one, can
// hardly be an accident; a slow or broken line can.
func enough(r wire.Reason) int {
	switch r {
	case wire.TLSForged:
		return 1
	case wire.BytesCorrupted:
		return 2
	default:
		return 5
	}
}

// Suspect reports that a fetch failed through a node in a way that may be its
// doing, and then went well through another. Often enough, it is blamed.
func (f *Fleet) Suspect(node wire.Key, reason wire.Reason, detail string) {
	now := f.now()
	if s := f.session(node); s != nil {
		s.mu.Lock()
		count := s.health.suspect(reason, now.Add(-f.cfg.SuspectFor), now)
		s.mu.Unlock()
		if count < enough(reason) {
			return
		}
	} else if enough(reason) > 1 {
		return
	}
	f.Blame(node, reason, detail)
}

// suspect counts the suspicions since a time, this one included; what reaches
// enough starts anew.
func (h *health) suspect(reason wire.Reason, since, now time.Time) int {
	if h.suspected == nil {
		h.suspected = make(map[wire.Reason][]time.Time)
	}
	recent := slices.DeleteFunc(h.suspected[reason], func(t time.Time) bool { return t.Before(since) })
	recent = append(recent, now)
	h.suspected[reason] = recent
	if len(recent) >= enough(reason) {
		delete(h.suspected, reason)
	}
	return len(recent)
}

// Blame records that a node was caught: another node did right where this one
// did wrong. It is left out for a while, its standing falls, and its owner can
// read why.
func (f *Fleet) Blame(node wire.Key, reason wire.Reason, detail string) {
	f.log.Warn("node quarantined", "node", node, "reason", reason, "detail", detail)
	if s := f.session(node); s != nil {
		s.mu.Lock()
		s.health.strike(reason, f.now(), f.cfg)
		s.health.permille = max(0, s.health.permille-strikePermille)
		s.mu.Unlock()
	}
	f.Note(node, reason, detail)
}

// Note records an event in a node's standing without further consequence.
func (f *Fleet) Note(node wire.Key, reason wire.Reason, detail string) {
	f.metrics.events.WithLabelValues(reason.String()).Inc()
	ctx, cancel := context.WithTimeout(context.Background(), f.cfg.WriteTimeout)
	defer cancel()
	permille, err := f.permille(ctx, node)
	if err == nil {
		err = f.db.SaveStanding(ctx, Event{
			Node: node, At: f.now(), Reason: reason, Permille: permille,
			Detail: strings.ToValidUTF8(detail[:min(len(detail), MaxDetail)], ""),
		})
	}
	if err != nil {
		f.log.Error("standing not recorded", "node", node, "reason", reason, "error", err)
	}
}

// permille is the standing of a node, connected or not.
func (f *Fleet) permille(ctx context.Context, node wire.Key) (int, error) {
	if s := f.session(node); s != nil {
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.health.permille, nil
	}
	events, err := f.db.Standing(ctx, node, 1)
	if err != nil || len(events) == 0 {
		return goodStanding, err
	}
	return events[0].Permille, nil
}

func (f *Fleet) session(node wire.Key) *session {
	f.mu.RLock()
	defer f.mu.RUnlock()
	return f.sessions[node]
}
