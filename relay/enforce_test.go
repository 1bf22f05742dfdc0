package relay_test

import (
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/libp2p/go-libp2p/core/network"

	"github.com/fallow-network/fallow/relay/presence"
	"github.com/fallow-network/fallow/relay/rules"
	"github.com/fallow-network/fallow/relay/wire"
)

func setRules(t *testing.T, n node, change func(*rules.Settings)) {
	t.Helper()
	s := n.Rules().Settings()
	change(&s)
	if err := n.Rules().Set(s); err != nil {
		t.Fatal(err)
	}
}

// running opens tunnels to a site that sends without end, and waits for bytes.
func running(t *testing.T, r *router, s site, n node, tunnels int) {
	t.Helper()
	for range tunnels {
		tunnel, reason := r.open(n.Key(), r.sign(r.lease(n.Key(), s)))
		if reason != wire.OK {
			t.Fatalf("refused: %s", reason)
		}
		go func(tunnel network.Stream) { _, _ = s.tryGet(tunnel, "/") }(tunnel)
	}
}

// within fails unless all tunnels are gone in time and the router was told why.
func within(t *testing.T, limit time.Duration, r *router, n node, began time.Time, want wire.Reason) {
	t.Helper()
	eventually(t, "all tunnels cut", func() bool { return n.Status().Tunnels.Open == 0 })
	if took := time.Since(began); took > limit {
		t.Errorf("cut after %s, want %s", took, limit)
	}
	if got := wire.Reason(receive(t, "pause", r.said).GetPause().GetReason()); got != want {
		t.Errorf("told %s, want %s", got, want)
	}
}

// A cap is counted as bytes flow: it cuts running tunnels at once, and what got
// through beyond it is what was in their hands.
func TestCapCutsRunningTunnels(t *testing.T) {
	const most, tunnels = 20e6, 4
	r := startRouter(t, newKey(t), "")
	s := startSite(t, http.HandlerFunc(endless))
	n := sharing(t, r, config(t, r.addr()))
	setRules(t, n, func(s *rules.Settings) { s.Caps.DailyBytes = most })
	running(t, r, s, n, tunnels)
	eventually(t, "cap reached", func() bool { return n.Status().Used.Day >= most })
	within(t, 500*time.Millisecond, r, n, time.Now(), wire.CapReached)
	status := n.Status()
	if over := status.Used.Day - most; over > tunnels*(1<<20) {
		t.Errorf("%d bytes over the cap", over)
	}
	if carried := status.Carried.BytesDown + status.Carried.BytesUp; carried != status.Used.Day {
		t.Errorf("%d carried, %d counted", carried, status.Used.Day)
	}
	if !strings.Contains(status.Sentence, "today's cap of 20 MB is used up, until 00:00 on") {
		t.Errorf("status says %q", status.Sentence)
	}
}

func TestScheduleCutsAndOpensOnTime(t *testing.T) {
	r := startRouter(t, newKey(t), "")
	s := startSite(t, http.HandlerFunc(endless))
	n := sharing(t, r, config(t, r.addr()))
	running(t, r, s, n, 2)
	tomorrow := time.Now().AddDate(0, 0, 2)
	window, err := rules.ParseWindow(tomorrow.Weekday().String() + " 12:00-13:00")
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	setRules(t, n, func(s *rules.Settings) { s.Schedule = rules.Schedule{window} })
	within(t, time.Second, r, n, began, wire.Paused)
	if s := n.Status(); !strings.Contains(s.Sentence, "your schedule says so, until 12:00 on "+tomorrow.Format("2 January")) {
		t.Errorf("status says %q", s.Sentence)
	}
	setRules(t, n, func(s *rules.Settings) { s.Schedule = nil })
	if receive(t, "resume", r.said).GetResume() == nil {
		t.Error("told something else than resume")
	}
}

// A pause that runs out is over at that moment, not at the next look.
func TestTurnsOnTime(t *testing.T) {
	r := startRouter(t, newKey(t), "")
	n := sharing(t, r, config(t, r.addr()))
	until := time.Now().Add(300 * time.Millisecond)
	if err := n.Rules().Pause(until); err != nil {
		t.Fatal(err)
	}
	receive(t, "pause", r.said)
	if receive(t, "resume", r.said).GetResume() == nil || time.Since(until) > time.Second {
		t.Errorf("resumed %s late", time.Since(until))
	}
}

func TestSpeedFollowsTheRules(t *testing.T) {
	r := startRouter(t, newKey(t), "")
	s := startSite(t, http.HandlerFunc(endless))
	n := sharing(t, r, config(t, r.addr()))
	setRules(t, n, func(s *rules.Settings) { s.Caps.MbitPerSecond = 40 })
	time.Sleep(50 * time.Millisecond) // for the watcher
	running(t, r, s, n, 4)
	eventually(t, "bytes", func() bool { return n.Status().Carried.BytesDown > 1e6 })
	before, began := n.Status().Carried.BytesDown, time.Now()
	time.Sleep(time.Second)
	mbit := float64(n.Status().Carried.BytesDown-before) * 8 / 1e6 / time.Since(began).Seconds()
	t.Logf("%.2f Mbit/s of 40", mbit)
	if mbit > 42 || mbit < 20 { // below is the test machine's affair
		t.Errorf("%.2f Mbit/s, the cap is 40", mbit)
	}
}

// scene is what the machine seems to be doing.
type scene struct {
	atomic.Pointer[presence.Snapshot]
	carried atomic.Uint64
}

func (s *scene) Look(now time.Time, carried uint64) presence.Snapshot {
	s.carried.Store(carried)
	if p := s.Load(); p != nil {
		seen := *p
		seen.At = now
		return seen
	}
	return presence.Snapshot{At: now}
}

func TestPresencePausesAndResumes(t *testing.T) {
	r := startRouter(t, newKey(t), "")
	s := startSite(t, http.HandlerFunc(endless))
	cfg, machine := config(t, r.addr()), new(scene)
	cfg.Presence, cfg.LookEvery = machine, 20*time.Millisecond
	n := sharing(t, r, cfg)
	running(t, r, s, n, 2)
	eventually(t, "the observer hears what is carried", func() bool { return machine.carried.Load() > 0 })
	began := time.Now()
	machine.Store(&presence.Snapshot{Battery: presence.Finding{Answer: presence.Yes, Why: "BAT0 is discharging"}})
	within(t, time.Second, r, n, began, wire.Paused)
	if got := n.Status(); got.Sharing.Rule != rules.RuleBattery || !strings.Contains(got.Sentence, "until it is plugged in") {
		t.Errorf("status says %q", got.Sentence)
	}
	machine.Store(nil)
	if receive(t, "resume", r.said).GetResume() == nil {
		t.Error("told something else than resume")
	}
}

// The router learns that the node pauses, not when somebody was at the machine.
func TestRouterIsNotToldWhenSomebodyIsThere(t *testing.T) {
	r := startRouter(t, newKey(t), "")
	cfg, machine := config(t, r.addr()), new(scene)
	cfg.Presence, cfg.LookEvery = machine, 20*time.Millisecond
	n := sharing(t, r, cfg)
	for range 3 { // each later than the one before
		machine.Store(&presence.Snapshot{InUse: presence.Use{Last: time.Now(), Sign: "keyboard or mouse"}})
		time.Sleep(50 * time.Millisecond)
	}
	pause := receive(t, "pause", r.said).GetPause()
	if wire.Reason(pause.GetReason()) != wire.Paused || pause.GetUntilUnixMilli() != 0 {
		t.Errorf("told %v", pause)
	}
	if len(r.said) != 0 {
		t.Errorf("told %d times more", len(r.said))
	}
	if got := n.Status().Sharing; got.Rule != rules.RuleInUse || got.Until.IsZero() {
		t.Errorf("the user is told %+v", got)
	}
}

// What the machine does is known before the first connection.
func TestLooksBeforeItConnects(t *testing.T) {
	r := startRouter(t, newKey(t), "")
	cfg, machine := config(t, r.addr()), new(scene)
	machine.Store(&presence.Snapshot{VPN: presence.Finding{Answer: presence.Yes, Why: "traffic leaves by wg0"}})
	cfg.Presence, cfg.LookEvery = machine, time.Hour
	n := startNode(t, cfg)
	consent(t, n)
	if got := wire.Reason(receive(t, "hello", r.hellos).GetSharing()); got != wire.Paused {
		t.Errorf("said hello with %s", got)
	}
}
