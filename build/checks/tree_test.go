package checks_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/fallow-network/fallow/build/checks"
)

// TestTree runs every rule over this repository.
func TestTree(t *testing.T) {
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	tree, err := checks.Load(os.DirFS(root))
	if err != nil {
		t.Fatal(err)
	}
	rules := []struct {
		name  string
		check func(context.Context) ([]checks.Finding, error)
	}{
		{"layers", pure(tree, checks.Layers)},
		{"siblings", pure(tree, checks.Siblings)},
		{"adapters", pure(tree, checks.Adapters)},
		{"names", pure(tree, checks.Names)},
		{"comments", pure(tree, checks.Comments)},
		{"lengths", pure(tree, checks.Lengths)},
		{"go.mod", func(ctx context.Context) ([]checks.Finding, error) {
			return checks.GoMod(ctx, filepath.Join(root, "go.mod"))
		}},
		{"links", func(ctx context.Context) ([]checks.Finding, error) {
			return checks.Links(ctx, root, tree)
		}},
	}
	for _, rule := range rules {
		t.Run(rule.name, func(t *testing.T) {
			t.Parallel()
			found, err := rule.check(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range found {
				t.Error(f)
			}
		})
	}
}

// pure adapts a rule that only looks at the tree.
func pure(tree *checks.Tree, rule func(*checks.Tree) []checks.Finding) func(context.Context) ([]checks.Finding, error) {
	return func(context.Context) ([]checks.Finding, error) { return rule(tree), nil }
}
