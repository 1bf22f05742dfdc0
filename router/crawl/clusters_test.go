package crawl_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/fallow-network/fallow/dataset"
	"github.com/fallow-network/fallow/router/crawl"
	"github.com/fallow-network/fallow/router/crawl/job"
)

// essay is a text of its own for each seed, with every step-th word replaced.
func essay(seed uint64, step int) string {
	r := rand.New(rand.NewPCG(seed, 9))
	words := make([]string, 400)
	for i := range words {
		words[i] = fmt.Sprintf("w%d", r.IntN(9000))
		if step > 0 && i%step == step-1 {
			words[i] = fmt.Sprint("edited", step)
		}
	}
	return "<p>" + strings.Join(words, " ") + "</p>"
}

// duplicates reads what a version dropped, by the path of the kept record.
func (w *world) duplicates(p crawl.Progress, records []dataset.Record) map[string][]dataset.Duplicate {
	w.t.Helper()
	urls := make(map[string]string)
	for _, r := range records {
		urls[r.ID] = r.URL
	}
	list := make(map[string][]dataset.Duplicate)
	err := dataset.ReadDuplicates(filepath.Join(p.Result.Dir, dataset.DuplicatesFile), func(_ int64, d *dataset.Duplicate) error {
		kept := urls[d.KeptID]
		list[kept] = append(list[kept], *d)
		return nil
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return list
}

// Near duplicates are dropped and listed, and each record says how many pages it
// stands for, though its shard was written before most of them came. A later
// version does not touch what was published.
func TestNearDuplicates(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	site := paths{"/": serves(page("home"))}
	var list []string
	add := func(path, text string) {
		site[path] = serves("<html><body>" + text + "</body></html>")
		list = append(list, "https://near.fallow.test"+path)
	}
	for i := range 6 {
		add(fmt.Sprintf("/kept/%d", i), essay(uint64(i), 0))
	}
	for i := range 4 {
		add(fmt.Sprintf("/near/%d", i), essay(0, 60+10*i))
	}
	add("/near/4", essay(1, 70))
	add("/copy", essay(1, 0))
	site["/late"] = serves("<html><body>" + essay(0, 55) + "</body></html>")
	site["/new"] = serves("<html><body>" + essay(99, 0) + "</body></html>")
	site["/new2"] = serves("<html><body>" + essay(99, 80) + "</body></html>")
	w.site("near.fallow.test", site)
	w.cfg.Workers, w.cfg.ShardRows = 1, 2
	w.start()
	p := w.finish(w.submit(job.Spec{Scope: job.ScopeList, Seeds: list}))
	records := w.records(p)
	if p.Tally.Records != 6 || p.Tally.Near != 5 || p.Tally.Exact != 1 {
		t.Fatalf("%+v", p.Tally)
	}
	dropped := w.duplicates(p, records)
	for _, r := range records {
		size := int64(1 + len(dropped[r.URL]))
		if r.MinhashClusterSize != size || (r.DuplicateCluster == r.ID) != (size > 1) {
			t.Errorf("%s: size %d, cluster %q; %d were dropped for it", r.URL, r.MinhashClusterSize, r.DuplicateCluster, size-1)
		}
		for _, d := range dropped[r.URL] {
			if (d.Kind == dataset.NearDuplicate) != strings.Contains(d.DroppedURL, "/near/") || d.Similarity < job.DefaultNear || d.Similarity > 1 {
				t.Errorf("%+v", d)
			}
		}
	}
	files, err := os.ReadDir(filepath.Join(w.dir, "datasets", "test", "shards"))
	if err != nil || len(files) != p.Result.Shards {
		t.Errorf("%d files of %d shards: %v", len(files), p.Result.Shards, err)
	}

	later := w.finish(w.submit(job.Spec{Scope: job.ScopeList, Seeds: []string{
		"https://near.fallow.test/late", "https://near.fallow.test/new", "https://near.fallow.test/new2",
	}}))
	if later.Result.Version != 2 || later.Tally.Near != 2 || len(w.records(later)) != 7 {
		t.Errorf("%+v, %+v", later.Tally, later.Result)
	}
}

// A threshold of 1 keeps everything that is not word for word the same, and no
// threshold below the least is taken.
func TestNearThreshold(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.site("near.fallow.test", paths{
		"/a": serves(essay(1, 0)), "/b": serves(essay(1, 100)), "/c": serves(essay(1, 0)),
	})
	w.start()
	seeds := []string{"https://near.fallow.test/a", "https://near.fallow.test/b", "https://near.fallow.test/c"}
	p := w.finish(w.submit(job.Spec{Scope: job.ScopeList, Near: 1, Seeds: seeds}))
	if p.Tally.Near != 0 || p.Tally.Exact != 1 || p.Tally.Records != 2 {
		t.Errorf("%+v", p.Tally)
	}
	if _, err := w.crawler.Submit(t.Context(), job.Spec{Dataset: "d", Purpose: "p", Near: 0.5, Seeds: seeds}); err == nil {
		t.Error("a threshold of 0.5 was accepted")
	}
}
