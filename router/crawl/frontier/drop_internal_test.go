package frontier

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// silent keeps Pebble from writing to the test's output.
type silent struct{}

func (silent) Infof(string, ...any)           {}
func (silent) Errorf(string, ...any)          {}
func (silent) Fatalf(format string, a ...any) { panic(fmt.Sprintf(format, a...)) }

// A process may die between any two steps of Drop: the next one must neither hand
// out what is left of the job nor keep it.
func TestOpenCompletesDrop(t *testing.T) {
	const sites = 2*dropStep + 10
	fs := vfs.NewMem()
	for _, steps := range []int{0, 1, 2} {
		t.Run(fmt.Sprintf("after %d steps", steps), func(t *testing.T) {
			db, err := pebble.Open(fmt.Sprint(steps), &pebble.Options{FS: fs, Logger: silent{}})
			if err != nil {
				t.Fatal(err)
			}
			defer db.Close()
			f, err := Open(db, time.Now, DefaultConfig())
			if err != nil {
				t.Fatal(err)
			}
			var items []Item
			for n := range sites {
				site := fmt.Sprintf("s%d.test", n)
				items = append(items, Item{URL: "https://" + site + "/", Site: site, Job: "gone"},
					Item{URL: "https://" + site + "/", Site: site, Job: "stays"})
			}
			if _, err := f.Add(items); err != nil {
				t.Fatal(err)
			}
			if err := dropPartly(f, "gone", steps); err != nil {
				t.Fatal(err)
			}
			if err := f.Close(); err != nil {
				t.Fatal(err)
			}

			if f, err = Open(db, time.Now, DefaultConfig()); err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			if got := f.Counts("gone"); got != (Counts{}) {
				t.Errorf("counts of the dropped job: %+v", got)
			}
			rows := map[string]int{}
			err = scan(db, []byte("f"), []byte("g"), func(key, val []byte) (bool, error) {
				if prefix := string(key[:2]); prefix == prefixSeen {
					rows[prefix] += len(val) / slotBytes
				} else {
					rows[prefix]++
				}
				return true, nil
			})
			if err != nil {
				t.Fatal(err)
			}
			for _, prefix := range []string{prefixQueue, prefixSeen, prefixKnown} {
				if rows[prefix] != sites {
					t.Errorf("%d of %s, want those of the other job: %d", rows[prefix], prefix, sites)
				}
			}
		})
	}
}

// dropPartly does the first steps of Drop.
func dropPartly(f *Frontier, name string, steps int) error {
	j, err := f.unlist(name)
	next := []byte(prefixQueue)
	for range steps {
		b := f.db.NewBatch()
		var stepErr error
		next, stepErr = f.clearQueues(b, j, next)
		err = errors.Join(err, stepErr, b.Commit(pebble.NoSync), b.Close())
	}
	return err
}
