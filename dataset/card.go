package dataset

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"text/template"
	"time"
)

// cardSites is how many sites the card lists by name.
const cardSites = 20

// card is README.md of a version: the YAML header that the Hugging Face hub
// and its datasets library read, then figures and terms for people.
func card(m *Manifest, sites map[string]int64) []byte {
	var out bytes.Buffer
	out.WriteString("---\n")
	writeHeader(&out, m)
	out.WriteString("---\n\n")
	err := cardTemplate.Execute(&out, cardFigures(m, sites))
	if err != nil {
		panic(err) // the template and its data are ours; only a wrong field name fails
	}
	return out.Bytes()
}

// quote writes a YAML scalar: JSON strings are YAML strings.
func quote(s string) string {
	var out strings.Builder
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	if err := e.Encode(s); err != nil {
		panic(err) // a string always encodes
	}
	return strings.TrimSuffix(out.String(), "\n")
}

func writeHeader(out *bytes.Buffer, m *Manifest) {
	fmt.Fprintf(out, "pretty_name: %s\nlicense: %s\n", quote(m.Dataset), quote(m.License))
	if m.License == "other" {
		out.WriteString("license_name: \"see-each-site\"\n")
	}
	languages := map[string]bool{}
	for code := range m.Languages {
		if language, _, _ := strings.Cut(code, "_"); language != "und" {
			languages[language] = true
		}
	}
	if len(languages) > 0 {
		out.WriteString("language:\n")
		for _, l := range slices.Sorted(maps.Keys(languages)) {
			fmt.Fprintf(out, "- %s\n", quote(l))
		}
	}
	fmt.Fprintf(out, "size_categories:\n- %s\ntask_categories:\n- \"text-generation\"\ntags:\n- \"fallow\"\n- \"web\"\n", quote(sizeCategory(m.Rows)))
	out.WriteString("configs:\n- config_name: \"default\"\n  data_files:\n  - split: \"train\"\n    path: \"data/**/*.parquet\"\n")
	out.WriteString("dataset_info:\n  config_name: \"default\"\n  features:\n")
	for _, c := range recordsTable().columns {
		if c.kind == kindSignals {
			fmt.Fprintf(out, "  - name: %s\n    list:\n    - name: \"source\"\n      dtype: \"string\"\n    - name: \"text\"\n      dtype: \"string\"\n", quote(c.name))
			continue
		}
		fmt.Fprintf(out, "  - name: %s\n    dtype: %s\n", quote(c.name), quote(c.hubType()))
	}
	fmt.Fprintf(out, "  splits:\n  - name: \"train\"\n    num_examples: %d\n  download_size: %d\n", m.Rows, m.Bytes)
}

// hubType is the name the datasets library has for the type of a column.
func (c *column[T]) hubType() string {
	switch c.kind {
	case kindBinary, kindBytes:
		return "binary"
	case kindInt64:
		return "int64"
	case kindInt32:
		return "int32"
	case kindFloat:
		return "float64"
	case kindTime:
		return "timestamp[us, tz=UTC]"
	default:
		return "string"
	}
}

// sizeCategory is the hub's word for a number of rows.
func sizeCategory(rows int64) string {
	names := []string{"1K", "10K", "100K", "1M", "10M", "100M", "1B", "10B", "100B", "1T"}
	bound := int64(1000)
	for i, name := range names {
		if rows < bound {
			if i == 0 {
				return "n<1K"
			}
			return names[i-1] + "<n<" + name
		}
		bound *= 10
	}
	return "n>1T"
}

// count is one line of a table of the card.
type count struct {
	Name string
	Rows int64
}

// topCounts are the lines of a table, the largest first; at most cardSites.
func topCounts(counts map[string]int64) []count {
	list := make([]count, 0, len(counts))
	for name, rows := range counts {
		list = append(list, count{name, rows})
	}
	slices.SortFunc(list, func(a, b count) int { return cmp.Or(cmp.Compare(b.Rows, a.Rows), strings.Compare(a.Name, b.Name)) })
	return list[:min(cardSites, len(list))]
}

type figures struct {
	*Manifest
	First, Last, Made string
	Dropped           int64
	DuplicateRate     string
	Languages, Sites  []count
	Transports, Train []count
	SiteCount         int64
	ShardCount        int
}

func cardFigures(m *Manifest, sites map[string]int64) figures {
	f := figures{
		Manifest: m, First: m.FirstFetched.Format(time.RFC3339), Last: m.LastFetched.Format(time.RFC3339), Made: m.Created.Format(time.RFC3339),
		Dropped: m.Duplicates.Exact + m.Duplicates.Near, Languages: topCounts(m.Languages), Sites: topCounts(sites),
		Transports: topCounts(m.Transports), Train: topCounts(m.AITrain), SiteCount: m.Sites, ShardCount: len(m.Shards),
	}
	f.DuplicateRate = fmt.Sprintf("%.1f %%", 100*float64(f.Dropped)/float64(max(1, f.Dropped+m.Rows)))
	return f
}

var cardTemplate = template.Must(template.New("card").Parse(`# {{.Dataset}}, version {{.Version}}

{{with .Description}}{{.}}

{{end}}{{with .Purpose}}**Purpose of the crawl:** {{.}}

{{end}}Web pages that site owners did not forbid, fetched through the Fallow network, as text in Parquet files. The first
columns are those of FineWeb-2 in its order. Made {{.Made}} by {{.Generator}}.

## Load

` + "```python" + `
from datasets import load_dataset
rows = load_dataset("path/to/this/folder", split="train")
` + "```" + `

` + "```sql" + `
SELECT url, title, text FROM 'data/**/*.parquet' LIMIT 5;  -- DuckDB
` + "```" + `

## Figures

| | |
|---|---|
| records | {{.Rows}} |
| shards | {{.ShardCount}} |
| bytes of Parquet | {{.Bytes}} |
| bytes of text (UTF-8) | {{.TextBytes}} |
| tokens (estimate) | {{.Tokens}} |
| sites | {{.SiteCount}} |
| fetched from | {{.First}} |
| fetched to | {{.Last}} |
| pages fetched in all | {{.Counts.Fetched}} |
| duplicates dropped | {{.Dropped}} ({{.Duplicates.Exact}} exact, {{.Duplicates.Near}} near; {{.DuplicateRate}} of what was kept and dropped) |
| addresses not fetched: robots.txt | {{.Counts.RefusedRobots}} |
| addresses or pages left out: opt-out signals | {{.Counts.RefusedOptOut}} |
| addresses given up on | {{.Counts.Failed}} |

| language | records |
|---|---|
{{range .Languages}}| {{.Name}} | {{.Rows}} |
{{end}}
| site (the largest of {{.SiteCount}}; all in sites.json) | records |
|---|---|
{{range .Sites}}| {{.Name}} | {{.Rows}} |
{{end}}
| what the site says about AI training | records |
|---|---|
{{range .Train}}| {{.Name}} | {{.Rows}} |
{{end}}
| transport | records |
|---|---|
{{range .Transports}}| {{.Name}} | {{.Rows}} |
{{end}}
## Verify

` + "```sh" + `
fallow-data verify path/to/this/folder --key {{.Router}}
` + "```" + `

The command works offline. It recomputes every digest, every row's Merkle leaf and the total root {{.Root}}, and names
file, row and field where something was changed. Take the router's key from a source you trust, not from this file.
With nothing but standard tools, ` + "`sha256sum -c SHA256SUMS`" + ` finds changed files.

## Terms and known gaps

Every page belongs to its author; the licence field above is that of the collection. Column ` + "`url`" + ` names the source of each
row, ` + "`robots`" + `, ` + "`ai_train`" + ` and ` + "`signals`" + ` what its site allowed when it was fetched. Text extraction is automatic: it loses tables
and formulas and sometimes keeps navigation. Language, token count and site are estimates by rule. Rows with
` + "`transport`" + ` http were not protected on their way.{{with .Contact}} Questions and removals: {{.}}{{end}}
`))
