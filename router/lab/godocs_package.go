package lab

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/build"
	"go/doc"
	"go/doc/comment"
	"go/format"
	"go/parser"
	"go/printer"
	"go/token"
	"html/template"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

const (
	// maxItems bounds the declarations on one page, maxCode the bytes of one:
	// package syscall alone would make megabytes.
	maxItems = 400
	maxCode  = 8 << 10
	// maxSourceBytes bounds what is parsed for one page.
	maxSourceBytes = 16 << 20
)

// packagePage parses one package and lays out its documentation.
func (g *GoDocs) packagePage(importPath, dir string) (view, error) {
	fset := token.NewFileSet()
	files, err := parsePackage(fset, dir)
	if err != nil {
		return view{}, fmt.Errorf("document %s: %w", importPath, err)
	}
	var mode doc.Mode
	if importPath == "builtin" {
		mode = doc.AllDecls // its declarations are lower case
	}
	pkg, err := doc.NewFromFiles(fset, files, importPath, mode)
	if err != nil {
		return view{}, fmt.Errorf("document %s: %w", importPath, err)
	}
	p := &packageView{g: g, fset: fset, pkg: pkg, printer: pkg.Printer()}
	p.printer.DocLinkURL = p.docLink
	p.printer.HeadingLevel = 3
	v := view{
		Title:    "Package " + importPath,
		Lead:     p.lead(),
		Crumbs:   g.crumbs(importPath),
		Overview: p.html(pkg.Doc),
		Sections: p.sections(),
		Lists: []linkList{
			{"Packages below", g.links(g.below(importPath))},
			{"Imports", g.links(pkg.Imports)},
			{"Related", g.related(importPath)},
		},
	}
	if slices.Contains(g.mirror, importPath) {
		v.Lists = append(v.Lists, linkList{"Printable version", g.mirrorLinks([]string{importPath})})
	} else {
		v.Canonical = g.href(importPath)
	}
	return v, nil
}

// related links to the neighbours of a page with tracking parameters, as
// recommendation boxes do.
func (g *GoDocs) related(importPath string) []link {
	var out []link
	for _, l := range g.links([]string{path.Dir(importPath), "builtin", "fmt"}) {
		out = append(out, link{l.Href + "?utm_source=related&utm_campaign=" + path.Base(importPath), l.Text})
	}
	return out
}

// parsePackage parses the files of a folder that build here, with those that
// hold examples; when none builds here (syscall/js), all of them.
func parsePackage(fset *token.FileSet, dir string) ([]*ast.File, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var names, others []string
	for _, e := range entries {
		name := e.Name()
		isTest := strings.HasSuffix(name, "_test.go")
		if e.IsDir() || !strings.HasSuffix(name, ".go") || isTest && !strings.HasPrefix(name, "example") {
			continue
		}
		if ok, err := build.Default.MatchFile(dir, name); err == nil && ok {
			names = append(names, name)
		} else if !isTest {
			others = append(others, name)
		}
	}
	if !slices.ContainsFunc(names, func(n string) bool { return !strings.HasSuffix(n, "_test.go") }) {
		names = others
	}
	var files []*ast.File
	size := 0
	for _, name := range names {
		source, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			return nil, err
		}
		if size += len(source); size > maxSourceBytes {
			break
		}
		file, err := parser.ParseFile(fset, filepath.Join(dir, name), source, parser.ParseComments|parser.SkipObjectResolution)
		if err == nil { // a file that does not parse documents nothing
			files = append(files, file)
		}
	}
	return onePackage(fset, files, path.Base(filepath.ToSlash(dir))), nil
}

// onePackage keeps the files of one package and its tests: the one named like
// the folder, else the one of the first file.
func onePackage(fset *token.FileSet, files []*ast.File, base string) []*ast.File {
	name := ""
	for _, f := range files {
		isTest := strings.HasSuffix(fset.Position(f.Package).Filename, "_test.go")
		if !isTest && (name == "" || f.Name.Name == base) {
			name = f.Name.Name
		}
	}
	return slices.DeleteFunc(files, func(f *ast.File) bool {
		return strings.TrimSuffix(f.Name.Name, "_test") != name
	})
}

// packageView lays out one parsed package.
type packageView struct {
	g       *GoDocs
	fset    *token.FileSet
	pkg     *doc.Package
	printer *comment.Printer
	items   int
}

func (p *packageView) lead() string {
	files := make([]string, 0, len(p.pkg.Filenames))
	for _, f := range p.pkg.Filenames {
		files = append(files, filepath.Base(f))
	}
	how := `import "` + p.pkg.ImportPath + `"`
	if p.pkg.Name == "main" {
		how = "a command"
	}
	return fmt.Sprintf("%s: %s. Source files: %s.", p.pkg.ImportPath, how, strings.Join(files, ", "))
}

func (p *packageView) html(text string) template.HTML {
	return template.HTML(p.printer.HTML(p.pkg.Parser().Parse(text))) // go/doc/comment escapes the text it prints
}

// docLink points [pkg.Name] in a comment to our own page of it.
func (p *packageView) docLink(l *comment.DocLink) string {
	anchor := l.Name
	if l.Recv != "" {
		anchor = l.Recv + "." + l.Name
	}
	base := ""
	if l.ImportPath != "" {
		base = p.g.href(l.ImportPath)
	}
	if anchor == "" {
		return base
	}
	return base + "#" + anchor
}

func (p *packageView) sections() []section {
	all := []section{
		{"Examples", p.packageExamples()},
		{"Constants", p.values(p.pkg.Consts)},
		{"Variables", p.values(p.pkg.Vars)},
		{"Functions", p.funcs(p.pkg.Funcs, "")},
		{"Types", p.types()},
	}
	return slices.DeleteFunc(all, func(s section) bool { return len(s.Items) == 0 })
}

func (p *packageView) packageExamples() []item {
	if len(p.pkg.Examples) == 0 {
		return nil
	}
	return []item{{Code: `import "` + p.pkg.ImportPath + `"`, Examples: p.examples(p.pkg.Examples)}}
}

func (p *packageView) values(list []*doc.Value) []item {
	var out []item
	for _, v := range list {
		out = p.add(out, item{Code: p.code(v.Decl), Doc: p.html(v.Doc)})
	}
	return out
}

func (p *packageView) funcs(list []*doc.Func, recv string) []item {
	var out []item
	for _, f := range list {
		id, heading := f.Name, "func "+f.Name
		if recv != "" && f.Recv != "" {
			id, heading = recv+"."+f.Name, "func ("+f.Recv+") "+f.Name
		}
		out = p.add(out, item{ID: id, Heading: heading, Code: p.code(f.Decl), Doc: p.html(f.Doc), Examples: p.examples(f.Examples)})
	}
	return out
}

func (p *packageView) types() []item {
	var out []item
	for _, t := range p.pkg.Types {
		out = p.add(out, item{ID: t.Name, Heading: "type " + t.Name, Code: p.code(t.Decl), Doc: p.html(t.Doc), Examples: p.examples(t.Examples)})
		out = append(out, p.values(t.Consts)...)
		out = append(out, p.values(t.Vars)...)
		out = append(out, p.funcs(t.Funcs, "")...)
		out = append(out, p.funcs(t.Methods, t.Name)...)
	}
	return out
}

// add appends while the page has room.
func (p *packageView) add(list []item, i item) []item {
	if p.items >= maxItems {
		return list
	}
	p.items++
	return append(list, i)
}

func (p *packageView) examples(list []*doc.Example) []example {
	var out []example
	for _, e := range list {
		code := p.code(&printer.CommentedNode{Node: e.Code, Comments: e.Comments})
		code = strings.TrimSuffix(strings.TrimPrefix(code, "{\n"), "\n}")
		out = append(out, example{Name: e.Suffix, Doc: strings.TrimSpace(e.Doc), Code: code, Output: e.Output})
	}
	return out
}

// code prints a declaration as gofmt would, cut at maxCode.
func (p *packageView) code(node any) string {
	var buf bytes.Buffer
	if err := format.Node(&buf, p.fset, node); err != nil {
		return "" // a declaration that cannot be printed is left out
	}
	if text := buf.String(); len(text) > maxCode {
		return strings.ToValidUTF8(text[:maxCode], "") + "\n…"
	}
	return buf.String()
}
