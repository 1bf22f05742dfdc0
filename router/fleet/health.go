package fleet

import (
	"context"
	"fmt"
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
	servedAll   int // fetches served
	suspected   map[wire.Reason][]doubt
	noted       map[wire.Reason]time.Time // when a reason last entered the node's events
}

// doubt is one fetch that failed through the node and went well through
// another.
type doubt struct {
	at     time.Time
	served int    // what the node had served by then
	site   string // where
}

// success is the node's served ratio, with newcomers given good credit so that
// they get their share.
func (h *health) success() float64 {
	if h.tried < 10 {
		return 1
	}
	return h.ratio
}

func (h *health) wellAt(now time.Time) bool {
	return !now.Before(h.restUntil) && !now.Before(h.quarantine)
}

func (h *health) served() {
	h.observe(1)
	h.servedAll++
	h.inRow, h.rests = 0, 0
}

func (h *health) failed(now time.Time, cfg Config) {
	h.observe(0)
	h.unused(now, cfg)
}

// unused counts towards a rest without lowering the ratio: a node that always
// declines is always free, and would otherwise be asked first every time.
func (h *health) unused(now time.Time, cfg Config) {
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
	h.noted = make(map[wire.Reason]time.Time)
	for _, e := range slices.Backward(events) {
		regained := e.Permille > h.permille
		h.permille = e.Permille
		h.noted[e.Reason] = e.At
		switch {
		case regained: // it mended, or the operator took its word
			h.quarantine = time.Time{}
			if e.Permille == goodStanding {
				h.strikes = 0
			}
		case caught(e.Reason):
			h.strike(e.Reason, e.At, cfg)
		}
	}
}

// Decided takes up that the operator has set a node's standing: it is read from
// the database again, and a quarantine that was raised with it ends.
func (f *Fleet) Decided(node wire.Key) {
	k := f.knownOf(node)
	k.mu.Lock()
	k.recalled = false
	k.health.quarantine, k.health.strikes = time.Time{}, 0
	clear(k.health.suspected)
	k.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), f.cfg.WriteTimeout)
	defer cancel()
	if err := f.recall(ctx, node, k); err != nil {
		f.log.Error("standing not recalled", "node", node, "error", err)
	}
	f.signal()
}

// mendPermille is what a standing regains for each day without an event: a node
// that was caught by mistake, or has mended its ways, is whole again in time.
const mendPermille = 50

// mend is what the standing has regained by now; zero when there is nothing to
// record.
func (h *health) mend(now time.Time) (days int) {
	if h.permille >= goodStanding {
		return 0
	}
	var last time.Time
	for _, at := range h.noted {
		if at.After(last) {
			last = at
		}
	}
	return int(now.Sub(last) / (24 * time.Hour))
}

// mend gives a node back what days without an event have earned it. The event
// keeps the reason that lowered the standing, since that still explains it.
func (f *Fleet) mend(ctx context.Context, node wire.Key, k *known) {
	now := f.now()
	k.mu.Lock()
	days := k.health.mend(now)
	if days <= 0 {
		k.mu.Unlock()
		return
	}
	k.health.permille = min(goodStanding, k.health.permille+days*mendPermille)
	e := k.event(node, k.health.quarantined, now, fmt.Sprintf("regained after %d days without an event", days))
	k.mu.Unlock()
	f.record(ctx, e)
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
// certificate that is not the site's must have come on so many unrelated sites: one
// may be a provider's page about a site it blocks.
func enough(r wire.Reason) int {
	switch r {
	case wire.TLSForged, wire.BytesCorrupted:
		return 2
	default:
		return 5
	}
}

// costs says whether being caught lowers a standing. What a slow or broken line
// does to an honest node as well makes it rest and costs nothing.
func costs(r wire.Reason) bool {
	switch r {
	case wire.TLSForged, wire.BytesCorrupted, wire.ReceiptSignature:
		return true
	default:
		return false
	}
}

// graceFor is how long a warning stands: certificates of another's making are a
// warning the first time, since the node's network may do that to it (a school, a
// provider); its owner has until the next time to leave that network.
const graceFor = 30 * 24 * time.Hour

// warned says whether the node was caught at this within graceFor. The caller
// holds the lock.
func (h *health) warned(reason wire.Reason, now time.Time) bool {
	last, before := h.noted[reason]
	return before && now.Sub(last) < graceFor
}

// Suspect reports that a fetch of a site failed through a node in a way that may
// be its doing, and then went well through another. Often enough, it is blamed.
func (f *Fleet) Suspect(node wire.Key, site string, reason wire.Reason, detail string) {
	now := f.now()
	since := now.Add(-f.cfg.SuspectFor)
	if s := f.session(node); sitesOwn(reason) && (s == nil || !s.sharing()) {
		return // it left or was paused meanwhile, and broke off what it carried
	}
	if sitesOwn(reason) && f.sites.suspect(site, node, since, now) {
		return // it happens to others there too
	}
	k := f.knownOf(node)
	k.mu.Lock()
	proven := k.health.suspect(reason, site, since, now)
	k.mu.Unlock()
	if proven {
		f.Blame(node, reason, detail)
	}
}

// sitesOwn are the failures that sites produce themselves, by being slow or by
// closing connections as they please.
func sitesOwn(r wire.Reason) bool { return r == wire.BytesTruncated || r == wire.Stalled }

// suspect counts the doubts since a time, this one included, and reports
// whether they are enough: so many, and at least half of what the node was
// given meanwhile. One that serves thousands of fetches meets slow sites too.
func (h *health) suspect(reason wire.Reason, site string, since, now time.Time) bool {
	if h.suspected == nil {
		h.suspected = make(map[wire.Reason][]doubt)
	}
	recent := slices.DeleteFunc(h.suspected[reason], func(d doubt) bool { return d.at.Before(since) })
	if reason == wire.TLSForged { // the same site again says nothing new
		recent = slices.DeleteFunc(recent, func(d doubt) bool { return d.site == site })
	}
	if extra := len(recent) + 1 - enough(reason); extra > 0 {
		recent = slices.Delete(recent, 0, extra)
	}
	recent = append(recent, doubt{now, h.servedAll, site})
	h.suspected[reason] = recent
	if len(recent) < enough(reason) || h.servedAll-recent[0].served > len(recent) {
		return false
	}
	delete(h.suspected, reason)
	return true
}

// Blame records that a node was caught: another node did right where this one
// did wrong. It is left out for a while, its standing falls, and its owner can
// read why, unless a bad line could have done the same, or it is a first time that
// its network may be to blame for. What was under way when it was caught is the same incident and adds
// nothing.
func (f *Fleet) Blame(node wire.Key, reason wire.Reason, detail string) {
	ctx, cancel := context.WithTimeout(context.Background(), f.cfg.WriteTimeout)
	defer cancel()
	k := f.knownOf(node)
	if err := f.recall(ctx, node, k); err != nil {
		f.log.Error("standing not recalled", "node", node, "error", err)
		return
	}
	now := f.now()
	k.mu.Lock()
	again := now.Before(k.health.quarantine)
	if !again {
		switch {
		case !costs(reason):
		case reason == wire.TLSForged && !k.health.warned(reason, now):
			detail = "a warning, the standing stays: " + detail
		default:
			k.health.permille = max(0, k.health.permille-strikePermille)
		}
		k.health.strike(reason, now, f.cfg)
	}
	e := k.event(node, reason, now, detail)
	k.mu.Unlock()
	if again {
		return
	}
	f.log.Warn("node quarantined", "node", node, "reason", reason, "detail", detail)
	f.record(ctx, e)
}

// Note records an event in a node's standing without further consequence. The
// same reason is recorded once in Config.SuspectFor, so that repeating it does
// not push out what counts.
func (f *Fleet) Note(node wire.Key, reason wire.Reason, detail string) {
	ctx, cancel := context.WithTimeout(context.Background(), f.cfg.WriteTimeout)
	defer cancel()
	k := f.knownOf(node)
	if err := f.recall(ctx, node, k); err != nil {
		f.log.Error("standing not recalled", "node", node, "error", err)
		return
	}
	now := f.now()
	k.mu.Lock()
	last, before := k.health.noted[reason]
	e := k.event(node, reason, now, detail)
	k.mu.Unlock()
	if before && now.Sub(last) < f.cfg.SuspectFor {
		return
	}
	f.record(ctx, e)
}

// event is what is to be recorded of a node at now. The caller holds the lock.
func (k *known) event(node wire.Key, reason wire.Reason, now time.Time, detail string) Event {
	return Event{
		Node: node, At: now, Reason: reason, Permille: k.health.permille,
		Detail: strings.ToValidUTF8(detail[:min(len(detail), MaxDetail)], ""),
	}
}

func (f *Fleet) record(ctx context.Context, e Event) {
	f.metrics.events.WithLabelValues(e.Reason.String()).Inc()
	if err := f.db.SaveStanding(ctx, e); err != nil {
		f.log.Error("standing not recorded", "node", e.Node, "reason", e.Reason, "error", err)
		return
	}
	k := f.knownOf(e.Node)
	k.mu.Lock()
	defer k.mu.Unlock()
	k.health.noted[e.Reason] = e.At
}

func (f *Fleet) session(node wire.Key) *session {
	f.mu.RLock()
	defer f.mu.RUnlock()
	return f.sessions[node]
}
