package frontier_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/netip"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/fallow-network/fallow/router/crawl/frontier"
)

// The model says what a frontier must hold: for each job the URLs it has seen
// and what is left of them. Random calls go to both; after a crash the frontier
// must be in one of the states the model was in since the last sync.

type modelItem struct {
	attempts int
	done     bool
}

type modelJob struct {
	paused bool
	urls   map[string]modelItem
}

type modelState map[string]modelJob

func (m modelState) clone() modelState {
	c := modelState{}
	for name, j := range m {
		c[name] = modelJob{paused: j.paused, urls: maps.Clone(j.urls)}
	}
	return c
}

// equal compares the URLs; whether a job is paused cannot be seen from outside.
func (m modelState) equal(other modelState) bool {
	return maps.EqualFunc(m, other, func(a, b modelJob) bool { return maps.Equal(a.urls, b.urls) })
}

func (m modelState) job(name string) modelJob {
	if _, ok := m[name]; !ok {
		m[name] = modelJob{urls: map[string]modelItem{}}
	}
	return m[name]
}

// openRemoval is a Finish whose batch has not been committed.
type openRemoval struct {
	batch   *pebble.Batch
	removal *frontier.Removal
	items   []frontier.Item
}

type machine struct {
	t   *testing.T
	rng *rand.Rand
	fs  *vfs.MemFS
	db  *pebble.DB
	f   *frontier.Frontier
	now time.Time

	clock atomic.Int64 // now in nanoseconds, for the frontier's timer goroutine

	state    modelState
	sinceNow []modelState // states since the last sync, oldest first; the last is state
	inFlight []frontier.Item
	awaiting []frontier.Item
	removals []openRemoval
}

var modelJobs = []string{"j0", "j1", "j2"}

func modelConfig() frontier.Config {
	cfg := frontier.DefaultConfig()
	cfg.MinDelay = 10 * time.Millisecond
	cfg.AddressGap, cfg.PerAddress = 5*time.Millisecond, 2
	cfg.MaxActiveSites, cfg.ReadAhead, cfg.PerSite = 4, 2, 2 // many edges
	return cfg
}

func TestModel(t *testing.T) {
	for seed := range uint64(24) {
		t.Run(fmt.Sprintf("seed=%d", seed), func(t *testing.T) {
			t.Parallel()
			m := &machine{
				t:     t,
				rng:   rand.New(rand.NewPCG(seed, 1)),
				fs:    vfs.NewCrashableMem(),
				now:   time.Unix(1_800_000_000, 0),
				state: modelState{},
			}
			m.open()
			for range 400 {
				m.step()
			}
			m.reopen()
			m.drain()
			m.close()
		})
	}
}

func (m *machine) must(err error) {
	m.t.Helper()
	if err != nil {
		m.t.Fatal(err)
	}
}

func (m *machine) pass(d time.Duration) {
	m.now = m.now.Add(d)
	m.clock.Store(m.now.UnixNano())
}

func (m *machine) open() {
	m.db = openDB(m.t, m.fs)
	m.pass(0)
	f, err := frontier.Open(m.db, func() time.Time { return time.Unix(0, m.clock.Load()) }, modelConfig())
	m.must(err)
	m.f = f
	m.inFlight, m.awaiting, m.removals = nil, nil, nil
	m.sinceNow = []modelState{m.state.clone()}
}

func (m *machine) close() { m.must(errors.Join(m.f.Close(), m.closeBatches(), m.db.Close())) }

func (m *machine) closeBatches() error {
	var err error
	for _, r := range m.removals {
		err = errors.Join(err, r.batch.Close())
	}
	return err
}

// wrote records that the state on disk may have changed.
func (m *machine) wrote() { m.sinceNow = append(m.sinceNow, m.state.clone()) }

// synced records that all states but the newest are history.
func (m *machine) synced() { m.sinceNow = []modelState{m.state.clone()} }

func (m *machine) step() {
	m.pass(time.Duration(m.rng.IntN(20)) * time.Millisecond)
	switch p := m.rng.IntN(1000); {
	case p < 150:
		m.add()
	case p < 500:
		m.next()
	case p < 800:
		m.release()
	case p < 870:
		m.stage()
	case p < 940:
		m.decide()
	case p < 955:
		m.pause()
	case p < 960:
		m.drop()
	case p < 970:
		m.must(m.f.Delay(m.site(), time.Duration(m.rng.IntN(100))*time.Millisecond))
	case p < 980:
		m.must(m.f.Sync())
		m.synced()
	case p < 985:
		m.reopen()
	case p < 990:
		m.crash()
	default:
		m.pass(time.Duration(m.rng.IntN(60)) * time.Second)
	}
	m.check()
}

func (m *machine) site() string { return fmt.Sprintf("s%d.test", m.rng.IntN(8)) }

func (m *machine) add() {
	var items []frontier.Item
	want := 0
	for range m.rng.IntN(6) {
		it := item(modelJobs[m.rng.IntN(len(modelJobs))], m.site(), m.rng.IntN(30))
		it.Priority = uint8(m.rng.IntN(3))
		if m.rng.IntN(4) == 0 {
			it.NotBefore = m.now.Add(time.Duration(m.rng.IntN(20000)) * time.Millisecond)
		}
		items = append(items, it)
		j := m.state.job(it.Job)
		if _, ok := j.urls[it.URL]; !ok {
			j.urls[it.URL] = modelItem{}
			want++
		}
	}
	added, err := m.f.Add(items)
	m.must(err)
	if added.New != want || added.Seen != len(items)-want {
		m.t.Fatalf("added %+v of %d, want %d new", added, len(items), want)
	}
	m.wrote()
}

// nowOrNever is a context that ends as soon as Next would have to wait.
type nowOrNever struct {
	context.Context
	asked bool
}

func (c *nowOrNever) Done() <-chan struct{} {
	done := make(chan struct{})
	close(done)
	return done
}

func (c *nowOrNever) Err() error {
	if c.asked {
		return context.Canceled
	}
	c.asked = true
	return nil
}

// tryNext takes an item if one is due at the machine's time.
func (m *machine) tryNext() (frontier.Item, bool) {
	it, err := m.f.Next(&nowOrNever{Context: m.t.Context()})
	if errors.Is(err, context.Canceled) {
		return it, false
	}
	m.must(err)
	return it, true
}

func (m *machine) next() {
	it, ok := m.tryNext()
	if !ok {
		return
	}
	m.accept(it)
	m.inFlight = append(m.inFlight, it)
	if m.rng.IntN(2) == 0 {
		m.f.Located(it.Site, netip.AddrFrom4([4]byte{192, 0, 2, byte(m.rng.IntN(2))}))
	}
}

// accept checks that it may be handed out.
func (m *machine) accept(it frontier.Item) {
	j, ok := m.state[it.Job]
	known, seen := j.urls[it.URL]
	same := func(other frontier.Item) bool { return other.Job == it.Job && other.URL == it.URL }
	perSite := 0
	for _, other := range m.inFlight {
		if other.Site == it.Site {
			perSite++
		}
	}
	switch {
	case !ok || !seen:
		m.t.Fatalf("%s was never added to %s", it.URL, it.Job)
	case j.paused:
		m.t.Fatalf("%s of the paused job %s", it.URL, it.Job)
	case known.done:
		m.t.Fatalf("%s of %s is finished", it.URL, it.Job)
	case known.attempts != it.Attempts:
		m.t.Fatalf("%s has %d attempts, want %d", it.URL, it.Attempts, known.attempts)
	case it.NotBefore.After(m.now):
		m.t.Fatalf("%s comes %s early", it.URL, it.NotBefore.Sub(m.now))
	case slices.ContainsFunc(m.inFlight, same) || slices.ContainsFunc(m.awaiting, same):
		m.t.Fatalf("%s of %s was handed out twice", it.URL, it.Job)
	case perSite >= modelConfig().PerSite:
		m.t.Fatalf("%s has %d in flight already", it.Site, perSite)
	}
}

// pick removes a random item.
func (m *machine) pick(from *[]frontier.Item) (frontier.Item, bool) {
	if len(*from) == 0 {
		return frontier.Item{}, false
	}
	i := m.rng.IntN(len(*from))
	it := (*from)[i]
	*from = slices.Delete(*from, i, i+1)
	return it, true
}

func (m *machine) release() {
	from := &m.inFlight
	lost := m.rng.IntN(10) == 0
	if lost {
		from = &m.awaiting
	}
	it, ok := m.pick(from)
	if !ok {
		return
	}
	var r frontier.Release
	if m.rng.IntN(5) == 0 {
		r.Delay = time.Duration(m.rng.IntN(10000)) * time.Millisecond
	}
	if r.Retry = lost || m.rng.IntN(3) == 0; r.Retry && m.rng.IntN(2) == 0 {
		r.NotBefore = m.now.Add(time.Duration(m.rng.IntN(20000)) * time.Millisecond)
	}
	m.must(m.f.Release(it, r))
	if !r.Retry {
		m.awaiting = append(m.awaiting, it)
		return
	}
	if known, ok := m.state[it.Job].urls[it.URL]; ok {
		known.attempts++
		m.state[it.Job].urls[it.URL] = known
		m.wrote()
	}
}

func (m *machine) stage() {
	var items []frontier.Item
	for range m.rng.IntN(5) {
		if it, ok := m.pick(&m.awaiting); ok {
			items = append(items, it)
		}
	}
	b := m.db.NewBatch()
	r, err := m.f.Finish(b, items...)
	m.must(err)
	m.removals = append(m.removals, openRemoval{b, r, items})
}

// decide commits or gives up a random removal.
func (m *machine) decide() {
	if len(m.removals) == 0 {
		return
	}
	i := m.rng.IntN(len(m.removals))
	r := m.removals[i]
	m.removals = slices.Delete(m.removals, i, i+1)
	if m.rng.IntN(4) == 0 {
		r.removal.Rollback()
		m.awaiting = append(m.awaiting, r.items...)
		m.must(r.batch.Close())
		return
	}
	syncs := !r.batch.Empty() // Pebble does not sync for an empty batch
	m.must(r.batch.Commit(pebble.Sync))
	for _, it := range r.items {
		if known, ok := m.state[it.Job].urls[it.URL]; ok {
			known.done = true
			m.state[it.Job].urls[it.URL] = known
		}
	}
	if syncs {
		m.synced()
	}
	if m.rng.IntN(10) == 0 { // a crash may come between the two
		m.crash()
		return
	}
	m.must(errors.Join(r.removal.Committed(), r.batch.Close()))
}

func (m *machine) pause() {
	name := modelJobs[m.rng.IntN(len(modelJobs))]
	if _, ok := m.state[name]; !ok {
		return
	}
	j := m.state.job(name)
	if j.paused = !j.paused; j.paused {
		m.must(m.f.Pause(name))
	} else {
		m.must(m.f.Resume(name))
	}
	m.state[name] = j
	m.wrote()
}

func (m *machine) drop() {
	name := modelJobs[m.rng.IntN(len(modelJobs))]
	gone := func(it frontier.Item) bool { return it.Job == name }
	// What is held of it is let go first: the model tells items apart by job and
	// URL, and a new job of that name may hold the same.
	for _, r := range m.removals {
		if slices.ContainsFunc(r.items, gone) {
			return
		}
	}
	for _, it := range m.inFlight {
		if gone(it) {
			m.must(m.f.Release(it, frontier.Release{Retry: true}))
		}
	}
	m.wrote()
	m.inFlight = slices.DeleteFunc(m.inFlight, gone)
	m.awaiting = slices.DeleteFunc(m.awaiting, gone)
	_, exists := m.state[name]
	m.must(m.f.Drop(name))
	if delete(m.state, name); exists {
		m.synced()
	}
}

func (m *machine) check() {
	m.t.Helper()
	for _, name := range modelJobs {
		want := frontier.Counts{Known: len(m.state[name].urls)}
		for _, it := range m.state[name].urls {
			if it.done {
				want.Done++
			}
		}
		for _, it := range m.inFlight {
			if it.Job == name {
				want.InFlight++
			}
		}
		for _, it := range m.awaiting {
			if it.Job == name {
				want.Awaiting++
			}
		}
		for _, r := range m.removals {
			for _, it := range r.items {
				if it.Job == name {
					want.Awaiting++
				}
			}
		}
		want.Queued = want.Known - want.Done - want.InFlight - want.Awaiting
		wantCounts(m.t, m.f, name, want)
	}
}

// drain finishes all there is and checks that nothing stays behind.
func (m *machine) drain() {
	for name := range m.state {
		m.must(m.f.Resume(name))
		j := m.state[name]
		j.paused = false
		m.state[name] = j
	}
	for range 100 {
		for it, ok := m.tryNext(); ok; it, ok = m.tryNext() {
			m.accept(it)
			m.must(m.f.Release(it, frontier.Release{}))
			finish(m.t, m.f, m.db, it)
			m.state[it.Job].urls[it.URL] = modelItem{done: true}
			m.pass(100 * time.Millisecond)
		}
		m.pass(time.Second)
	}
	for name, j := range m.state {
		n := len(j.urls)
		wantCounts(m.t, m.f, name, frontier.Counts{Known: n, Done: n})
	}
}
