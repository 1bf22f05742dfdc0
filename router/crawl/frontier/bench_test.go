package frontier_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/cockroachdb/pebble/v2"

	"github.com/fallow-network/fallow/router/crawl/frontier"
)

// links are what one page brings: 60 URLs, mostly of its own site.
func links(page int) []frontier.Item {
	items := make([]frontier.Item, 60)
	for i := range items {
		site := fmt.Sprintf("s%d.test", page%200)
		if i%20 == 0 {
			site = fmt.Sprintf("s%d.test", (page+i)%200)
		}
		items[i] = item("j", site, page*60+i)
	}
	return items
}

func perItem(b *testing.B, items int) {
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*items), "ns/item")
}

func BenchmarkAddNew(b *testing.B) {
	f, _ := open(b, lab())
	page := 0
	for b.Loop() {
		b.StopTimer()
		items := links(page)
		page++
		b.StartTimer()
		add(b, f, items...)
	}
	perItem(b, 60)
}

func BenchmarkAddSeen(b *testing.B) {
	f, _ := open(b, lab())
	const pages = 2000
	all := make([][]frontier.Item, pages)
	for page := range all {
		all[page] = links(page)
		add(b, f, all[page]...)
	}
	page := 0
	for b.Loop() {
		add(b, f, all[page*7919%pages]...)
		page++
	}
	perItem(b, 60)
}

// BenchmarkNextFinish takes items from many sites and finishes them by the
// hundred, as a shard does.
func BenchmarkNextFinish(b *testing.B) {
	for _, active := range []int{4096, 64} { // all sites in memory; most of them on disk
		b.Run(fmt.Sprintf("active=%d", active), func(b *testing.B) {
			cfg := lab()
			cfg.MaxActiveSites = active
			f, db := open(b, cfg)
			page, left := 0, 0
			var held []frontier.Item
			for b.Loop() {
				if left == 0 {
					b.StopTimer()
					for range 100 {
						add(b, f, links(page)...)
						page++
					}
					left = 6000
					b.StartTimer()
				}
				left--
				it := next(b, f)
				release(b, f, it, frontier.Release{})
				if held = append(held, it); len(held) == 100 {
					commit(b, f, db, held)
					held = held[:0]
				}
			}
		})
	}
}

func commit(b *testing.B, f *frontier.Frontier, db *pebble.DB, items []frontier.Item) {
	batch := db.NewBatch()
	r, err := f.Finish(batch, items...)
	if err != nil {
		b.Fatal(err)
	}
	if err := errors.Join(batch.Commit(pebble.NoSync), batch.Close(), r.Committed()); err != nil {
		b.Fatal(err)
	}
}

// BenchmarkAddByKnown is what the links of a page cost, seven of ten of them known,
// in a job that knows few URLs and in one that knows a million: it must not grow.
func BenchmarkAddByKnown(b *testing.B) {
	for _, known := range []int{10_000, 1_000_000} {
		b.Run(fmt.Sprintf("known=%d", known), func(b *testing.B) {
			f, _ := open(b, lab())
			pages := known / 60
			for page := range pages {
				add(b, f, links(page)...)
			}
			page := 0
			for b.Loop() {
				items := append(links(page * 7919 % pages)[:42], links(pages + page)[:18]...)
				add(b, f, items...)
				page++
			}
			perItem(b, 60)
		})
	}
}
