// Package collect reads fields out of the pages of particular kinds of sources
// (listings, feeds, forums, wikis) as a declarative file says: which addresses it
// is for, what makes a row, where each field stands and of which type it is, and
// what to follow. Each file carries an example and the rows expected of it, so
// that it tests itself.
//
// It fetches nothing and knows no crawl; router/crawl asks it through an
// interface of its own. Paths are CSS selectors in HTML, and JSON paths (RFC
// 9535) in JSON and in XML, which becomes a tree first (see tree).
package collect

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"
	"github.com/andybalholm/cascadia"
	"github.com/theory/jsonpath"
)

// Bounds of a file and of what it reads.
const (
	maxFile    = 256 << 10 // bytes of a file
	maxFields  = 64
	maxRows    = 1_000 // rows read of one page
	maxFollow  = 1_000 // addresses followed from one page
	maxValue   = 16 << 10
	maxOutput  = 1 << 20 // bytes of the fields of one page, as JSON
	maxPattern = 512
	maxFiles   = 1_000 // in one folder
)

// Source is the content of a collector's file.
type Source struct {
	Name    string           `toml:"name"`    // a-z, 0-9 and -
	Version int              `toml:"version"` // counts up when its fields change
	About   string           `toml:"about"`
	Kind    string           `toml:"kind"`   // html, json or xml
	Match   []string         `toml:"match"`  // addresses it is for; * stands for anything
	Rows    string           `toml:"rows"`   // path of each row
	Fields  map[string]Field `toml:"fields"` // below a row
	Follow  []Follow         `toml:"follow"`
	Test    Example          `toml:"test"`
}

// Field is where one value stands.
type Field struct {
	Path     string `toml:"path"`     // below the row; "" is the row itself
	Attr     string `toml:"attr"`     // of the element, in html; "" is its text
	Type     string `toml:"type"`     // string, int, float, bool, time or url
	Required bool   `toml:"required"` // a row without it is none
	Many     bool   `toml:"many"`     // all values, as a list
}

// Follow is an address to fetch next.
type Follow struct {
	Path string `toml:"path"` // in the whole page
	Attr string `toml:"attr"` // in html; href unless given
	URL  string `toml:"url"`  // made of the value: {} stands for it, {page} for the page's own address without query
}

// Example is a page and what must be read of it.
type Example struct {
	URL    string           `toml:"url"`
	Body   string           `toml:"body"`
	Rows   []map[string]any `toml:"rows"`
	Follow []string         `toml:"follow"`
}

// Collector is a checked Source. It is safe for concurrent use.
type Collector struct {
	Source
	match  []*regexp.Regexp
	rows   selector
	fields []field // by name
	follow []follow
}

type field struct {
	Field
	name string
	at   selector
}

type follow struct {
	Follow
	at selector
}

// selector is a path of either language; an empty one is the node itself.
type selector struct {
	css  cascadia.Selector
	json *jsonpath.Path
}

// FileError says what is wrong with a collector's file, and where.
type FileError struct {
	File string
	Line int // from 1; 0 if it is about the whole
	Err  error
}

// Error is file:line: what is wrong.
func (e *FileError) Error() string {
	if e.Line == 0 {
		return fmt.Sprintf("%s: %v", e.File, e.Err)
	}
	return fmt.Sprintf("%s:%d: %v", e.File, e.Line, e.Err)
}

// Unwrap is what is wrong.
func (e *FileError) Unwrap() error { return e.Err }

// Parse checks a file. Errors are *FileError.
func Parse(file string, text []byte) (*Collector, error) {
	if len(text) > maxFile {
		return nil, &FileError{file, 0, fmt.Errorf("%d bytes, may have %d", len(text), maxFile)}
	}
	c := new(Collector)
	meta, err := toml.Decode(string(text), &c.Source)
	if err != nil {
		var at toml.ParseError
		if errors.As(err, &at) {
			return nil, &FileError{file, at.Position.Line, errors.New(at.Message)}
		}
		return nil, &FileError{file, 0, err}
	}
	if unknown := meta.Undecoded(); len(unknown) > 0 {
		rows := slices.DeleteFunc(unknown, func(k toml.Key) bool { return len(k) > 2 && k[0] == "test" && k[1] == "rows" })
		if len(rows) > 0 {
			return nil, &FileError{file, lineOf(text, rows[0][len(rows[0])-1]), fmt.Errorf("unknown key %s", rows[0])}
		}
	}
	if wrong, err := c.check(); err != nil {
		return nil, &FileError{file, lineOf(text, wrong), err}
	}
	return c, nil
}

// lineOf is the line that holds a word, which is the best that can be said of
// where a value stood.
func lineOf(text []byte, word string) int {
	if word == "" {
		return 0
	}
	before, _, found := strings.Cut(string(text), word)
	if !found {
		return 0
	}
	return strings.Count(before, "\n") + 1
}

var nameForm = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,62}$`)

var types = []string{"string", "int", "float", "bool", "time", "url"}

// check compiles what there is to compile; wrong is the text at fault.
func (c *Collector) check() (wrong string, err error) {
	switch {
	case !nameForm.MatchString(c.Name):
		return "name", fmt.Errorf("name %q: only a-z, 0-9 and -, at most 63, - not first", c.Name)
	case c.Version < 1:
		return "version", errors.New("version must be 1 or more; raise it when the fields change")
	case c.Kind != "html" && c.Kind != "json" && c.Kind != "xml":
		return "kind", fmt.Errorf("kind %q: give html, json or xml", c.Kind)
	case len(c.Match) == 0:
		return "", errors.New("match is missing: say for which addresses it is, such as https://*.example/t/*")
	case len(c.Fields) == 0 || len(c.Fields) > maxFields:
		return "", fmt.Errorf("%d fields, must be 1 to %d", len(c.Fields), maxFields)
	}
	for _, pattern := range c.Match {
		if len(pattern) > maxPattern || !strings.Contains(pattern, "://") {
			return pattern, fmt.Errorf("match %.80q: write it like https://*.example/path/*", pattern)
		}
		quoted := strings.ReplaceAll(regexp.QuoteMeta(pattern), `\*`, ".*")
		c.match = append(c.match, regexp.MustCompile("^"+quoted+"$"))
	}
	if c.rows, err = c.selector(c.Rows); err != nil {
		return c.Rows, fmt.Errorf("rows: %w", err)
	}
	for name, f := range c.Fields {
		if !slices.Contains(types, f.Type) {
			return name, fmt.Errorf("field %s: type %q, give one of %s", name, f.Type, strings.Join(types, ", "))
		}
		if f.Attr != "" && c.Kind != "html" {
			return name, fmt.Errorf("field %s: attr is for html", name)
		}
		at, err := c.selector(f.Path)
		if err != nil {
			return f.Path, fmt.Errorf("field %s: %w", name, err)
		}
		c.fields = append(c.fields, field{f, name, at})
	}
	slices.SortFunc(c.fields, func(a, b field) int { return strings.Compare(a.name, b.name) })
	for _, f := range c.Follow {
		at, err := c.selector(f.Path)
		if err != nil {
			return f.Path, fmt.Errorf("follow: %w", err)
		}
		c.follow = append(c.follow, follow{f, at})
	}
	return "", nil
}

func (c *Collector) selector(path string) (s selector, err error) {
	switch {
	case path == "":
		return s, nil
	case c.Kind == "html":
		s.css, err = cascadia.Compile(path)
	default:
		s.json, err = jsonpath.Parse(path)
	}
	return s, err
}

// Label is how records name the collector: name and version.
func (c *Collector) Label() string { return fmt.Sprintf("%s/%d", c.Name, c.Version) }

// Matches reports whether the collector is for an address.
func (c *Collector) Matches(url string) bool {
	return slices.ContainsFunc(c.match, func(m *regexp.Regexp) bool { return m.MatchString(url) })
}

//go:embed builtin/*.toml
var builtin embed.FS

// Builtin are the collectors that come with the router, by name.
func Builtin() ([]*Collector, error) { return load(builtin, "builtin") }

// Load reads the files NAME.toml of a folder.
func Load(dir string) ([]*Collector, error) { return load(os.DirFS(dir), ".") }

func load(from fs.FS, dir string) ([]*Collector, error) {
	files, err := fs.Glob(from, filepath.ToSlash(filepath.Join(dir, "*.toml")))
	if err != nil || len(files) > maxFiles {
		return nil, errors.Join(err, fmt.Errorf("%d files, may be %d", len(files), maxFiles))
	}
	var list []*Collector
	var errs []error
	for _, name := range files {
		text, err := fs.ReadFile(from, name)
		if err == nil {
			var c *Collector
			if c, err = Parse(name, text); err == nil {
				list = append(list, c)
			}
		}
		errs = append(errs, err)
	}
	return list, errors.Join(errs...)
}
