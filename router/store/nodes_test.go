package store_test

import (
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/fallow-network/fallow/relay/wire"
	"github.com/fallow-network/fallow/router/ledger"
	"github.com/fallow-network/fallow/router/store"
)

func TestSeeNode(t *testing.T) {
	s, ctx := fresh(t), t.Context()
	n := store.Node{Key: wire.Key{1}, LastSeen: noon, Platform: "linux/amd64", Agent: "0.1.0", Country: "DE", Clump: "c1"}
	if err := s.SeeNode(ctx, n); err != nil {
		t.Fatal(err)
	}
	n.LastSeen, n.Agent = noon.Add(time.Hour), "0.2.0"
	if err := s.SeeNode(ctx, n); err != nil {
		t.Fatal(err)
	}
	n.LastSeen = noon.Add(time.Minute) // heard of late
	if err := s.SeeNode(ctx, n); err != nil {
		t.Fatal(err)
	}
	want := n
	want.FirstSeen, want.LastSeen = noon, noon.Add(time.Hour)
	if got, err := s.Node(ctx, n.Key); err != nil || !reflect.DeepEqual(got, want) {
		t.Fatalf("%+v, want %+v (%v)", got, want, err)
	}
	if _, err := s.Node(ctx, wire.Key{2}); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("unknown node: %v", err)
	}
	if err := s.SeeNode(ctx, store.Node{Key: wire.Key{2}, LastSeen: noon.Add(2 * time.Hour)}); err != nil {
		t.Fatal(err)
	}
	list, err := s.Nodes(ctx, 1)
	if err != nil || len(list) != 1 || list[0].Key != (wire.Key{2}) {
		t.Fatalf("%+v, %v", list, err)
	}
	for _, bad := range []store.Node{{Country: "Germany"}, {Agent: strings.Repeat("x", 129)}} {
		if err := s.SeeNode(ctx, bad); !errors.Is(err, store.ErrInvalid) {
			t.Errorf("%+v: %v", bad, err)
		}
	}
}

func TestStanding(t *testing.T) {
	s, ctx := fresh(t), t.Context()
	node := wire.Key{1}
	check := func(want ledger.Standing) {
		t.Helper()
		if got, err := s.Standing(ctx, node); err != nil || !reflect.DeepEqual(got, want) {
			t.Fatalf("%+v, want %+v (%v)", got, want, err)
		}
	}
	check(ledger.GoodStanding())
	ev := store.StandingEvent{Node: node, At: noon, Reason: wire.TLSForged, Permille: 0, Detail: "certificate of its own"}
	if err := s.AppendStanding(ctx, ev); err != nil {
		t.Fatal(err)
	}
	check(ledger.Standing{Reasons: []wire.Reason{wire.TLSForged}})
	if list, err := s.StandingEvents(ctx, node, 0); err != nil || !reflect.DeepEqual(list, []store.StandingEvent{ev}) {
		t.Fatalf("%+v, %v", list, err)
	}
	ev.Permille, ev.Reason = 1000, wire.OK
	if err := s.AppendStanding(ctx, ev); err != nil {
		t.Fatal(err)
	}
	check(ledger.GoodStanding())
	for _, bad := range []store.StandingEvent{{Permille: -1}, {Permille: 1001}, {Detail: strings.Repeat("x", 501)}} {
		if err := s.AppendStanding(ctx, bad); !errors.Is(err, store.ErrInvalid) {
			t.Errorf("%+v: %v", bad, err)
		}
	}
}

func TestStandingEventsAreBounded(t *testing.T) {
	s, ctx := fresh(t), t.Context()
	node := wire.Key{1}
	for i := range store.MaxStandingEvents + 5 {
		if err := s.AppendStanding(ctx, store.StandingEvent{Node: node, At: noon.Add(time.Duration(i) * time.Second), Permille: 1000}); err != nil {
			t.Fatal(err)
		}
	}
	list, err := s.StandingEvents(ctx, node, 0)
	if err != nil || len(list) != store.MaxStandingEvents || !list[len(list)-1].At.Equal(noon.Add(5*time.Second)) {
		t.Fatalf("%d events, %v", len(list), err)
	}
}
