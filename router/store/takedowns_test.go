package store_test

import (
	"path/filepath"
	"reflect"
	"testing"

	"github.com/fallow-network/fallow/dataset"
)

func TestTakedownsSurviveRestart(t *testing.T) {
	path := filepath.Join(t.TempDir(), "router.db")
	s, ctx := open(t, path), t.Context()
	first := dataset.Takedown{Scope: dataset.ScopeSite, Target: "a.example", Reason: "the owner asked", At: noon}
	second := dataset.Takedown{Scope: dataset.ScopeURL, Target: "https://b.example/x", Reason: "personal data", At: noon}
	for i, step := range []struct {
		name   string
		order  dataset.Takedown
		number int
		fresh  bool
	}{
		{"docs", first, 1, true}, {"docs", second, 2, true}, {"news", second, 1, true},
		{"docs", dataset.Takedown{Scope: first.Scope, Target: first.Target, Reason: "another reason", At: noon.Add(1e9)}, 1, false},
	} {
		if number, fresh, err := s.AppendTakedown(ctx, step.name, step.order); err != nil || number != step.number || fresh != step.fresh {
			t.Errorf("step %d: number %d, fresh %v, %v", i, number, fresh, err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	got, err := open(t, path).Takedowns(ctx)
	want := map[string][]dataset.Takedown{"docs": {first, second}, "news": {second}}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, %v", got, err)
	}
}
