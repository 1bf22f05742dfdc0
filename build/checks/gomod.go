package checks

import (
	"context"
	"encoding/json"
	"fmt"
	"os/exec"
	"strings"
)

// goDirective is the language version; go-libp2p v0.51 asks for no less.
const goDirective = "1.26.0"

// A pin fixes a module whose version matters beyond "it compiles".
type pin struct {
	module, version string
	required        bool     // false: may be absent until its part of Fallow exists
	not             []string // module paths (each with its major versions) that must not stand beside it
	why             string
}

var pins = []pin{
	{
		module: "github.com/libp2p/go-libp2p", version: "v0.51.0", required: true,
		why: "nodes in the field speak what this version speaks",
	},
	{
		module: "github.com/gocolly/colly/v2", version: "v2.3.0", required: true,
		not: []string{"github.com/gocolly/colly"},
		why: "our bounds around it were measured against this version",
	},
	{
		module: "github.com/apache/arrow/go/v17", version: "v17.0.0", required: true,
		not: []string{"github.com/apache/arrow-go", "github.com/apache/arrow/go"},
		why: "another major version has the same symbols in its Parquet package and does not link beside it",
	},
	{
		module: "github.com/gagliardetto/solana-go", version: "v1.14.0",
		why: "its transactions were tested byte for byte at this version",
	},
	{
		module: "github.com/wailsapp/wails/v2", version: "v2.16.0",
		why: "the version that `latest` answers lacks the check of where a binding call comes from",
	},
	{
		module: "github.com/cockroachdb/pebble/v2", version: "v2.1.7",
		why: "it holds crawl state on disk: raise it on purpose, with the restart tests",
	},
	{
		module: "modernc.org/sqlite", version: "v1.62.0",
		why: "it holds accounts on disk: raise it on purpose, with the power-cut tests",
	},
	{
		module: "github.com/jackc/pgx/v5", version: "v5.12.0",
		why: "`latest` answers years-old versions here",
	},
	{
		module: "github.com/pressly/goose/v3", version: "v3.29.0",
		why: "it changes schemas that hold accounts",
	},
	{
		module: "github.com/danielgtaylor/huma/v2", version: "v2.37.2",
		why: "it writes the published OpenAPI document",
	},
	{
		module: "github.com/jimsmart/grobotstxt", version: "v1.0.3",
		why: "our corrections around it belong to this version; other versions do not resolve",
	},
	{
		module: "github.com/markusmobius/go-trafilatura", version: "v1.12.2",
		why: "another version extracts other text, and datasets state theirs",
	},
	{
		module: "github.com/nlnwa/whatwg-url", version: "v0.6.2",
		why: "canonical addresses are keys on disk and must not change by accident",
	},
}

// goMod is the part of `go mod edit -json` that the rules read.
type goMod struct {
	Go      string
	Require []struct{ Path, Version string }
	Replace []struct{ Old struct{ Path string } }
	Exclude []struct{ Path, Version string }
}

// GoMod checks the go.mod at file: the language version, no replace and no
// exclude, and every pin.
func GoMod(ctx context.Context, file string) ([]Finding, error) {
	out, err := exec.CommandContext(ctx, "go", "mod", "edit", "-json", file).Output()
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", file, withStderr(err))
	}
	var mod goMod
	if err := json.Unmarshal(out, &mod); err != nil {
		return nil, fmt.Errorf("read %s as JSON: %w", file, err)
	}
	found := directives(mod)
	required := make(map[string]string, len(mod.Require))
	for _, r := range mod.Require {
		required[r.Path] = r.Version
	}
	for _, p := range pins {
		found = append(found, p.check(required)...)
	}
	return found, nil
}

func directives(mod goMod) []Finding {
	var found []Finding
	if mod.Go != goDirective {
		found = append(found, Finding{"go.mod", fmt.Sprintf("go %s, want go %s", mod.Go, goDirective)})
	}
	for _, r := range mod.Replace {
		found = append(found, Finding{"go.mod", "replaces " + r.Old.Path + ": with a replace, nobody can import or install Fallow"})
	}
	for _, e := range mod.Exclude {
		found = append(found, Finding{"go.mod", "excludes " + e.Path + " " + e.Version + ": pin the version that is wanted instead"})
	}
	return found
}

func (p pin) check(required map[string]string) []Finding {
	var found []Finding
	switch version := required[p.module]; {
	case version == "" && p.required:
		found = append(found, Finding{"go.mod", fmt.Sprintf("does not require %s %s", p.module, p.version)})
	case version != "" && version != p.version:
		found = append(found, Finding{"go.mod", fmt.Sprintf("requires %s %s, pinned at %s: %s", p.module, version, p.version, p.why)})
	}
	for other := range required {
		if other != p.module && p.rival(other) {
			found = append(found, Finding{"go.mod", fmt.Sprintf("requires %s beside %s: %s", other, p.module, p.why)})
		}
	}
	return found
}

// rival says whether module is one of p.not, in any major version.
func (p pin) rival(module string) bool {
	for _, not := range p.not {
		rest, ok := strings.CutPrefix(module, not)
		if ok && (rest == "" || strings.HasPrefix(rest, "/v")) {
			return true
		}
	}
	return false
}
