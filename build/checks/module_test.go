package checks_test

import (
	"fmt"
	"maps"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"

	"github.com/fallow-network/fallow/build/checks"
)

// write lays files out in a temporary folder and returns it.
func write(t *testing.T, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for name, src := range files {
		file := filepath.Join(root, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(src), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func TestGoModGoesRed(t *testing.T) {
	const good = `module example.org/m
go 1.26.0
require (
	github.com/libp2p/go-libp2p v0.51.0
	github.com/gocolly/colly/v2 v2.3.0
	github.com/apache/arrow/go/v17 v17.0.0
)
`
	tests := []struct {
		name, mod string
		red       string // "" when allowed
	}{
		{"as it should be", good, ""},
		{"replace", good + "replace golang.org/x/net => ../net\n", "replaces golang.org/x/net"},
		{"exclude", good + "exclude golang.org/x/net v0.1.0\n", "excludes golang.org/x/net v0.1.0"},
		{"older language", strings.Replace(good, "go 1.26.0", "go 1.25.0", 1), "go 1.25.0"},
		{"other version", strings.Replace(good, "v0.51.0", "v0.50.0", 1), "pinned at v0.51.0"},
		{"missing", strings.Replace(good, "github.com/gocolly/colly/v2 v2.3.0", "", 1), "does not require github.com/gocolly/colly/v2"},
		{"optional at its pin", good + "require modernc.org/sqlite v1.62.0\n", ""},
		{"optional elsewhere", good + "require modernc.org/sqlite v1.61.0\n", "pinned at v1.62.0"},
		{"first major beside", good + "require github.com/gocolly/colly v1.2.0\n", "requires github.com/gocolly/colly beside"},
		{"later major beside", good + "require github.com/apache/arrow-go/v18 v18.4.0\n", "requires github.com/apache/arrow-go/v18 beside"},
		{"a neighbour by name", good + "require github.com/gocolly/collyx v1.2.0\n", ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			root := write(t, map[string]string{"go.mod": test.mod})
			found, err := checks.GoMod(t.Context(), filepath.Join(root, "go.mod"))
			if err != nil {
				t.Fatal(err)
			}
			want := map[string]string{}
			if test.red != "" {
				want["go.mod"] = test.red
			}
			expect(t, found, want)
		})
	}
}

// program is the source of a command that imports what is given.
func program(imports ...string) string {
	return strings.NewReplacer(
		"// Package p", "// Command p",
		"package p", "package main",
	).Replace(file(imports...)) + "func main() {}\n"
}

const node = "relay/cmd/fallow-node"

// complete is a module with all programs, none of which links what it may not.
func complete() map[string]string {
	return map[string]string{
		"go.mod":                           "module " + module + "\n\ngo 1.26.0\n",
		node + "/main.go":                  program("./relay"),
		"relay/relay.go":                   file("fmt"),
		"router/router.go":                 file("database/sql"),
		"router/cmd/fallow-router/main.go": program("./router"),
		"dataset/cmd/fallow-data/main.go":  program("fmt"),
	}
}

// links lays files out and applies the rule about what programs link.
func links(t *testing.T, files map[string]string) []checks.Finding {
	t.Helper()
	root := write(t, files)
	tree, err := checks.Load(os.DirFS(root))
	if err != nil {
		t.Fatal(err)
	}
	found, err := checks.Links(t.Context(), root, tree)
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func TestLinksGoRed(t *testing.T) {
	tests := []struct {
		name   string
		change map[string]string // over the complete tree; "" deletes
		want   map[string]string
	}{
		{"as it should be", nil, nil},
		{
			"SQL two packages away",
			map[string]string{"relay/relay.go": file("./relay/deep"), "relay/deep/deep.go": file("database/sql")},
			map[string]string{node: fmt.Sprintf("(%[1]s/relay/cmd/fallow-node -> %[1]s/relay -> %[1]s/relay/deep -> database/sql)", module)},
		},
		{
			"the interfaces of SQL drivers",
			map[string]string{"relay/relay.go": file("database/sql/driver")},
			nil,
		},
		{
			"on one system only",
			map[string]string{"relay/relay_windows.go": file("database/sql")},
			map[string]string{node: "on windows it links database/sql"},
		},
		{
			"the other party",
			map[string]string{"relay/relay.go": file("./router/page"), "router/page/page.go": file()},
			map[string]string{node: "links " + module + "/router/page"},
		},
		{
			"no such program",
			map[string]string{"dataset/cmd/fallow-data/main.go": ""},
			map[string]string{"dataset/cmd/fallow-data": "no package main"},
		},
		{
			"a window onto the router",
			map[string]string{"desktop/main.go": program("./router")},
			map[string]string{"desktop": "nothing central"},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			files := complete()
			maps.Copy(files, test.change)
			maps.DeleteFunc(files, func(_, src string) bool { return src == "" })
			expect(t, links(t, files), test.want)
		})
	}
}

// TestLibrariesGoRed links each banned library into a program by way of an
// empty module of its name.
func TestLibrariesGoRed(t *testing.T) {
	const desktop = "desktop"
	tests := []struct{ program, library, why string }{
		{node, "github.com/gocolly/colly/v2", "crawl by itself"},
		{node, "github.com/apache/arrow/go/v17", "never sees a page"},
		{node, "github.com/apache/arrow-go/v18", "never sees a page"},
		{node, "github.com/gagliardetto/solana-go", "never one that signs transactions"},
		{node, "modernc.org/sqlite", "a database is memory and wear"},
		{node, "github.com/jackc/pgx/v5", "a database is memory and wear"},
		{node, "github.com/pressly/goose/v3", "a database is memory and wear"},
		{node, "github.com/cockroachdb/pebble/v2", "crawl state"},
		{desktop, "github.com/gocolly/colly/v2", "does not crawl"},
		{desktop, "github.com/apache/arrow/go/v17", "reads no datasets"},
		{desktop, "github.com/gagliardetto/solana-go", "signs no transactions"},
	}
	for _, test := range tests {
		t.Run(test.program+" "+test.library, func(t *testing.T) {
			t.Parallel()
			files := complete()
			major := path.Base(test.library) // v2 and later end the path
			if !strings.HasPrefix(major, "v") {
				major = "v0"
			}
			files["go.mod"] += fmt.Sprintf("\nrequire %[1]s %[2]s.0.0\n\nreplace %[1]s => ./_library\n", test.library, major)
			files["_library/go.mod"] = "module " + test.library + "\n"
			files["_library/p.go"] = file()
			files[test.program+"/main.go"] = program(test.library)
			expect(t, links(t, files), map[string]string{test.program: test.why})
		})
	}
}
