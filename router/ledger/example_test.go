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

	var nodes []ledger.NodeInput
	for _, row := range exampleRows(before) {
		nodes = append(nodes, exampleNode(t, row))
	}
	want := exampleRows(after)
	if len(nodes) != 4 || len(want) != 4 {
		t.Fatalf("read %d nodes and %d results, want 4 each", len(nodes), len(want))
	}

	p := ledger.Params{Formula: 1, Pool: 1000 * ledger.Point, Carried: 800, NodeCap: 500, Scarce: map[string]int{"BR": 2000}}
	r := mustCompute(t, p, nodes)
	for i, s := range r.Statements {
		got := []string{string(s.Node[0]), s.Carriage.String(), s.Availability.String(), s.Amount.String()}
		if strings.Join(got, " ") != strings.Join(want[i], " ") {
			t.Errorf("computed %v, FORMULA.md says %v", got, want[i])
		}
	}
	if r.Allocated != p.Pool || r.Unallocated.Sum() != 0 {
		t.Errorf("allocated %s and not %s", r.Allocated, r.Unallocated.Sum())
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

func exampleNode(t *testing.T, cells []string) ledger.NodeInput {
	t.Helper()
	number := func(s string) uint64 {
		n, err := strconv.ParseUint(s, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	n := ledger.NodeInput{
		Node: wire.Key{cells[0][0]}, Country: cells[1], Clump: cells[2],
		Standing: ledger.Standing{Permille: int(number(cells[3]))},
		Work: []ledger.Work{
			{Counted: ledger.Entry{Counts: ledger.Counts{OnlineSeconds: number(cells[5])}}},
			{Job: "j-1", Counted: ledger.Entry{Counts: ledger.Counts{BytesDown: number(cells[4])}}},
		},
	}
	if n.Standing.Permille < 1000 {
		n.Standing.Reasons = []wire.Reason{wire.Stalled}
	}
	return n
}
