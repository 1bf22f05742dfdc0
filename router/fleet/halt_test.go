package fleet_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/libp2p/go-libp2p/core/network"

	"github.com/fallow-network/fallow/relay/wire"
	"github.com/fallow-network/fallow/relay/wire/pb"
	"github.com/fallow-network/fallow/router/fleet"
)

// stops makes a change that leaves just these.
func stops(list ...wire.Stop) func([]wire.Stop) ([]wire.Stop, error) {
	return func([]wire.Stop) ([]wire.Stop, error) { return list, nil }
}

func heardHalt(t *testing.T, n *node) *wire.Halt {
	t.Helper()
	m := n.hear().GetHalt()
	h, err := wire.OpenHalt(m.GetHalt(), m.GetRouterSignature())
	if err != nil {
		t.Fatalf("heard %v: %v", m, err)
	}
	return h
}

func TestHaltReachesEverybody(t *testing.T) {
	k := newKit(t, nil)
	here := k.nodes(3, 4)
	h, told, err := k.Halt(t.Context(), stops(wire.Stop{Scope: wire.HaltRouter, Reason: "a complaint"}))
	if err != nil || told != 3 || h.Sequence != 1 {
		t.Fatalf("%+v, %d told, %v", h, told, err)
	}
	for _, n := range here {
		if got := heardHalt(t, n); got.Sequence != 1 || got.Stops[0].Reason != "a complaint" {
			t.Errorf("heard %+v", got)
		}
	}
	if _, err := k.Pick(fleet.Wish{Site: "a.example"}); !errors.Is(err, fleet.ErrNoNode) || !strings.Contains(err.Error(), "a complaint") {
		t.Errorf("pick: %v", err)
	}
	if got := heardHalt(t, k.join(k.newNode(), 4)); got.Sequence != 1 {
		t.Errorf("who comes later hears %+v", got)
	}
	if _, told, err := k.Halt(t.Context(), stops()); err != nil || told != 4 {
		t.Errorf("lifted: %d told, %v", told, err)
	}
	k.pick(fleet.Wish{Site: "a.example"})
}

func TestHaltOfAJobLeavesTheOthers(t *testing.T) {
	k := newKit(t, nil)
	k.nodes(1, 4)
	if _, _, err := k.Halt(t.Context(), stops(wire.Stop{Scope: wire.HaltJob, Job: "j", Reason: "x"})); err != nil {
		t.Fatal(err)
	}
	k.pick(fleet.Wish{Site: "a.example"})
}

func TestHaltOutlivesTheRouter(t *testing.T) {
	k := newKit(t, nil)
	if _, _, err := k.Halt(t.Context(), stops(wire.Stop{Scope: wire.HaltAll, Reason: "x"})); err != nil {
		t.Fatal(err)
	}
	k.stop()
	k.start()
	if err := k.LoadHalt(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := heardHalt(t, k.join(k.newNode(), 4)); len(got.Stops) != 1 {
		t.Errorf("after the restart: %+v", got)
	}
	h, _, err := k.Halt(t.Context(), func(before []wire.Stop) ([]wire.Stop, error) { return before[:0], nil })
	if err != nil || h.Sequence != 2 {
		t.Errorf("%+v, %v", h, err)
	}
}

func TestHaltNotStoredIsNotSaid(t *testing.T) {
	k := newKit(t, nil)
	n := k.nodes(1, 4)[0]
	k.book.mu.Lock()
	k.book.err = errors.New("disk full")
	k.book.mu.Unlock()
	if _, _, err := k.Halt(t.Context(), stops(wire.Stop{Scope: wire.HaltAll, Reason: "x"})); err == nil {
		t.Error("no error")
	}
	if _, _, err := k.Halt(t.Context(), stops(wire.Stop{Scope: wire.HaltAll})); !errors.Is(err, wire.ErrHaltMalformed) {
		t.Errorf("without a reason: %v", err)
	}
	select {
	case m := <-n.said:
		t.Errorf("told %v", m)
	case <-time.After(100 * time.Millisecond):
	}
	k.pick(fleet.Wish{Site: "a.example"})
}

func TestPayoutNeedsProof(t *testing.T) {
	k := newKit(t, nil)
	wallet := newKey(t)
	for name, test := range map[string]struct {
		hello func(node wire.Key) *pb.Hello
		want  func(node wire.Key) wire.Key // zero: refused
	}{
		"none": {func(wire.Key) *pb.Hello { return new(pb.Hello) }, func(node wire.Key) wire.Key { return node }},
		"its own key": {func(node wire.Key) *pb.Hello { return &pb.Hello{PayoutAddress: node[:]} },
			func(node wire.Key) wire.Key { return node }},
		"proved": {func(node wire.Key) *pb.Hello {
			payee := wire.KeyOf(wallet)
			return &pb.Hello{PayoutAddress: payee[:], PayoutProof: wire.SignPayout(node, wallet)}
		}, func(wire.Key) wire.Key { return wire.KeyOf(wallet) }},
		"for another node": {func(wire.Key) *pb.Hello {
			payee := wire.KeyOf(wallet)
			return &pb.Hello{PayoutAddress: payee[:], PayoutProof: wire.SignPayout(wire.Key{1}, wallet)}
		}, func(wire.Key) wire.Key { return wire.Key{} }},
		"no key": {func(wire.Key) *pb.Hello { return &pb.Hello{PayoutAddress: []byte("abc")} }, func(wire.Key) wire.Key { return wire.Key{} }},
	} {
		t.Run(name, func(t *testing.T) {
			n := k.newNode()
			k.dial(n)
			hello := test.hello(n.key)
			hello.Lab, hello.MaxTunnels, hello.Sharing = true, 4, pb.Reason_OK
			n.tell(&pb.NodeMessage{Body: &pb.NodeMessage_Hello{Hello: hello}})
			answer, want := n.hear(), test.want(n.key)
			if want.IsZero() {
				if got := wire.Reason(answer.GetNotice().GetReason()); got != wire.PayoutProof {
					t.Errorf("answered %v", answer)
				}
				return
			}
			if got := answer.GetWelcome().GetPayoutAddress(); string(got) != string(want[:]) {
				t.Errorf("answered %v", answer)
			}
			if name == "proved" {
				if view, ok := k.view(n.key); ok && view.Payout != want {
					t.Errorf("on record: %+v", view.Member)
				}
			}
		})
	}
}

// shelf gives the same statement to everybody.
type shelf struct{ asked chan uint64 }

func (s shelf) Statement(_ context.Context, node wire.Key, epoch uint64) (*pb.StatementAnswer, error) {
	s.asked <- epoch
	return &pb.StatementAnswer{Reason: pb.Reason_OK, Epoch: epoch, Leaf: node[:]}, nil
}

func (k *kit) ask(n *node, q *pb.StatementRequest) (*pb.StatementAnswer, error) {
	ctx, cancel := context.WithTimeout(k.t.Context(), wait)
	defer cancel()
	stream, err := n.host.NewStream(network.WithNoDial(ctx, "test"), k.host.ID(), wire.StatementProtocol)
	if err != nil {
		return nil, err
	}
	defer stream.Reset()
	_ = stream.SetDeadline(time.Now().Add(wait))
	if err := wire.WriteFrame(stream, q, 1<<20); err != nil {
		return nil, err
	}
	a := new(pb.StatementAnswer)
	return a, wire.ReadFrame(stream, a, wire.MaxStatement)
}

func TestStatementsAreForNodesWithASession(t *testing.T) {
	k := newKit(t, nil)
	from := shelf{make(chan uint64, 100)}
	defer k.GiveStatements(k.host, from)()
	n := k.nodes(1, 4)[0]
	if a, err := k.ask(n, &pb.StatementRequest{Epoch: 5}); err != nil || a.Epoch != 5 || string(a.Leaf) != string(n.key[:]) {
		t.Fatalf("%v, %v", a, err)
	}
	stranger := k.newNode()
	k.dial(stranger) // connected, but without hello
	if a, err := k.ask(stranger, &pb.StatementRequest{}); err == nil {
		t.Errorf("without a session: %v", a)
	}
	refused := 0
	for range 100 {
		if _, err := k.ask(n, new(pb.StatementRequest)); err != nil {
			refused++
		}
	}
	if refused < 20 {
		t.Errorf("of 100 questions at once %d were turned away", refused)
	}
	if len(from.asked) > 80 {
		t.Errorf("%d questions came through", len(from.asked))
	}
}
