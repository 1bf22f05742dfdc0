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
)

// cardSites is how many sites the card lists by name.
const cardSites = 20

// card is README.md of a version: the YAML header that the Hugging Face hub
// and its datasets library read, then figures and terms for people.
func card(a *about) []byte {
	var out bytes.Buffer
	out.WriteString("---\n")
	writeHeader(&out, a.Manifest)
	out.WriteString("---\n\n")
	err := cardTemplate.Execute(&out, cardFigures(a))
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
	out.WriteString("configs:\n- config_name: \"default\"\n  data_files:\n  - split: \"train\"\n    path: \"data/**/*.parquet\"\n  default: true\n")
	fmt.Fprintf(out, "- config_name: \"sample\"\n  data_files:\n  - split: \"train\"\n    path: \"sample/*.parquet\"\n")
	if slices.ContainsFunc(m.Shards, func(s Shard) bool { return s.Raw != nil }) {
		out.WriteString("- config_name: \"raw\"\n  data_files:\n  - split: \"train\"\n    path: \"raw/**/*.parquet\"\n")
	}

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
	First, Last, Made     string
	ExactRate, NearRate   string
	Languages, Sites      []count
	Transports, Train     []count
	SiteCount, TakenRows  int64
	ShardCount, SampleOf  int
	Notices               []Notice
	Semantic, FormerState string
}

func cardFigures(a *about) figures {
	m := a.Manifest
	f := figures{
		Manifest: m, First: stamp(m.FirstFetched), Last: stamp(m.LastFetched), Made: stamp(m.Created),
		ExactRate: a.rate(m.Duplicates.Exact), NearRate: a.rate(m.Duplicates.Near), Languages: topCounts(m.Languages), Sites: topCounts(a.sites),
		Transports: topCounts(m.Transports), Train: topCounts(m.AITrain), SiteCount: m.Sites, ShardCount: len(m.Shards), SampleOf: sampleRows,
		TakenRows: a.taken(), Semantic: a.semantic(), FormerState: "This is the first version.",
	}
	for _, n := range a.notices {
		n.Reason = cell(n.Reason)
		f.Notices = append(f.Notices, n)
	}
	if a.former != nil {
		added, lost := int64(0), a.former.Rows
		for _, s := range NewShards(m, a.former) {
			added += s.Rows
		}
		lost -= m.Rows - added
		f.FormerState = fmt.Sprintf("Since version %d: %d records more, %d taken out.", a.former.Version, added, lost)
	}
	return f
}

var cardTemplate = template.Must(template.New("card").Parse(`# {{.Dataset}}, version {{.Version}} ({{.Semantic}})

{{with .Description}}{{.}}

{{end}}{{with .Purpose}}**Purpose of the crawl:** {{.}}

{{end}}Web pages that site owners did not forbid, fetched through the Fallow network, as text in Parquet files. The first
columns are those of FineWeb-2 in its order. Made {{.Made}} by {{.Generator}}. {{.FormerState}}

## Load

` + "```python" + `
from datasets import load_dataset
rows = load_dataset("path/to/this/folder", split="train")
few = load_dataset("path/to/this/folder", "sample", split="train")  # up to {{.SampleOf}} rows
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
| duplicates dropped | {{.Duplicates.Exact}} exact, {{.Duplicates.Near}} near ({{.ExactRate}} and {{.NearRate}} of what was kept and dropped) |
| addresses not fetched: robots.txt | {{.Counts.RefusedRobots}} |
| addresses or pages left out: opt-out signals | {{.Counts.RefusedOptOut}} |
| addresses given up on | {{.Counts.Failed}} |
| rows taken down since the first version | {{.TakenRows}} |

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

## Removals

{{if .Notices}}| order | gone since version | rows | what was named | why |
|---|---|---|---|---|
{{range .Notices}}| {{.Number}} | {{.Version}} | {{.Rows}} | {{.Scope}} | {{.Reason}} |
{{end}}
{{else}}None so far. {{end}}Versions never change; a removal makes a new one without the rows. ` + "`removed.parquet`" + ` holds hashes of what went:
whoever keeps an earlier version drops the rows whose ` + "`leaf`" + ` is in its column ` + "`record`" + `.

## Beside the records

` + "`duplicates.parquet`" + ` what was dropped for what · ` + "`sites.json`" + ` records by site · ` + "`croissant.json`" + ` for machines that
look for datasets · ` + "`provenance.json`" + ` where it comes from · ` + "`eu-summary.md`" + ` for the public summary of training content ·
` + "`notices.json`" + ` removals · ` + "`manifest.json`" + ` all of it, signed.

## Terms and known gaps

Every page belongs to its author; the licence field above is that of the collection. Column ` + "`url`" + ` names the source of each
row, ` + "`robots`" + `, ` + "`ai_train`" + ` and ` + "`signals`" + ` what its site allowed when it was fetched. Text extraction is automatic: it loses tables
and formulas and sometimes keeps navigation. Language, token count and site are estimates by rule. Rows with
` + "`transport`" + ` http were not protected on their way.{{with .Contact}} Questions and removals: {{.}}{{end}}
`))
