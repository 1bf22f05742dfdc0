package checks

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
)

// A ban keeps something out of a program, however many packages away.
type ban struct {
	paths  []string // import paths; each stands for all below it
	except []string // import paths among them that are let through
	own    []string // patterns of folders of this module
	why    string
}

// A program is a command that must exist, with what it may not link.
type program struct {
	dir  string
	bans []ban
}

// programs of this tree. All of them must exist.
var programs = []program{
	{"relay/cmd/fallow-node", nodeBans},
	{"router/cmd/fallow-router", nil},
	{"dataset/cmd/fallow-data", nil},
}

var nodeBans = []ban{
	{paths: collyPaths, why: "a node carries bytes for a router; it must not be able to crawl by itself"},
	{paths: arrowPaths, why: "a node never sees a page, so it has no dataset to write; Arrow would double its size"},
	{paths: solanaPaths, why: "a node's key is an address to be paid at, never one that signs transactions"},
	{
		paths:  sqlPaths,
		except: []string{"database/sql/driver"}, // only interfaces; libp2p's UUIDs implement one
		why:    "a node keeps a few files; a database is memory and wear that a home device need not pay",
	},
	{paths: []string{"github.com/cockroachdb/pebble"}, why: "crawl state is the router's"},
	{own: []string{"router/..."}, why: "the parties share the wire protocol and nothing else"},
}

var desktopBans = []ban{
	{paths: collyPaths, why: "the window shows what the agent does; it does not crawl"},
	{paths: arrowPaths, why: "the window shows what the agent does; it reads no datasets"},
	{paths: solanaPaths, why: "the window shows earnings; it signs no transactions"},
	{own: []string{"router/..."}, why: "the window talks to the agent and to nothing central"},
}

// Systems that Fallow is built for; what a program links can differ.
var Systems = []string{"linux", "windows", "darwin"}

// Links checks that all programs exist in the module at root, and that on no
// system they link what they may not. Main packages below desktop/ are programs
// too, as soon as there are any. It runs the go command in root.
func Links(ctx context.Context, root string, t *Tree) ([]Finding, error) {
	var found []Finding
	for _, p := range append(slices.Clone(programs), desktops(t)...) {
		if !t.hasMain(p.dir) {
			found = append(found, Finding{p.dir, "this program is part of Fallow and has no package main here"})
			continue
		}
		for _, system := range Systems {
			more, err := p.links(ctx, root, t, system)
			if err != nil {
				return nil, err
			}
			found = append(found, more...)
		}
	}
	return found, nil
}

// desktops are the programs below desktop/.
func desktops(t *Tree) []program {
	var ps []program
	for _, p := range t.Packages {
		if within(p.Dir, "desktop/...") && t.hasMain(p.Dir) {
			ps = append(ps, program{p.Dir, desktopBans})
		}
	}
	return ps
}

func (t *Tree) hasMain(dir string) bool {
	return slices.ContainsFunc(t.Packages, func(p Package) bool {
		return p.Dir == dir && slices.ContainsFunc(p.Files, func(f File) bool { return f.Package == "main" })
	})
}

// links finds what p links against its bans when built for system.
func (p program) links(ctx context.Context, root string, t *Tree, system string) ([]Finding, error) {
	if len(p.bans) == 0 {
		return nil, nil
	}
	graph, err := dependencies(ctx, root, p.dir, system)
	if err != nil {
		return nil, err
	}
	var found []Finding
	for _, b := range p.bans {
		linked := graph.nearest(t.Module+"/"+p.dir, func(imported string) bool { return b.covers(t, imported) })
		if linked != nil {
			found = append(found, Finding{p.dir, fmt.Sprintf("on %s it links %s (%s): %s",
				system, linked[len(linked)-1], strings.Join(linked, " -> "), b.why)})
		}
	}
	return found, nil
}

// covers says whether the ban is about the package at this import path.
func (b ban) covers(t *Tree, imported string) bool {
	if dir, own := t.own(imported); own {
		return withinAny(dir, b.own)
	}
	return belowAny(imported, b.paths) && !slices.Contains(b.except, imported)
}

// imports maps each package of a program to the packages it imports.
type imports map[string][]string

// dependencies asks the go command, which knows build constraints, what the
// program in root/dir is made of on system.
func dependencies(ctx context.Context, root, dir, system string) (imports, error) {
	cmd := exec.CommandContext(ctx, "go", "list", "-deps", "-json=ImportPath,Imports", "./"+dir)
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "GOOS="+system, "GOARCH=amd64", "CGO_ENABLED=0")
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("list what %s links on %s: %w", dir, system, withStderr(err))
	}
	graph := imports{}
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p struct {
			ImportPath string
			Imports    []string
		}
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return graph, nil
		} else if err != nil {
			return nil, fmt.Errorf("list what %s links on %s: %w", dir, system, err)
		}
		graph[p.ImportPath] = p.Imports
	}
}

// nearest returns the shortest chain of imports from start to a package that
// banned accepts, or nil. The chain is what somebody needs to cut.
func (g imports) nearest(start string, banned func(string) bool) []string {
	seen := map[string]bool{start: true}
	for queue := [][]string{{start}}; len(queue) > 0; queue = queue[1:] {
		chain := queue[0]
		for _, next := range g[chain[len(chain)-1]] {
			if seen[next] {
				continue
			}
			seen[next] = true
			longer := append(slices.Clone(chain), next)
			if banned(next) {
				return longer
			}
			queue = append(queue, longer)
		}
	}
	return nil
}

// withStderr adds what a failed go command said.
func withStderr(err error) error {
	if exit, ok := errors.AsType[*exec.ExitError](err); ok && len(exit.Stderr) > 0 {
		return fmt.Errorf("%w: %s", err, bytes.TrimSpace(exit.Stderr))
	}
	return err
}
