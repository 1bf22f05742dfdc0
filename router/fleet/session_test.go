package fleet_test

import (
	"crypto/ed25519"
	"strings"
	"testing"
	"time"

	"github.com/fallow-network/fallow/relay/wire"
	"github.com/fallow-network/fallow/relay/wire/pb"
	"github.com/fallow-network/fallow/router/fleet"
)

func TestSessionsThatAreNotOpened(t *testing.T) {
	for _, c := range []struct {
		name  string
		first *pb.NodeMessage
		want  wire.Reason
	}{
		{"not a hello", pong(), wire.HelloMalformed},
		{"not of the lab", &pb.NodeMessage{Body: &pb.NodeMessage_Hello{Hello: &pb.Hello{MaxTunnels: 1}}}, wire.LabMismatch},
		{"no place left", hello(1), wire.RouterFull},
	} {
		t.Run(c.name, func(t *testing.T) {
			k := newKit(t, func(cfg *fleet.Config) { cfg.MaxNodes = 1 })
			k.nodes(1, 1)
			n := k.newNode()
			k.dial(n)
			n.tell(c.first)
			for {
				m := n.hear()
				if m == nil {
					t.Fatal("the session ended without a reason")
				}
				if notice := m.GetNotice(); notice != nil {
					if got := wire.Reason(notice.Reason); got != c.want {
						t.Errorf("reason %s, want %s", got, c.want)
					}
					return
				}
			}
		})
	}
}

func TestHelloMustComeInTime(t *testing.T) {
	k := newKit(t, func(c *fleet.Config) { c.HelloTimeout = 50 * time.Millisecond })
	n := k.newNode()
	k.dial(n)
	if _, err := n.stream.Write([]byte{100}); err != nil { // the start of a frame
		t.Fatal(err)
	}
	for n.hear() != nil {
	}
}

func TestSecondSessionEndsTheFirst(t *testing.T) {
	k := newKit(t, nil)
	n := k.nodes(1, 1)[0]
	first := n.said
	k.join(n, 1)
	var reason wire.Reason
	for m := range first {
		if notice := m.GetNotice(); notice != nil {
			reason = wire.Reason(notice.Reason)
		}
	}
	if reason != wire.SessionReplaced {
		t.Errorf("the first session ended with %s", reason)
	}
	if connected, sharing := k.Count(); connected != 1 || sharing != 1 {
		t.Errorf("%d connected, %d sharing", connected, sharing)
	}
	k.pick(fleet.Wish{Site: "a.test"})
}

func TestStoppingIsSaid(t *testing.T) {
	k := newKit(t, nil)
	n := k.nodes(1, 1)[0]
	k.stop()
	var reason wire.Reason
	for m := n.hear(); m != nil; m = n.hear() {
		if notice := m.GetNotice(); notice != nil {
			reason = wire.Reason(notice.Reason)
		}
	}
	if reason != wire.RouterStopping {
		t.Errorf("the session ended with %s", reason)
	}
}

// Online time is credited by pongs, never beyond the clock, and not while the
// node does not share.
func TestOnlineCredit(t *testing.T) {
	k := newKit(t, func(c *fleet.Config) { c.PingEvery = time.Hour })
	n := k.nodes(1, 1)[0]
	credit := func(want time.Duration) {
		t.Helper()
		n.tell(pong())
		n.tell(&pb.NodeMessage{Body: &pb.NodeMessage_RulesChanged{RulesChanged: &pb.RulesChanged{MaxTunnels: 2}}})
		k.await("credit", func() bool { return k.book.credited() >= want })
		time.Sleep(10 * time.Millisecond)
		if got := k.book.credited(); got != want {
			t.Fatalf("credited %s, want %s", got, want)
		}
	}
	k.clock.move(10 * time.Second)
	n.tell(resume()) // says nothing new and credits nothing
	credit(10 * time.Second)
	credit(10 * time.Second) // a second pong at once
	k.clock.move(5 * time.Second)
	n.tell(pause(wire.Paused)) // up to here it shared
	k.await("pause", func() bool { return k.book.credited() == 15*time.Second })
	k.clock.move(20 * time.Second)
	credit(15 * time.Second)
	n.tell(resume())
	k.await("resume", func() bool { _, sharing := k.Count(); return sharing == 1 })
	k.clock.move(3 * time.Second)
	credit(18 * time.Second)
	// A second session does not count the same time again.
	k.clock.move(7 * time.Second)
	credit(25 * time.Second)
	k.join(n, 1)
	credit(25 * time.Second)
	// Silence earns no more than the silence that is borne.
	k.clock.move(time.Hour)
	credit(25*time.Second + k.cfg.SilentAfter)
}

func TestPingsProposalsAndAnswers(t *testing.T) {
	k := newKit(t, func(c *fleet.Config) { c.PingEvery, c.ProposeEvery = 10*time.Millisecond, 10*time.Millisecond })
	private := newKey(t)
	r := wire.Receipt{Router: wire.KeyOf(private), Epoch: 7, Job: "job", Sequence: 3, BytesDown: 5}
	r.SignRouter(private)
	k.book.due, k.book.taken = []wire.Receipt{r}, true
	n := k.nodes(1, 1)[0]
	k.clock.move(time.Second)
	var ping, proposal bool
	for !ping || !proposal {
		m := n.hear()
		ping = ping || m.GetPing() != nil
		if p := m.GetReceiptProposal(); p != nil {
			proposal = true
			got, err := wire.DecodeReceipt(p.Receipt)
			if err != nil || got.Sequence != 3 || !ed25519.Verify(private.Public().(ed25519.PublicKey), p.Receipt, p.RouterSignature) {
				t.Fatalf("proposal %+v, %v", got, err)
			}
		}
	}
	n.tell(&pb.NodeMessage{Body: &pb.NodeMessage_ReceiptAnswer{ReceiptAnswer: &pb.ReceiptAnswer{Job: "job", Reason: pb.Reason_OK}}})
	n.tell(&pb.NodeMessage{Body: &pb.NodeMessage_ReceiptAnswer{ReceiptAnswer: &pb.ReceiptAnswer{Job: "job", Reason: pb.Reason_RECEIPT_DISPUTED}}})
	k.await("dispute", func() bool { return len(k.book.reasons()) == 1 })
	if c, _ := k.view(n.key); c.Standing != 1000 || k.book.reasons()[0] != wire.ReceiptDisputed {
		t.Errorf("a dispute lowered the standing: %+v", c)
	}
}

func TestBadCountersignatureEndsTheSession(t *testing.T) {
	k := newKit(t, nil)
	k.book.err = wire.ErrReceiptSignature
	n := k.nodes(1, 1)[0]
	n.tell(&pb.NodeMessage{Body: &pb.NodeMessage_ReceiptAnswer{ReceiptAnswer: &pb.ReceiptAnswer{Job: "job", Reason: pb.Reason_OK}}})
	k.await("end of the session", func() bool { connected, _ := k.Count(); return connected == 0 })
	if got := k.book.reasons(); len(got) != 1 || got[0] != wire.ReceiptSignature {
		t.Errorf("events %v", got)
	}
}

// A node that floods its session costs a bounded rate of messages.
func TestFloodWaits(t *testing.T) {
	k := newKit(t, func(c *fleet.Config) { c.MessageRate, c.MessageBurst = 20, 10 })
	n := k.nodes(1, 1)[0]
	go func() {
		for range 100_000 {
			answer := &pb.NodeMessage{Body: &pb.NodeMessage_ReceiptAnswer{ReceiptAnswer: &pb.ReceiptAnswer{Job: "job", Reason: pb.Reason_OK}}}
			if wire.WriteFrame(n.stream, answer, wire.MaxSessionMessage) != nil {
				return
			}
		}
	}()
	time.Sleep(500 * time.Millisecond)
	k.book.mu.Lock()
	taken := len(k.book.answers)
	k.book.mu.Unlock()
	if taken > 30 {
		t.Errorf("%d messages taken in half a second", taken)
	}
}

// A node in a loop of sessions does not become a loop of disk writes.
func TestComingBackIsStoredOnce(t *testing.T) {
	k := newKit(t, nil)
	n := k.nodes(1, 1)[0]
	for range 10 {
		k.join(n, 1)
	}
	k.clock.move(2 * time.Minute)
	k.join(n, 1)
	k.book.mu.Lock()
	defer k.book.mu.Unlock()
	if k.book.saves != 2 {
		t.Errorf("stored %d times", k.book.saves)
	}
}

// A node whose line does not move must not hold up who has news for it.
func TestAnnounceDoesNotWait(t *testing.T) {
	k := newKit(t, nil)
	n := k.nodes(1, 1)[0]
	long := "https://a.test/" + strings.Repeat("ж", wire.MaxActivityURL)
	start := time.Now()
	for range 10_000 {
		k.Announce(n.key, wire.NewSerial(), long)
	}
	if took := time.Since(start); took > time.Second {
		t.Errorf("10,000 announcements took %s", took)
	}
	for {
		if a := n.hear().GetActivity(); a != nil {
			if len(a.Urls) != 1 || len(a.Urls[0]) > wire.MaxActivityURL {
				t.Errorf("activity %v", a)
			}
			return
		}
	}
}

func TestWhatANodeSaysOfItselfIsCleaned(t *testing.T) {
	k := newKit(t, nil)
	n := k.newNode()
	k.dial(n)
	n.tell(&pb.NodeMessage{Body: &pb.NodeMessage_Hello{Hello: &pb.Hello{
		AgentVersion: "1\x1b[2J\n" + strings.Repeat("ä", 100), Lab: true, Sharing: pb.Reason_OK,
	}}})
	n.hear()
	k.await("session", func() bool { _, ok := k.view(n.key); return ok })
	c, _ := k.view(n.key)
	if len(c.AgentVersion) > 64 || strings.ContainsAny(c.AgentVersion, "\x1b\n") || !strings.HasPrefix(c.AgentVersion, "1[2Jä") {
		t.Errorf("agent version %q", c.AgentVersion)
	}
	if c.MaxTunnels != 0 {
		t.Errorf("%d tunnels", c.MaxTunnels)
	}
}
