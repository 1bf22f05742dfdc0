package router

import (
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/fallow-network/fallow/relay/wire"
	"github.com/fallow-network/fallow/router/api"
	"github.com/fallow-network/fallow/router/store"
)

// An objection and a decision travel over the API to the books and back.
func TestBooksOverTheAPI(t *testing.T) {
	cfg := LabConfig()
	cfg.Dir, cfg.MinFree, cfg.Points.Window = t.TempDir(), 0, 1
	r, err := New(slog.New(slog.DiscardHandler), cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx) }()
	defer func() {
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}()
	<-r.Ready()
	node := wire.Key{7}
	if err := r.store.SeeNode(ctx, store.Node{Key: node, LastSeen: time.Now()}); err != nil {
		t.Fatal(err)
	}
	c, err := api.NewClient(r.APIAddress())
	if err != nil {
		t.Fatal(err)
	}
	if n, err := c.Appeal(ctx, node.String(), api.NewAppeal{Claim: "not me"}); err != nil || len(n.Appeals) != 1 {
		t.Fatalf("%+v, %v", n, err)
	}
	n, err := c.DecideStanding(ctx, node.String(), api.StandingDecision{Permille: 900, Because: "seen"})
	if err != nil || n.Permille != 900 || n.Appeals[0].Decided == nil || !strings.Contains(n.Events[0].Detail, "seen") {
		t.Fatalf("%+v, %v", n, err)
	}
	if list, err := c.Standings(ctx); err != nil || len(list) != 1 || list[0].Permille != 900 {
		t.Fatalf("%+v, %v", list, err)
	}
	e, err := c.CloseEpoch(ctx)
	if err != nil || e.Phase != "challengeable" {
		t.Fatalf("%+v, %v", e, err)
	}
	made, err := c.Challenge(ctx, e.Number, api.NewChallenge{Node: node.String(), Claim: "I was there"})
	if err != nil || made.State != "open" {
		t.Fatalf("%+v, %v", made, err)
	}
	if decided, err := c.DecideChallenge(ctx, made.ID, api.ChallengeDecision{Because: "you were not"}); err != nil || decided.State != "rejected" {
		t.Fatalf("%+v, %v", decided, err)
	}
	if list, err := c.Challenges(ctx, e.Number); err != nil || len(list) != 1 {
		t.Fatalf("%+v, %v", list, err)
	}
}
