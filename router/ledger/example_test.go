package ledger_test

import (
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/fallow-network/fallow/relay/wire"
	"github.com/fallow-network/fallow/router/ledger"
)

// TestWorkedExample computes FORMULA.md's second table from its first.
func TestWorkedExample(t *testing.T) {
	page, err := os.ReadFile("FORMULA.md")
	if err != nil {
		t.Fatal(err)
	}
	_, example, _ := strings.Cut(string(page), "## A worked example")
	before, after, found := strings.Cut(example, "Carriage is 800 points.")
	if !found {
		t.Fatal("FORMULA.md has lost its worked example")
	}
	after, _, _ = strings.Cut(after, "\n## ")

	var nodes []ledger.Statement
	for _, row := range exampleRows(before) {
		nodes = append(nodes, exampleNode(t, row))
	}
	want := exampleRows(after)
	if len(nodes) != 4 || len(want) != 4 {
		t.Fatalf("read %d nodes and %d results, want 4 each", len(nodes), len(want))
	}

	p := ledger.Params{
		Formula: 1, Pool: 1000 * ledger.Point, Carried: 800, NodeCap: 500, SiteCap: 6_000_000,
		Scarce: ledger.Scarcity{Version: 1, Permille: map[string]int{"BR": 2000}},
	}
	r := mustCompute(t, head(p), nodes)
	for i := range nodes {
		got := []string{string(nodes[i].Node[0]), r.Carriage[i].String(), r.Availability[i].String(), r.Amount(i).String()}
		if strings.Join(got, " ") != strings.Join(want[i], " ") {
			t.Errorf("computed %v, FORMULA.md says %v", got, want[i])
		}
	}
	if r.Totals.Allocated() != p.Pool || r.Totals.Unallocated() != 0 {
		t.Errorf("allocated %s and not %s", r.Totals.Allocated(), r.Totals.Unallocated())
	}
}

// exampleRows are the cells of table rows about a single-letter node.
func exampleRows(text string) [][]string {
	var rows [][]string
	for line := range strings.Lines(text) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		if len(cells) > 1 && len(cells[0]) == 1 {
			rows = append(rows, cells)
		}
	}
	return rows
}

func exampleNode(t *testing.T, cells []string) ledger.Statement {
	t.Helper()
	number := func(s string) uint64 {
		n, err := strconv.ParseUint(s, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	s := ledger.Statement{Node: wire.Key{cells[0][0]}, Country: cells[1], Standing: int(number(cells[3])), BytesSigned: number(cells[4])}
	presence := strings.Fields(cells[2])
	for i := 0; i < len(presence); i += 2 {
		s.Presence = append(s.Presence, ledger.Presence{Clump: clump(presence[i]), Seconds: number(presence[i+1])})
	}
	if site := strings.Fields(cells[5]); len(site) == 2 {
		s.Sites = []ledger.SiteBytes{{Site: clump(site[0]), Bytes: number(site[1])}}
	}
	if s.Standing < 1000 {
		s.Reasons = []wire.Reason{wire.TLSForged}
	}
	return s
}
