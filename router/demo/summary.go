package demo

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/fallow-network/fallow/dataset"
	"github.com/fallow-network/fallow/dataset/cmd/fallow-data/paid"
	"github.com/fallow-network/fallow/router/api"
	"github.com/fallow-network/fallow/router/ledger"
)

// Summary is what a demo came to. Its JSON is a contract that scripts rely on.
type Summary struct {
	Pages      int64              `json:"pages"`
	Records    int64              `json:"records"`
	Duplicates api.Duplicates     `json:"duplicates"`
	Skipped    map[string]int64   `json:"skipped"`   // answered but not a record, by cause
	Forbidden  int64              `json:"forbidden"` // addresses left alone because of robots.txt
	Failed     map[string]int64   `json:"failed"`
	Bytes      uint64             `json:"bytes"` // carried by the nodes, both ways
	Seconds    float64            `json:"seconds"`
	Nodes      []NodeSummary      `json:"nodes"`
	Dataset    DatasetSummary     `json:"dataset"`
	Epoch      EpochSummary       `json:"epoch"`
	Settlement *SettlementSummary `json:"settlement"`
	Judge      *Judgement         `json:"judge,omitempty"` // lab site only
	Console    string             `json:"console"`
}

// NodeSummary is what one node did. Points are micro-points.
type NodeSummary struct {
	ID        string `json:"id"`
	Pages     int64  `json:"pages"`
	BytesDown uint64 `json:"bytes_down"`
	BytesUp   uint64 `json:"bytes_up"`
	Points    int64  `json:"points"`
}

// DatasetSummary is the version that was published and checked.
type DatasetSummary struct {
	Dir     string `json:"dir"`
	Version int    `json:"version"`
	Shards  int    `json:"shards"`
	Root    string `json:"root"`
}

// EpochSummary is the epoch that was closed and checked. Pool and Paid are
// micro-points.
type EpochSummary struct {
	Number uint64 `json:"number"`
	Root   string `json:"root"`
	File   string `json:"file"`
	Pool   int64  `json:"pool"`
	Paid   int64  `json:"paid"`
}

// Judgement is what the lab site's own access log says.
type Judgement struct {
	Requests   int  `json:"requests"`
	Disallowed int  `json:"disallowed"` // requests robots.txt forbids: must be 0
	Complete   bool `json:"complete"`   // the log held every request
}

// finish closes the epoch, checks everything as a stranger would, and says it.
func (d *demo) finish(ctx context.Context) (Summary, error) {
	c := d.job.Counts
	s := Summary{
		Pages: c.Pages, Records: c.Records, Duplicates: c.Duplicates, Skipped: c.Skipped, Forbidden: c.Forbidden, Failed: c.Failed,
		Console: d.router.APIAddress(),
	}
	if err := d.closeEpoch(ctx, &s); err != nil {
		return s, err
	}
	if err := d.settleEpoch(ctx, &s); err != nil {
		return s, err
	}
	if err := d.checkDataset(&s); err != nil {
		return s, err
	}
	if err := d.judge(&s); err != nil {
		return s, err
	}
	s.Seconds = time.Since(d.began).Seconds()
	d.show(s)
	return s, nil
}

func (d *demo) closeEpoch(ctx context.Context, s *Summary) error {
	closed, err := d.api.CloseEpoch(ctx)
	if err != nil {
		return fmt.Errorf("close the epoch: %w", err)
	}
	file, err := ledger.ReadFile(closed.File)
	if err != nil {
		return err
	}
	down, up := make(map[string]uint64), make(map[string]uint64)
	each := func(yield func(ledger.Evidence) error) error {
		return file.EachReceipt(closed.File, func(e ledger.Evidence) error {
			for _, work := range e.Work {
				down[e.Node.String()] += work.Counted.BytesDown
				up[e.Node.String()] += work.Counted.BytesUp
			}
			return yield(e)
		})
	}
	report := file.Verify(ledger.VerifyOptions{})
	if err := file.VerifyReceipts(&report, each, nil); err != nil {
		return err
	}
	if !report.Valid() {
		return fmt.Errorf("the epoch file does not verify: %+v", report.Problems)
	}
	d.claims = paid.Claims(file)
	s.Epoch = EpochSummary{
		Number: closed.Number, Root: closed.Root, File: closed.File, Pool: int64(closed.Pool), Paid: int64(closed.Allocated),
	}
	for _, st := range file.Statements {
		id := st.Node.String()
		s.Nodes = append(s.Nodes, NodeSummary{
			ID: id, Pages: d.job.Counts.Nodes[id], BytesDown: down[id], BytesUp: up[id], Points: int64(st.Amount),
		})
		s.Bytes += down[id] + up[id]
	}
	d.say.line(fmt.Sprintf("epoch %d", closed.Number), "closed, %s of %s points earned", ledger.MicroPoints(closed.Allocated), ledger.MicroPoints(closed.Pool))
	return nil
}

func (d *demo) checkDataset(s *Summary) error {
	if d.job.Result == nil {
		return fmt.Errorf("no dataset: none of %d pages became a record", s.Pages)
	}
	r := d.job.Result
	s.Dataset = DatasetSummary{Dir: r.Dir, Version: r.Version, Shards: r.Shards, Root: r.Root}
	report, err := dataset.Verify(r.Dir, dataset.VerifyOptions{})
	if err != nil {
		return err
	}
	if !report.Valid {
		return fmt.Errorf("the dataset does not verify: %+v", report)
	}
	d.say.line("dataset", "version %d, %d records in %d shards, every row checked", r.Version, r.Rows, r.Shards)
	return nil
}

// judge asks the lab site's access log whether the crawl behaved.
func (d *demo) judge(s *Summary) error {
	if d.site == nil {
		return nil
	}
	s.Judge = &Judgement{
		Requests: len(d.site.Log()), Disallowed: len(d.site.Disallowed(d.site.docs.Rules())), Complete: d.site.Overflow() == 0,
	}
	d.say.line("judge", "the site's own log: %d requests, %d of them against robots.txt", s.Judge.Requests, s.Judge.Disallowed)
	if s.Judge.Disallowed > 0 {
		return fmt.Errorf("%d requests went against robots.txt", s.Judge.Disallowed)
	}
	return nil
}

func (d *demo) show(s Summary) {
	d.say.title("What happened")
	d.say.line("fetched", "%d pages: %d records, %d exact and %d near duplicates dropped%s", s.Pages, s.Records, s.Duplicates.Exact, s.Duplicates.Near, causes(", ", s.Skipped))
	d.say.line("left alone", "%d addresses that robots.txt forbids%s", s.Forbidden, causes("; given up: ", s.Failed))
	d.say.table([]string{"node", "pages", "down", "up", "points"}, func(row func(...string)) {
		for _, n := range s.Nodes {
			row(n.ID, fmt.Sprint(n.Pages), size(n.BytesDown), size(n.BytesUp), ledger.MicroPoints(n.Points).String())
		}
	})
	d.say.line("dataset", "%s", s.Dataset.Dir)
	d.say.line("epoch", "%s", s.Epoch.File)
	d.say.line("in all", "%.1f s, starting and checking included", s.Seconds)
	d.say.title("Check it yourself")
	data := filepath.Join(filepath.Dir(d.Node), "fallow-data")
	if _, err := os.Stat(data); err != nil {
		data = "fallow-data"
	}
	d.say.command("%s verify %s", d.short(data), d.short(s.Dataset.Dir))
	d.say.command("%s epoch verify %s", d.short(data), d.short(s.Epoch.File))
	if d.chain != nil && d.Serve && len(s.Nodes) > 0 {
		d.say.command("%s epoch paid %s --node %s --rpc %s", d.short(data), d.short(s.Epoch.File), s.Nodes[0].ID, d.chain.world.Endpoint(0))
	}
	d.say.command("%s inspect %s", d.short(data), d.short(s.Dataset.Dir))
	d.say.command("%s journal --data %s", d.short(d.Node), d.short(filepath.Join(d.Dir, "node1")))
}

// short is a path as one would type it here.
func (d *demo) short(path string) string {
	if here, err := os.Getwd(); err == nil {
		if rel, err := filepath.Rel(here, path); err == nil && !strings.HasPrefix(rel, "..") {
			path = rel
		}
	}
	if strings.ContainsAny(path, " \t'\"$&()<>;|*?\\") {
		return "'" + strings.ReplaceAll(path, "'", `'\''`) + "'"
	}
	return path
}

func causes(lead string, counts map[string]int64) string {
	var parts []string
	for _, cause := range slices.Sorted(maps.Keys(counts)) {
		parts = append(parts, fmt.Sprintf("%d %s", counts[cause], cause))
	}
	if len(parts) == 0 {
		return ""
	}
	return lead + strings.Join(parts, ", ")
}
