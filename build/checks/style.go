package checks

import (
	"fmt"
	"path"
	"slices"
	"strings"
)

// MaxLines bounds a source file, tests included and generated code not. The
// usual file is about a hundred lines; this is the point where a file certainly
// has more than one subject.
const MaxLines = 800

// emptyNames say nothing about what a package does, and so collect everything.
var emptyNames = []string{
	"util", "utils", "common", "types", "models", "helpers", "core", "pkg", "misc",
}

// Names finds packages whose folder or package clause is a name that says
// nothing.
func Names(t *Tree) []Finding {
	var found []Finding
	for _, p := range t.Packages {
		for segment := range strings.SplitSeq(p.Dir, "/") {
			if slices.Contains(emptyNames, segment) {
				found = append(found, Finding{p.Dir, fmt.Sprintf("folder name %q says nothing: name the package for what it does", segment)})
			}
		}
		for _, f := range p.Files {
			name := strings.TrimSuffix(f.Package, "_test")
			if slices.Contains(emptyNames, name) && name != path.Base(p.Dir) {
				found = append(found, Finding{f.Path, fmt.Sprintf("package name %q says nothing: name the package for what it does", name)})
			}
		}
	}
	return found
}

// Comments finds packages that do not have exactly one package comment, and
// package comments that do not open the way godoc expects.
func Comments(t *Tree) []Finding {
	var found []Finding
	for _, p := range t.Packages {
		files := documented(p)
		var with []string
		for _, f := range files {
			if f.Doc == "" {
				continue
			}
			with = append(with, path.Base(f.Path))
			opening := "Package " + strings.TrimSuffix(f.Package, "_test") + " "
			if f.Package == "main" {
				opening = "Command " + path.Base(p.Dir) + " "
			}
			if !strings.HasPrefix(f.Doc, opening) {
				found = append(found, Finding{f.Path, fmt.Sprintf("the package comment does not begin with %q", opening)})
			}
		}
		switch len(with) {
		case 0:
			found = append(found, Finding{p.Dir, "no package comment: say what the package is for, what it is not, who may import it"})
		case 1:
		default:
			found = append(found, Finding{p.Dir, "more than one package comment, in " + strings.Join(with, ", ")})
		}
	}
	return found
}

// documented are the files that carry the package comment: tests do so only
// where a package consists of nothing else.
func documented(p Package) []File {
	code := slices.DeleteFunc(slices.Clone(p.Files), func(f File) bool { return f.Test })
	if len(code) > 0 {
		return code
	}
	return p.Files
}

// Lengths finds files of more than MaxLines lines.
func Lengths(t *Tree) []Finding {
	var found []Finding
	for _, p := range t.Packages {
		for _, f := range p.Files {
			if f.Lines > MaxLines && !f.Generated {
				found = append(found, Finding{f.Path, fmt.Sprintf("%d lines, more than %d: a file has one subject", f.Lines, MaxLines)})
			}
		}
	}
	return found
}
