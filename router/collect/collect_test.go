package collect_test

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/fallow-network/fallow/router/collect"
)

func builtin(t testing.TB) []*collect.Collector {
	t.Helper()
	list, err := collect.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func TestBuiltinCollectorsReadTheirExamples(t *testing.T) {
	list := builtin(t)
	if len(list) < 7 {
		t.Errorf("%d collectors", len(list))
	}
	for _, c := range list {
		if err := c.Check(); err != nil {
			t.Errorf("%s: %v", c.Name, err)
		}
		if c.About == "" || c.Label() != c.Name+"/1" {
			t.Errorf("%s: label %s", c.Name, c.Label())
		}
	}
}

const small = `name = "small"
version = 2
kind = "html"
match = ["https://*.example/t/*"]
rows = "li"
[fields]
n = { path = "b", type = "int", required = true }
[test]
url = "https://a.example/t/1"
body = "<li><b>1,200</b><li><b>x</b><li>none"
[[test.rows]]
n = 1200
`

// Mistakes are named with file and line.
func TestMistakes(t *testing.T) {
	if c, err := collect.Parse("small.toml", []byte(small)); err != nil || c.Check() != nil || c.Matches("https://a.example/x/1") {
		t.Fatalf("the sound one: %v, %v", err, c.Check())
	}
	for name, c := range map[string]struct{ old, new, says string }{
		"syntax":   {`version = 2`, `version = `, "small.toml:2: "},
		"unknown":  {`rows = "li"`, `rows = "li"` + "\ncolour = 1", "small.toml:6: unknown key colour"},
		"name":     {`"small"`, `"Small One"`, `small.toml:1: name "Small One"`},
		"kind":     {`"html"`, `"pdf"`, "small.toml:3: kind"},
		"match":    {`https://*.example/t/*`, `*.example`, "small.toml:4: match"},
		"selector": {`path = "b"`, `path = "b["`, "small.toml:7: field n"},
		"type":     {`"int"`, `"number"`, `type "number", give one of string`},
		"fields":   {`n = { path = "b", type = "int", required = true }`, ``, "0 fields"},
		"version":  {`version = 2`, `version = 0`, "version must be 1"},
	} {
		_, err := collect.Parse("small.toml", []byte(strings.Replace(small, c.old, c.new, 1)))
		var wrong *collect.FileError
		if !errors.As(err, &wrong) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, should say %q", name, err, c.says)
		}
	}
	for name, change := range map[string][2]string{
		"value": {"n = 1200", "n = 1"}, "address": {"/t/1", "/x/1"}, "rows": {"[[test.rows]]", "[[test.rows]]\nn = 1\n[[test.rows]]"}, "none": {"body =", "follow = [\"https://a.example/\"]\nbody ="},
	} {
		c, err := collect.Parse("small.toml", []byte(strings.Replace(small, change[0], change[1], 1)))
		if err != nil || !errors.Is(c.Check(), collect.ErrTest) {
			t.Errorf("test of another %s: %v", name, err)
		}
	}
}

func TestLoad(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{"a.toml": small, "b.toml": strings.Replace(small, "html", "pdf", 1), "c.txt": "no"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	list, err := collect.Load(dir)
	if len(list) != 1 || err == nil || !strings.Contains(err.Error(), "b.toml:3") || strings.Contains(err.Error(), "a.toml") {
		t.Errorf("%d, %v", len(list), err)
	}
}

// Rows, values and links are bounded, whatever a page holds.
func TestReadIsBounded(t *testing.T) {
	c, err := collect.Parse("small.toml", []byte(small))
	if err != nil {
		t.Fatal(err)
	}
	rows, _, err := c.Read("https://a.example/t/1", []byte(strings.Repeat("<li><b>7</b>", 5000)))
	if err != nil || len(rows) != 1000 || !reflect.DeepEqual(rows[0]["n"], int64(7)) {
		t.Errorf("%d rows, %v", len(rows), err)
	}
	big := []collect.Row{{"a": strings.Repeat("x", 16<<10)}}
	for len(big) < 256 {
		big = append(big, big...)
	}
	if n := len(collect.Fields(big)); n == 0 || n > 1<<20 {
		t.Errorf("%d bytes of fields", n)
	}
	for _, list := range builtin(t) {
		if list.Kind == "xml" {
			deep := strings.Repeat("<a>", 100) + strings.Repeat("</a>", 100)
			if _, _, err := list.Read("https://a.example/", []byte(deep)); err == nil {
				t.Errorf("%s read 100 elements within each other", list.Name)
			}
		}
	}
}

// FuzzRead gives any bytes to every collector, and as a collector's file.
func FuzzRead(f *testing.F) {
	list := builtin(f)
	for _, c := range list {
		f.Add([]byte(c.Test.Body), c.Test.URL)
	}
	f.Add([]byte(small), "https://a.example/")
	f.Fuzz(func(t *testing.T, body []byte, url string) {
		for _, c := range list {
			rows, links, err := c.Read(url, body)
			if err != nil {
				continue
			}
			for _, link := range links {
				if !strings.HasPrefix(link, "http://") && !strings.HasPrefix(link, "https://") {
					t.Fatalf("follows %q", link)
				}
			}
			collect.Fields(rows)
		}
		if c, err := collect.Parse("x.toml", body); err == nil {
			_ = c.Check()
		}
	})
}
