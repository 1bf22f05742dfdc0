package frontier

import (
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/cockroachdb/pebble/v2"
)

// foldEvery is how many fd rows a job gathers before they are folded into its fj
// row, should no Add do it sooner.
const foldEvery = 256

// job is a job in memory; Frontier.mu guards it.
//
// The number of finished URLs is the sum of the fj row and the fd rows. Each
// Removal brings its own fd row in the caller's batch, because the frontier does
// not know when, in which order, or whether these batches commit.
type job struct {
	id       uint32
	name     string
	paused   bool
	dropped  bool
	known    int
	done     int // finished, their batch committed
	inFlight int
	awaiting int
	folds    [][]byte // fd rows whose batches have committed, included in done
	perSite  int      // URLs of one site at most, 0 for the frontier's own bound
	weight   float64  // its share of the starts beside other jobs'
	clock    float64  // see readySites
}

// siteMost is how many URLs of one site the job may have.
func (j *job) siteMost(all int) int {
	if j.perSite > 0 {
		return min(j.perSite, all)
	}
	return all
}

// Terms are a job's own among others.
type Terms struct {
	// PerSite bounds how many URLs of one site the job may ever have, within
	// Config.MaxPerSite; 0 leaves it at that.
	PerSite int
	// Weight is the job's share of the starts beside other jobs'; 0 is
	// NormalWeight.
	Weight float64
}

// Limit sets the terms of a job. They are not written down: set them again after
// a restart. The job is made if need be.
func (f *Frontier) Limit(job string, t Terms) error {
	f.adding.Lock() // a batch under way keeps to one bound
	defer f.adding.Unlock()
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.broken != nil {
		return f.broken
	}
	j, err := f.jobNamed(job)
	if err != nil {
		return err
	}
	j.perSite = max(t.PerSite, 0)
	if j.weight = t.Weight; j.weight <= 0 {
		j.weight = NormalWeight
	}
	return nil
}

// loadJobs reads the job table, folds the fd rows, and completes drops that a
// crash cut short.
func (f *Frontier) loadJobs() error {
	var dropping []*job
	err := scan(f.db, []byte(prefixJob), after([]byte(prefixJob)), func(key, val []byte) (bool, error) {
		row, err := decodeJob(val)
		if err != nil || len(key) != len(prefixJob)+4 {
			return false, fmt.Errorf("job row %x: %w", key, errors.Join(err, errCorrupt))
		}
		j := &job{
			id:     binary.BigEndian.Uint32(key[len(prefixJob):]),
			weight: NormalWeight,
			name:   row.name,
			paused: row.paused,
			known:  row.known,
			done:   row.done,
		}
		f.nextJob = j.id + 1
		if row.dropping {
			dropping = append(dropping, j)
			return true, nil
		}
		f.jobs[j.name], f.jobByID[j.id] = j, j
		return true, nil
	})
	if err != nil {
		return err
	}
	for _, j := range dropping {
		if err := f.erase(j); err != nil {
			return err
		}
	}
	return f.foldAll()
}

// foldAll adds up all fd rows. Those without a job are what was left of a Removal
// that committed while its job was dropped.
func (f *Frontier) foldAll() error {
	b := f.db.NewBatch()
	changed := map[*job]bool{}
	err := scan(f.db, []byte(prefixDone), after([]byte(prefixDone)), func(key, val []byte) (bool, error) {
		n, err := decodeCount(val)
		if err != nil || len(key) != len(prefixDone)+12 {
			return false, fmt.Errorf("done row %x: %w", key, errors.Join(err, errCorrupt))
		}
		if j := f.jobByID[binary.BigEndian.Uint32(key[len(prefixDone):])]; j != nil {
			j.done += n
			changed[j] = true
		}
		return true, b.Delete(key, nil)
	})
	for j := range changed {
		err = errors.Join(err, f.stageJob(b, j, j.known))
	}
	if err != nil {
		return errors.Join(err, b.Close())
	}
	return f.commit(b)
}

// jobNamed returns the job of that name, made if need be. The caller holds mu.
func (f *Frontier) jobNamed(name string) (*job, error) {
	if j := f.jobs[name]; j != nil {
		return j, nil
	}
	if len(f.jobs) >= f.cfg.MaxJobs {
		return nil, fmt.Errorf("add job to %d others: %w", len(f.jobs), ErrTooManyJobs)
	}
	j := &job{id: f.nextJob, name: name, weight: NormalWeight}
	f.nextJob++
	f.jobs[name], f.jobByID[j.id] = j, j
	return j, nil
}

// stageJob stages the fj row of j and the folding of its fd rows. When b has
// committed the caller sets j.known and clears j.folds. It holds mu.
func (f *Frontier) stageJob(b *pebble.Batch, j *job, known int) error {
	for _, key := range j.folds {
		if err := b.Delete(key, nil); err != nil {
			return fmt.Errorf("stage job: %w", err)
		}
	}
	row := jobRow{name: j.name, paused: j.paused, dropping: j.dropped, known: known, done: j.done}
	if err := b.Set(jobKey(j.id), row.encode(), nil); err != nil {
		return fmt.Errorf("stage job: %w", err)
	}
	return nil
}

// saveJob writes the fj row of j. The caller holds mu.
func (f *Frontier) saveJob(j *job) error {
	b := f.db.NewBatch()
	if err := f.stageJob(b, j, j.known); err != nil {
		return errors.Join(err, b.Close())
	}
	if err := f.commit(b); err != nil {
		return err
	}
	j.folds = nil
	return nil
}

// Pause stops handing out items of job, durably; those in flight go on. A job
// may be paused before its first Add.
func (f *Frontier) Pause(job string) error { return f.setPaused(job, true) }

// Resume undoes Pause. Sites that wait on disk are looked at within 30 s.
func (f *Frontier) Resume(job string) error { return f.setPaused(job, false) }

func (f *Frontier) setPaused(name string, paused bool) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.broken != nil {
		return f.broken
	}
	if _, ok := f.jobs[name]; !ok && !paused {
		return nil
	}
	j, err := f.jobNamed(name)
	if err != nil {
		return err
	}
	if j.paused == paused {
		return nil
	}
	j.paused = paused
	if err := f.saveJob(j); err != nil {
		return err
	}
	for _, s := range f.active {
		if s.queueOf(j) != nil {
			if err := f.schedule(s); err != nil {
				return err
			}
		}
	}
	f.dispatch()
	return nil
}

// Counts returns the counts of job, all zero for one that is not known.
func (f *Frontier) Counts(job string) Counts {
	f.mu.Lock()
	defer f.mu.Unlock()
	j := f.jobs[job]
	if j == nil {
		return Counts{}
	}
	return Counts{
		Known:    j.known,
		Queued:   j.known - j.done - j.inFlight - j.awaiting,
		InFlight: j.inFlight,
		Awaiting: j.awaiting,
		Done:     j.done,
	}
}

// Idle reports whether nothing of job is queued, in flight or awaiting commit.
func (f *Frontier) Idle(job string) bool {
	c := f.Counts(job)
	return c.Known == c.Done
}

// Jobs are the names of the jobs the frontier knows, in no order: those with an
// Add or a Pause and no Drop.
func (f *Frontier) Jobs() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Collect(maps.Keys(f.jobs))
}
