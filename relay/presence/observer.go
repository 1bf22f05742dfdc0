package presence

import (
	"time"
)

// Traffic of the machine itself counts as use when it is above both: a call or a
// film is, the odd mail is not. The share allows for what tunnels cost beyond the
// bytes they carry.
const (
	busyBytesPerSecond = 250_000 // 2 Mbit/s
	busyShare          = 0.25    // of what the node moved itself
)

// Observer looks at the machine from time to time. Look is not for concurrent
// use.
type Observer struct {
	system system
	ways   func() []way

	before   reading
	traffic  time.Time // when the machine last used its network itself
	measured bool      // whether that could ever be told
}

// reading is what counters showed at one look.
type reading struct {
	at      time.Time
	way     string
	line    uint64
	carried uint64
}

// New makes an observer of this machine.
func New() *Observer { return &Observer{system: newSystem(), ways: outward} }

// Look takes a snapshot. carried is what the node has carried so far, in bytes,
// both directions, so that its own traffic is not taken for the user's.
func (o *Observer) Look(now time.Time, carried uint64) Snapshot {
	ways := o.ways()
	return Snapshot{
		At:      now,
		InUse:   o.use(now, ways, carried),
		Battery: o.system.battery(),
		Metered: o.system.metered(ways),
		VPN:     o.system.vpn(ways),
		Managed: o.system.managed(),
		Network: o.system.network(),
	}
}

func (o *Observer) use(now time.Time, ways []way, carried uint64) Use {
	o.weigh(now, ways, carried)
	typed, finding := o.system.input(now)
	u := Use{Finding: finding, Last: typed, Sign: "keyboard or mouse"}
	if o.traffic.After(typed) {
		u.Last, u.Sign = o.traffic, "its own traffic"
	}
	if u.Last.IsZero() {
		u.Sign = ""
	}
	if o.measured && u.Answer == Unknown {
		u.Answer, u.Why = No, "its own traffic is watched; somebody sitting at it is not seen, "+u.Why
	}
	if u.Answer == No && u.Last.Equal(now) {
		u.Answer = Yes
	}
	return u
}

// weigh compares what went over the line since the last look with what the node
// carried: each byte of that crosses the line twice, in and out.
func (o *Observer) weigh(now time.Time, ways []way, carried uint64) {
	r := reading{at: now, carried: carried}
	if len(ways) > 0 {
		if bytes, ok := o.system.line(ways[0].name); ok {
			r.way, r.line = ways[0].name, bytes
		}
	}
	before := o.before
	o.before = r
	span := r.at.Sub(before.at).Seconds()
	if r.way == "" || r.way != before.way || r.line < before.line || carried < before.carried || span <= 0 {
		return // another line than before, or counters that began again
	}
	o.measured = true
	all, own := float64(r.line-before.line), 2*float64(carried-before.carried)
	if other := all - own; other > busyBytesPerSecond*span && other > busyShare*own {
		o.traffic = now
	}
}
