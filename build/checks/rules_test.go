package checks_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/fallow-network/fallow/build/checks"
)

const module = "example.org/m"

// load reads a tree given as path to source; go.mod is added.
func load(t *testing.T, files map[string]string) *checks.Tree {
	t.Helper()
	fsys := fstest.MapFS{"go.mod": {Data: []byte("module " + module + "\n")}}
	for name, src := range files {
		fsys[name] = &fstest.MapFile{Data: []byte(src)}
	}
	tree, err := checks.Load(fsys)
	if err != nil {
		t.Fatal(err)
	}
	return tree
}

// file is the source of a package p that imports what is given; a path that
// begins with "./" is of the module itself.
func file(imports ...string) string {
	var b strings.Builder
	b.WriteString("// Package p is a fixture.\npackage p\n")
	for _, i := range imports {
		fmt.Fprintf(&b, "import _ %q\n", strings.Replace(i, "./", module+"/", 1))
	}
	return b.String()
}

// expect compares findings with the places and parts of sentences wanted.
func expect(t *testing.T, found []checks.Finding, want map[string]string) {
	t.Helper()
	missing := maps.Clone(want)
	for _, f := range found {
		if part, ok := want[f.Where]; !ok || !strings.Contains(f.What, part) {
			t.Errorf("not wanted: %v", f)
		}
		delete(missing, f.Where)
	}
	for _, where := range slices.Sorted(maps.Keys(missing)) {
		t.Errorf("not found: %s: %s", where, missing[where])
	}
}

func TestImportRulesGoRed(t *testing.T) {
	tests := []struct {
		rule    string
		check   func(*checks.Tree) []checks.Finding
		file    string
		imports string
		red     string // part of the finding, "" when allowed
	}{
		{"wire stays a leaf", checks.Layers, "relay/wire/a.go", "./relay/wire/pb", ""},
		{"wire stays a leaf", checks.Layers, "relay/wire/a.go", "./relay/keys", "leaf"},
		{"wire stays a leaf", checks.Layers, "relay/wire/pb/a.go", "./router", "leaf"},
		{"wire stays a leaf", checks.Layers, "relay/wire/a_test.go", "./relay", "leaf"},

		{"relay knows no router", checks.Layers, "relay/egress/a.go", "./relay/wire", ""},
		{"relay knows no router", checks.Layers, "relay/journal/a.go", "./dataset/merkle", ""},
		{"relay knows no router", checks.Layers, "relay/egress/a.go", "./router/fleet", "relay/..."},
		{"relay knows no router", checks.Layers, "relay/cmd/fallow-node/a.go", "./router", "relay/..."},
		{"relay knows no router", checks.Layers, "relay/a_test.go", "./router/lab", "relay/..."},
		{"relay knows no dataset", checks.Layers, "relay/a.go", "./dataset", "relay/..."},

		{"dataset knows no party", checks.Layers, "dataset/a.go", "./dataset/merkle", ""},
		{"dataset knows no party", checks.Layers, "dataset/a.go", "./router/ledger", "without router or node"},
		{"dataset knows no party", checks.Layers, "dataset/a.go", "./relay/wire", "without router or node"},
		{"fallow-data recomputes", checks.Layers, "dataset/cmd/fallow-data/a.go", "./router/ledger", ""},
		{"fallow-data recomputes", checks.Layers, "dataset/cmd/fallow-data/a.go", "./relay/wire", ""},
		{"fallow-data recomputes", checks.Layers, "dataset/cmd/fallow-data/a.go", "./router/store", "offline"},
		{"fallow-data recomputes", checks.Layers, "dataset/cmd/fallow-data/a.go", "./relay", "offline"},

		{"router knows only wire", checks.Layers, "router/meter/a.go", "./relay/wire", ""},
		{"router knows only wire", checks.Layers, "router/meter/a.go", "./dataset/merkle", ""},
		{"router knows only wire", checks.Layers, "router/a.go", "./relay", "only through relay/wire"},
		{"router knows only wire", checks.Layers, "router/tunnel/a_test.go", "./relay/egress", "only through relay/wire"},
		{"test network knows both", checks.Layers, "router/routertest/a.go", "./relay/keys", ""},
		{"command uses the front door", checks.Layers, "router/cmd/fallow-router/a.go", "./relay", ""},
		{"command uses the front door", checks.Layers, "router/cmd/fallow-router/a.go", "./relay/egress", "front door"},

		{"a name that only begins alike", checks.Layers, "router/cmdline/a.go", "./relay", "only through relay/wire"},
		{"a name that only begins alike", checks.Adapters, "router/ledger/a.go", "database/sqlfile", ""},

		{"window talks to the agent", checks.Layers, "desktop/bridge/a.go", "./relay/control", ""},
		{"window talks to the agent", checks.Layers, "desktop/a.go", "./router/api", "nothing central"},
		{"frontend knows nobody", checks.Layers, "frontend/embed.go", "./desktop", "knows none"},
		{"every part has a layer", checks.Layers, "market/a.go", "fmt", "no layer covers"},

		{"siblings", checks.Siblings, "router/crawl/a.go", "./router/page", ""},
		{"siblings", checks.Siblings, "router/crawl/a.go", "./router/crawl/gate", ""},
		{"siblings", checks.Siblings, "router/crawl/a.go", "./router/fleet", "sibling"},
		{"siblings", checks.Siblings, "router/crawl/gate/a.go", "./router/crawl/fetch", "sibling"},
		{"siblings", checks.Siblings, "router/crawl/gate/a.go", "./router/crawl", "sibling"},
		{"siblings", checks.Siblings, "router/crawler/a.go", "./router/page", "sibling"},
		{"siblings", checks.Siblings, "router/store/a.go", "./router/ledger", ""},
		{"siblings", checks.Siblings, "router/store/a.go", "./router/tunnel", "sibling"},
		{"siblings", checks.Siblings, "router/demo/a.go", "./router", ""},
		{"siblings", checks.Siblings, "router/store/a.go", "./router/crawl/job", ""},
		{"siblings", checks.Siblings, "router/store/a.go", "./router/crawl/gate", "sibling"},
		{"siblings", checks.Siblings, "router/api/a.go", "./router", "sibling"},
		{"composers import all", checks.Siblings, "router/a.go", "./router/fleet", ""},
		{"composers import all", checks.Siblings, "router/cmd/fallow-router/a.go", "./router/demo", ""},
		{"tests import testers", checks.Siblings, "router/crawl/a_test.go", "./router/lab", ""},
		{"tests import testers", checks.Siblings, "router/crawl/a_test.go", "./router/fleet", "sibling"},
		{"tests import testers", checks.Siblings, "router/crawl/a.go", "./router/lab", "sibling"},

		{"SQL in the store", checks.Adapters, "router/store/a.go", "modernc.org/sqlite", ""},
		{"SQL in the store", checks.Adapters, "router/ledger/a.go", "database/sql", "store"},
		{"SQL in the store", checks.Adapters, "relay/journal/a.go", "github.com/jackc/pgx/v5/pgxpool", "store"},
		{"Solana in one package", checks.Adapters, "router/solana/a.go", "github.com/gagliardetto/solana-go/rpc", ""},
		{"Solana in one package", checks.Adapters, "router/settle/a.go", "github.com/gagliardetto/solana-go", "solana"},
		{"Arrow in dataset", checks.Adapters, "dataset/flight/a.go", "github.com/apache/arrow/go/v17/arrow", ""},
		{"Arrow in dataset", checks.Adapters, "router/ledger/a.go", "github.com/apache/arrow/go/v17/parquet", "dataset"},
		{"Arrow in dataset", checks.Adapters, "router/ledger/a_test.go", "github.com/apache/arrow-go/v18/arrow", "dataset"},
		{"colly in the crawl", checks.Adapters, "router/crawl/fetch/a.go", "github.com/gocolly/colly/v2", ""},
		{"colly in the crawl", checks.Adapters, "relay/a.go", "github.com/gocolly/colly/v2", "crawl"},
	}
	for _, test := range tests {
		t.Run(test.rule+": "+test.file+" imports "+test.imports, func(t *testing.T) {
			want := map[string]string{}
			if where := test.file; test.red != "" {
				if test.red == "no layer covers" {
					where, _, _ = strings.Cut(where, "/")
				}
				want[where] = test.red
			}
			expect(t, test.check(load(t, map[string]string{test.file: file(test.imports)})), want)
		})
	}
}

func TestNamesGoRed(t *testing.T) {
	tree := load(t, map[string]string{
		"router/util/a.go":          "package util\n",
		"pkg/fleet/a.go":            "package fleet\n",
		"router/fleet/a.go":         "package helpers\n",
		"router/utility/a.go":       "package utility\n",
		"router/types/a_test.go":    "package types_test\n",
		"router/testdata/util/a.go": "package util\n",
	})
	expect(t, checks.Names(tree), map[string]string{
		"router/util":       `"util"`,
		"pkg/fleet":         `"pkg"`,
		"router/fleet/a.go": `"helpers"`,
		"router/types":      `"types"`,
	})
}

func TestCommentsGoRed(t *testing.T) {
	tree := load(t, map[string]string{
		"good/a.go":             "// Package good is.\npackage good\n",
		"good/b.go":             "// Copyright.\n\npackage good\n",
		"good/a_test.go":        "package good_test\n",
		"good/cmd/tool/main.go": "// Command tool is.\npackage main\n",
		"onlytests/a_test.go":   "// Package onlytests measures.\npackage onlytests_test\n",
		"none/a.go":             "package none\n",
		"twice/a.go":            "// Package twice is.\npackage twice\n",
		"twice/b.go":            "// Package twice is.\npackage twice\n",
		"wrong/a.go":            "// This is.\npackage wrong\n",
		"tool/main.go":          "// Package main is.\npackage main\n",
	})
	expect(t, checks.Comments(tree), map[string]string{
		"none":         "no package comment",
		"twice":        "a.go, b.go",
		"wrong/a.go":   `"Package wrong "`,
		"tool/main.go": `"Command tool "`,
	})
}

func TestLengthsGoRed(t *testing.T) {
	long := "package p\n" + strings.Repeat("\n", checks.MaxLines)
	tree := load(t, map[string]string{
		"a/long.go":      long,
		"a/long_test.go": long,
		"a/just.go":      long[:len(long)-1],
		"a/made.go":      "// Code generated by x. DO NOT EDIT.\n" + long,
	})
	expect(t, checks.Lengths(tree), map[string]string{"a/long.go": "801", "a/long_test.go": "801"})
}

func TestLoadRefuses(t *testing.T) {
	for name, fsys := range map[string]fstest.MapFS{
		"no go.mod":     {},
		"no module":     {"go.mod": {Data: []byte("go 1.26.0\n")}},
		"broken source": {"go.mod": {Data: []byte("module m\n")}, "a.go": {Data: []byte("package")}},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := checks.Load(fsys); err == nil {
				t.Error("no error")
			}
		})
	}
}
