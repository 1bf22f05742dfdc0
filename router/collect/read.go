package collect

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/PuerkitoBio/goquery"
	"golang.org/x/net/html"
	"golang.org/x/text/unicode/norm"
)

// Row is one row: fields by name, each string, int64, float64, bool, or a list.
type Row map[string]any

// Read reads a page, whose body is UTF-8. A row that lacks a required field, or
// of which a value is not of its type, is left out.
func (c *Collector) Read(address string, body []byte) (rows []Row, links []string, err error) {
	base, err := url.Parse(address)
	if err != nil {
		return nil, nil, fmt.Errorf("read %s: %w", c.Name, err)
	}
	root, err := c.parse(body)
	if err != nil {
		return nil, nil, fmt.Errorf("read %s: %w", c.Name, err)
	}
	for _, node := range c.find(root, c.rows) {
		if len(rows) == maxRows {
			break
		}
		if row, ok := c.row(node, base); ok {
			rows = append(rows, row)
		}
	}
	return rows, c.links(root, base), nil
}

func (c *Collector) parse(body []byte) (any, error) {
	switch c.Kind {
	case "json":
		decoder := json.NewDecoder(bytes.NewReader(body))
		var root any
		err := decoder.Decode(&root)
		return root, err
	case "xml":
		return tree(body)
	}
	return html.Parse(bytes.NewReader(body))
}

// find are the nodes at a path below node.
func (c *Collector) find(node any, at selector) []any {
	switch {
	case at.css == nil && at.json == nil:
		return []any{node}
	case at.json != nil:
		return at.json.Select(node)
	}
	element, ok := node.(*html.Node)
	if !ok {
		return nil
	}
	var found []any
	for _, n := range goquery.NewDocumentFromNode(element).FindMatcher(at.css).Nodes {
		found = append(found, n)
	}
	return found
}

func (c *Collector) row(node any, base *url.URL) (Row, bool) {
	row := Row{}
	for _, f := range c.fields {
		var values []any
		for _, n := range c.find(node, f.at) {
			v, ok := value(text(n, f.Attr), f.Type, base)
			if !ok {
				return nil, false
			}
			if v != nil {
				values = append(values, v)
			}
			if !f.Many || len(values) == maxRows {
				break
			}
		}
		switch {
		case len(values) == 0 && f.Required:
			return nil, false
		case len(values) == 0:
		case f.Many:
			row[f.name] = values
		default:
			row[f.name] = values[0]
		}
	}
	return row, len(row) > 0
}

// text is what stands at a node.
func text(node any, attr string) string {
	switch v := node.(type) {
	case string:
		return v
	case bool:
		return strconv.FormatBool(v)
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	case *html.Node:
		selection := goquery.NewDocumentFromNode(v).Selection
		if attr != "" {
			return strings.TrimSpace(selection.AttrOr(attr, ""))
		}
		return strings.Join(strings.Fields(selection.Text()), " ")
	case map[string]any: // an element of XML
		if inner, ok := v[textKey].(string); ok {
			return inner
		}
	}
	return ""
}

// value reads text as a type; nil stands for nothing there.
func value(text, as string, base *url.URL) (any, bool) {
	text = strings.ToValidUTF8(strings.TrimSpace(text), "\ufffd")
	if len(text) > maxValue {
		text = strings.ToValidUTF8(text[:maxValue], "")
	}
	if text == "" {
		return nil, true
	}
	switch as {
	case "int":
		n, err := strconv.ParseInt(strings.ReplaceAll(text, ",", ""), 10, 64)
		return n, err == nil
	case "float":
		n, err := strconv.ParseFloat(text, 64)
		return n, err == nil && n-n == 0
	case "bool":
		b, err := strconv.ParseBool(text)
		return b, err == nil
	case "time":
		t, ok := timeOf(text)
		return t, ok
	case "url":
		u, err := base.Parse(text)
		if err != nil || u.Scheme != "http" && u.Scheme != "https" {
			return nil, true
		}
		u.Fragment = ""
		return u.String(), true
	}
	return text, true
}

var timeForms = []string{time.RFC3339, time.RFC1123Z, time.RFC1123, "2006-01-02T15:04:05", "2006-01-02 15:04:05", time.DateOnly}

// timeOf is a time in RFC 3339, UTC; numbers are seconds since 1970.
func timeOf(text string) (string, bool) {
	if seconds, err := strconv.ParseFloat(text, 64); err == nil && seconds >= 0 && seconds < 1e11 {
		return time.Unix(int64(seconds), 0).UTC().Format(time.RFC3339), true
	}
	for _, form := range timeForms {
		if t, err := time.Parse(form, text); err == nil {
			return t.UTC().Format(time.RFC3339), true
		}
	}
	return "", false
}

func (c *Collector) links(root any, base *url.URL) []string {
	var links []string
	for _, f := range c.follow {
		attr := f.Attr
		if attr == "" && c.Kind == "html" {
			attr = "href"
		}
		for _, node := range c.find(root, f.at) {
			found := text(node, attr)
			if found == "" || len(links) == maxFollow {
				continue
			}
			if f.URL != "" {
				page := *base
				page.RawQuery, page.Fragment = "", ""
				found = strings.NewReplacer("{page}", page.String(), "{}", url.QueryEscape(found)).Replace(f.URL)
			}
			if link, ok := value(found, "url", base); ok && link != nil {
				links = append(links, link.(string))
			}
		}
	}
	return links
}

// Fields is a page's rows as one JSON object, "" if there are none or too many
// bytes of them.
func Fields(rows []Row) string {
	if len(rows) == 0 {
		return ""
	}
	for {
		raw, err := json.Marshal(map[string]any{"rows": rows})
		if err != nil {
			return ""
		}
		if len(raw) <= maxOutput {
			return string(raw)
		}
		if len(rows) == 1 {
			return ""
		}
		rows = rows[:len(rows)/2] // as many of the first as fit
	}
}

// ErrTest says that a collector does not read its example as it says.
var ErrTest = errors.New("the example is not read as expected")

// Check reads the collector's own example and compares.
func (c *Collector) Check() error {
	if c.Test.URL == "" || c.Test.Body == "" || len(c.Test.Rows) == 0 {
		return fmt.Errorf("%w: [test] needs url, body and rows", ErrTest)
	}
	if !c.Matches(c.Test.URL) {
		return fmt.Errorf("%w: match does not cover the test's url %s", ErrTest, c.Test.URL)
	}
	rows, links, err := c.Read(c.Test.URL, []byte(c.Test.Body))
	if err != nil {
		return fmt.Errorf("%w: %w", ErrTest, err)
	}
	if len(rows) != len(c.Test.Rows) {
		return fmt.Errorf("%w: %d rows, expected %d: %s", ErrTest, len(rows), len(c.Test.Rows), Fields(rows))
	}
	for i, want := range c.Test.Rows {
		for name, got := range rows[i] {
			if !reflect.DeepEqual(got, want[name]) {
				return fmt.Errorf("%w: row %d, field %s: %#v, expected %#v", ErrTest, i+1, name, got, want[name])
			}
		}
		if len(rows[i]) != len(want) {
			return fmt.Errorf("%w: row %d has %d fields, expected %d", ErrTest, i+1, len(rows[i]), len(want))
		}
	}
	if strings.Join(links, "\n") != strings.Join(c.Test.Follow, "\n") {
		return fmt.Errorf("%w: follows %q, expected %q", ErrTest, links, c.Test.Follow)
	}
	return nil
}

// Text is what the texts of rows say, a line each, in the order of the fields'
// names: the main text of a page that is no document itself.
func Text(rows []Row) string {
	var b strings.Builder
	for _, row := range rows {
		for _, name := range slices.Sorted(maps.Keys(row)) {
			text, ok := row[name].(string)
			if !ok || b.Len()+len(text) > maxOutput {
				continue
			}
			b.WriteString(strings.Map(printable, text))
			b.WriteByte('\n')
		}
	}
	return norm.NFC.String(strings.TrimSpace(b.String()))
}

// printable leaves control characters out of a text, but for its lines.
func printable(r rune) rune {
	if unicode.IsControl(r) && r != '\n' && r != '\t' {
		return -1
	}
	return r
}
