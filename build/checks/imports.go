package checks

import (
	"fmt"
	"strings"
)

// A layer says which folders of this module a part of the tree may import.
type layer struct {
	part string   // pattern, see within
	may  []string // patterns
	why  string
}

// layers, first match wins; a folder that no layer covers is a finding, so a
// new part of the tree is a decision and not an accident.
var layers = []layer{
	{
		"relay/wire/...",
		[]string{"relay/wire/..."},
		"the wire protocol is a leaf that both parties share",
	},
	{
		"relay/...",
		[]string{"relay/...", "dataset/merkle"},
		"a node is a program of its own that a stranger runs at home; it knows the router only through relay/wire",
	},
	{
		"dataset/cmd/...",
		[]string{"dataset/...", "router/ledger", "router/dedupe/...", "router/settle/memo", "router/settle/tx", "relay/wire/..."},
		"fallow-data recomputes epochs and receipts offline, finds duplicates by the router's own rule, reads what settlement wrote on the chain, and needs nothing else of either party",
	},
	{
		"dataset/...",
		[]string{"dataset/..."},
		"a dataset is read and verified without router or node",
	},
	{
		"router/routertest/...",
		[]string{"router/...", "dataset/...", "relay/...", "frontend"},
		"the test network is where the parties meet",
	},
	{
		"router/bench/...",
		[]string{"router/...", "dataset/...", "relay/...", "frontend"},
		"benchmarks measure the parties together",
	},
	{
		"router/cmd/...",
		[]string{"router/...", "dataset/...", "relay", "relay/wire/...", "frontend"},
		"a command wires a router and may start a node, but only through the node's front door, package relay",
	},
	{
		"router/...",
		[]string{"router/...", "dataset/...", "relay/wire/...", "frontend"},
		"the router knows nodes only through relay/wire",
	},
	{
		"desktop/...",
		[]string{"desktop/...", "relay/...", "frontend"},
		"the window talks to the agent and to nothing central",
	},
	{
		"frontend/...",
		[]string{"frontend/..."},
		"the user interface is embedded by others and knows none of them",
	},
	{
		"build/...",
		[]string{"build/..."},
		"build tools stand outside of what they build",
	},
}

// Layers applies the table of layers to every import within the module.
func Layers(t *Tree) []Finding {
	var found []Finding
	for _, p := range t.Packages {
		rule, ok := layerOf(p.Dir)
		if !ok {
			found = append(found, Finding{p.Dir, "no layer covers this folder: give it one in build/checks/imports.go and a place in ARCHITECTURE.md"})
			continue
		}
		for _, f := range p.Files {
			for _, imported := range f.Imports {
				if dir, own := t.own(imported); own && dir != p.Dir && !withinAny(dir, rule.may) {
					found = append(found, Finding{f.Path, fmt.Sprintf("%s may not import %s: %s", rule.part, dir, rule.why)})
				}
			}
		}
	}
	return found
}

func layerOf(dir string) (layer, bool) {
	for _, l := range layers {
		if within(dir, l.part) {
			return l, true
		}
	}
	return layer{}, false
}

// composers build the router out of its packages, so they import any of them.
var composers = []string{"router", "router/cmd/...", "router/demo", "router/routertest/...", "router/bench/..."}

// siblings lists the imports allowed between packages below router/, beyond two
// that need no entry: a package may import its own sub-packages, and tests may
// import testers. Everything else meets through a small interface that the
// importing side declares, which a composer fills.
var siblings = map[string][]string{
	"router/crawl": {"router/page", "router/page/personal", "router/dedupe", "router/dedupe/alike"},
	// Which text stays as it is when normalised must be the same to who cleans it
	// and who digests it, and is a leaf.
	"router/page":   {"router/inert"},
	"router/dedupe": {"router/inert"},
	// A job is asked for here and carried out elsewhere; its package is words only.
	"router/api": {"router/crawl/job"},
	// The only chain implements what settling and orders need of one.
	"router/solana": {"router/settle", "router/settle/tx", "router/market"},
	// The store implements the database that each of these declares.
	"router/store": {
		"router/crawl", "router/crawl/job", "router/fleet", "router/ledger",
		"router/market", "router/meter", "router/optout", "router/settle",
	},
}

// testers give tests sites to crawl, a network to crawl through, and a real
// database.
var testers = []string{"router/lab", "router/routertest", "router/store"}

// Siblings applies the table of siblings to every package below router/.
func Siblings(t *Tree) []Finding {
	var found []Finding
	for _, p := range t.Packages {
		if !within(p.Dir, "router/...") || withinAny(p.Dir, composers) {
			continue
		}
		for _, f := range p.Files {
			for _, imported := range f.Imports {
				dir, own := t.own(imported)
				if !own || !within(dir, "router/...") || siblingAllowed(p.Dir, dir, f.Test) {
					continue
				}
				found = append(found, Finding{f.Path, fmt.Sprintf(
					"%s may not import its sibling %s: declare the small interface it needs, or argue for an entry in build/checks/imports.go", p.Dir, dir)})
			}
		}
	}
	return found
}

func siblingAllowed(from, to string, test bool) bool {
	return within(to, from+"/...") ||
		withinAny(to, siblings[from]) ||
		test && withinAny(to, testers)
}

// An adapter names the one part of the tree that may import a library.
type adapter struct {
	library string   // what it is, for the message
	paths   []string // import paths; each stands for all below it
	only    []string // patterns of folders
	why     string
}

var adapters = []adapter{
	{
		"SQL",
		sqlPaths,
		[]string{"router/store/..."},
		"one package holds every statement, so that SQLite and PostgreSQL are tested in one place",
	},
	{
		"solana-go",
		solanaPaths,
		[]string{"router/solana/..."},
		"one package signs and sends, so that its rules for money cannot be bypassed",
	},
	{
		"Arrow",
		arrowPaths,
		[]string{"dataset/..."},
		"its release line has ended and its reader panics on hostile files: both stay behind package dataset",
	},
	{
		"colly",
		collyPaths,
		[]string{"router/crawl/...", "router/bench/..."},
		"left alone it ignores robots.txt and body bounds, so only the bounded fetcher drives it (and the benchmarks that compare with it)",
	},
}

// Import paths of the libraries that the rules here and in links.go speak of;
// each stands for the path itself and all below it.
var (
	sqlPaths = []string{
		"database/sql", "modernc.org/sqlite", "github.com/mattn/go-sqlite3",
		"github.com/jackc/pgx", "github.com/lib/pq", "github.com/pressly/goose",
	}
	solanaPaths = []string{"github.com/gagliardetto/solana-go"}
	arrowPaths  = []string{"github.com/apache/arrow", "github.com/apache/arrow-go"}
	collyPaths  = []string{"github.com/gocolly/colly"}
)

// Adapters finds imports of a library outside of the part that wraps it.
func Adapters(t *Tree) []Finding {
	var found []Finding
	for _, p := range t.Packages {
		for _, f := range p.Files {
			for _, imported := range f.Imports {
				for _, a := range adapters {
					if belowAny(imported, a.paths) && !withinAny(p.Dir, a.only) {
						found = append(found, Finding{f.Path, fmt.Sprintf("imports %s; %s belongs to %s alone: %s",
							imported, a.library, strings.Join(a.only, ", "), a.why)})
					}
				}
			}
		}
	}
	return found
}

// belowAny says whether an import path is one of roots or below one.
func belowAny(imported string, roots []string) bool {
	for _, root := range roots {
		if imported == root || strings.HasPrefix(imported, root+"/") {
			return true
		}
	}
	return false
}
