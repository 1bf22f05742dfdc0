// Package checks holds the rules about the shape of this source tree that the
// compiler does not enforce: who may import whom, who may wrap which library,
// what a program may link, how packages are named and commented, what go.mod
// may say. Its tests run every rule over the repository, so breaking one turns
// `make test` red with a sentence that says why the rule exists.
//
// The rules stand in tables at the top of their files. Changing the shape of
// Fallow means changing a table here, where a reviewer sees it. Nothing imports
// this package.
package checks

import (
	"bytes"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
)

// Finding is one breach of a rule: where it is, and what is wrong and why.
type Finding struct {
	Where string // path from the root of the tree
	What  string
}

func (f Finding) String() string { return f.Where + ": " + f.What }

// Tree is the Go source of one module, as written: every file is in it whatever
// its build tags or operating system, and nothing has to compile.
type Tree struct {
	Module   string // module path from go.mod
	Packages []Package
}

// Package is one folder with Go files in it.
type Package struct {
	Dir   string // slash-separated, from the root of the tree
	Files []File
}

// File is one Go source file.
type File struct {
	Path      string // slash-separated, from the root of the tree
	Package   string // name in the package clause
	Doc       string // comment on the package clause, "" if none
	Imports   []string
	Lines     int
	Test      bool // name ends in _test.go
	Generated bool // carries the standard "Code generated" line
}

// skipped folders hold no source of ours, or source that is not built.
var skipped = []string{"testdata", "vendor", "node_modules"}

// Load reads the Go files below the root of fsys, which must hold a go.mod.
// Like the go command it passes over testdata, vendor and folders that begin
// with a dot or an underscore. A file that does not parse is an error.
func Load(fsys fs.FS) (*Tree, error) {
	mod, err := fs.ReadFile(fsys, "go.mod")
	if err != nil {
		return nil, fmt.Errorf("read go.mod: %w", err)
	}
	tree := &Tree{Module: modulePath(mod)}
	if tree.Module == "" {
		return nil, errors.New("go.mod has no module line")
	}
	folders := map[string][]File{}
	err = fs.WalkDir(fsys, ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir():
			return enter(name)
		case !strings.HasSuffix(name, ".go"):
			return nil
		}
		src, err := fs.ReadFile(fsys, name)
		if err != nil {
			return err
		}
		file, err := parse(name, src)
		if err != nil {
			return err
		}
		folders[path.Dir(name)] = append(folders[path.Dir(name)], file)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("walk the tree: %w", err)
	}
	for dir, files := range folders {
		tree.Packages = append(tree.Packages, Package{Dir: dir, Files: files})
	}
	slices.SortFunc(tree.Packages, func(a, b Package) int { return strings.Compare(a.Dir, b.Dir) })
	return tree, nil
}

// enter says whether to walk into the folder name.
func enter(name string) error {
	base := path.Base(name)
	hidden := name != "." && (strings.HasPrefix(base, ".") || strings.HasPrefix(base, "_"))
	if hidden || slices.Contains(skipped, base) {
		return fs.SkipDir
	}
	return nil
}

func parse(name string, src []byte) (File, error) {
	parsed, err := parser.ParseFile(token.NewFileSet(), name, src, parser.ParseComments|parser.ImportsOnly)
	if err != nil {
		return File{}, err
	}
	file := File{
		Path:      name,
		Package:   parsed.Name.Name,
		Doc:       parsed.Doc.Text(),
		Lines:     bytes.Count(src, []byte("\n")),
		Test:      strings.HasSuffix(name, "_test.go"),
		Generated: ast.IsGenerated(parsed),
	}
	for _, spec := range parsed.Imports {
		imported, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			return File{}, fmt.Errorf("%s: import %s: %w", name, spec.Path.Value, err)
		}
		file.Imports = append(file.Imports, imported)
	}
	return file, nil
}

// modulePath finds the module line of a go.mod; the go command has the final
// say about the rest of the file.
func modulePath(mod []byte) string {
	for line := range strings.Lines(string(mod)) {
		if fields := strings.Fields(line); len(fields) >= 2 && fields[0] == "module" {
			return strings.Trim(fields[1], `"`)
		}
	}
	return ""
}

// own turns an import path into a folder of the tree; ok is false when it
// belongs to another module.
func (t *Tree) own(imported string) (dir string, ok bool) {
	if imported == t.Module {
		return ".", true
	}
	return strings.CutPrefix(imported, t.Module+"/")
}

// within says whether dir is matched by pattern: "a/b" is that folder alone,
// "a/b/..." is that folder and all below it.
func within(dir, pattern string) bool {
	if root, deep := strings.CutSuffix(pattern, "/..."); deep {
		return dir == root || strings.HasPrefix(dir, root+"/")
	}
	return dir == pattern
}

func withinAny(dir string, patterns []string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool { return within(dir, p) })
}
