package page

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strings"
)

// Bounds of the linked data of one document.
const (
	maxLinkedBlocks = 16
	maxLinkedBytes  = 256 << 10 // of all blocks
	maxLinkedDepth  = 32
	maxLinkedNodes  = 2000
)

// Linked is what a document's JSON-LD says of the document, by the words of
// schema.org. Each field is one line of at most 512 bytes; the first that says
// something counts.
type Linked struct {
	Type      string // of the thing described: "NewsArticle"
	Headline  string
	Author    string
	Publisher string
	Published string // as written, ISO 8601 as a rule
	Modified  string
	Language  string // inLanguage
	License   string // address or name
}

// ReadLinked reads blocks of JSON-LD, as Page.JSONLD has them. What is broken is
// passed over, as browsers and search engines do; it never fails.
func ReadLinked(blocks []string) Linked {
	r := linkedReader{}
	for _, block := range blocks[:min(len(blocks), maxLinkedBlocks)] {
		if len(block) > maxLinkedBytes {
			continue
		}
		if v, err := decodeBounded(block); err == nil {
			r.read(v)
		}
	}
	return r.found
}

// decodeBounded decodes one JSON value nested no deeper than maxLinkedDepth.
func decodeBounded(block string) (any, error) {
	depth := json.NewDecoder(strings.NewReader(block))
	for open := 0; ; {
		t, err := depth.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		switch t {
		case json.Delim('{'), json.Delim('['):
			if open++; open > maxLinkedDepth {
				return nil, errors.New("nested too deep")
			}
		case json.Delim('}'), json.Delim(']'):
			open--
		}
	}
	var v any
	err := json.Unmarshal([]byte(block), &v)
	return v, err
}

type linkedReader struct {
	found Linked
	nodes int
}

// read takes what is described from a value: an object, a list of them, or a
// graph. Objects inside properties describe other things.
func (r *linkedReader) read(v any) {
	if r.nodes++; r.nodes > maxLinkedNodes {
		return
	}
	switch v := v.(type) {
	case []any:
		for _, item := range v {
			r.read(item)
		}
	case map[string]any:
		if graph, ok := v["@graph"]; ok {
			r.read(graph)
		}
		if main, ok := v["mainEntity"].(map[string]any); ok {
			r.read(main)
		}
		r.object(v)
	}
}

// pages are types that describe what surrounds a document rather than itself.
var surroundings = []string{"BreadcrumbList", "Organization", "WebSite", "SearchAction", "ImageObject", "Person", "ListItem", "SiteNavigationElement"}

func (r *linkedReader) object(o map[string]any) {
	kind := words(o["@type"], "")
	if slices.Contains(surroundings, kind) {
		return
	}
	f := &r.found
	for _, take := range []struct {
		field *string
		said  string
	}{
		{&f.Type, kind},
		{&f.Headline, words(o["headline"], "name")},
		{&f.Headline, words(o["name"], "")},
		{&f.Author, words(o["author"], "name")},
		{&f.Publisher, words(o["publisher"], "name")},
		{&f.Published, words(o["datePublished"], "")},
		{&f.Modified, words(o["dateModified"], "")},
		{&f.Language, words(o["inLanguage"], "alternateName")},
		{&f.License, words(o["license"], "url")},
	} {
		if *take.field == "" {
			*take.field = oneLine([]byte(take.said), 512)
		}
	}
}

// words is a value as text: a string, the first of a list, or of an object the
// property asked for or its identifier.
func words(v any, property string) string {
	switch v := v.(type) {
	case string:
		return v
	case []any:
		if len(v) > 0 {
			if _, list := v[0].([]any); !list {
				return words(v[0], property)
			}
		}
	case map[string]any:
		for _, key := range []string{property, "@id", "@value"} {
			if s, ok := v[key].(string); ok && s != "" {
				return s
			}
		}
	}
	return ""
}

// linkedBlocks gathers the blocks of a document.
type linkedBlocks struct {
	list []string
	size int
}

// add takes the text of a script.
func (l *linkedBlocks) add(text []byte) {
	text = bytes.TrimSpace(text)
	if len(text) == 0 || len(l.list) >= maxLinkedBlocks || l.size+len(text) > maxLinkedBytes {
		return
	}
	l.size += len(text)
	l.list = append(l.list, string(text))
}

// licence is the licence they name, if any of them speaks of one at all.
func (l *linkedBlocks) licence() string {
	for _, block := range l.list {
		if strings.Contains(block, `"license"`) {
			return ReadLinked(l.list).License
		}
	}
	return ""
}
