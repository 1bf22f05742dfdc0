package crawl

import (
	"sync"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"

	"github.com/fallow-network/fallow/router/crawl/frontier"
	"github.com/fallow-network/fallow/router/crawl/job"
	"github.com/fallow-network/fallow/router/crawl/trap"
	"github.com/fallow-network/fallow/router/dedupe"
)

// run is a job while it is running or paused.
type run struct {
	job  job.Job
	area *job.Area

	patterns *job.Patterns
	guard    *trap.Guard
	origins  *lru.Cache[string, struct{}] // whose sitemaps were taken up
	speed    speed

	mu        sync.Mutex
	committed Tally
	pending   Tally // gathered, not committed
	inFlight  int64
	closed    bool      // no further fetch may start
	rests     time.Time // no fetch starts before: no node suits the job
	waiting   string    // why it makes no progress; empty when it does

	steering sync.Mutex
	held     bool // the frontier was told to hand out nothing; steering guards it

	retryEnd time.Time // keep's own: when to try again to end the job
}

func newRun(j job.Job, committed Tally, now func() time.Time, traps trap.Limits) *run {
	places := make([]job.Place, 0, len(j.Seeds))
	for _, seed := range j.Seeds {
		if a, err := dedupe.Canonical(seed); err == nil {
			places = append(places, placeOf(upgrade(a)))
		}
	}
	origins, err := lru.New[string, struct{}](maxOrigins)
	if err != nil {
		panic("crawl: " + err.Error()) // only for a size below one
	}
	guard := trap.New(now, traps)
	for _, p := range places {
		guard.Trust(p.Host)
	}
	return &run{
		job: j, area: job.NewArea(j.Scope, places), committed: committed,
		patterns: job.NewPatterns(j.Options), guard: guard, origins: origins,
	}
}

// maxDepth is how many links from a seed the job follows, given the router's bound.
func (r *run) maxDepth(most int) int {
	if d := r.job.Options.MaxDepth; d > 0 {
		return min(d, most)
	}
	return most
}

// terms are what the frontier has to know of the job.
func (r *run) terms() frontier.Terms {
	t := frontier.Terms{PerSite: int(r.job.Options.MaxPerSite), Weight: frontier.NormalWeight}
	switch r.job.Options.Priority {
	case job.PriorityHigh:
		t.Weight = frontier.HighWeight
	case job.PriorityLow:
		t.Weight = frontier.LowWeight
	case job.PriorityNormal:
	}
	return t
}

func placeOf(a dedupe.Address) job.Place { return job.Place{URL: a.URL, Host: a.Host, Site: a.Site} }

// start reserves one page of the job's limit. It reports false when the job
// wants no fetch now.
func (r *run) start() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.wantsLocked() {
		return false
	}
	r.inFlight++
	r.waiting = ""
	return true
}

// wants reports whether the job would start another fetch: it is not paused, it
// has not ended, and its limit has room beside the fetches under way.
func (r *run) wants() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.wantsLocked()
}

func (r *run) wantsLocked() bool {
	spent := r.committed.spent() + r.pending.spent()
	if spent >= r.job.MaxPages {
		r.closed = true
	}
	active := r.job.State == job.StateQueued || r.job.State == job.StateRunning
	return active && !r.closed && !time.Now().Before(r.rests) && spent+r.inFlight < r.job.MaxPages
}

// end gives the reservation back and adds what the fetch came to, which is
// nothing when it will be tried again.
func (r *run) end(t Tally) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.inFlight--
	r.pending.add(t)
	if r.committed.spent()+r.pending.spent() >= r.job.MaxPages {
		r.closed = true
	}
}

// rest lets no fetch start for d. keep steers the job back after it.
func (r *run) rest(d time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.rests = time.Now().Add(d)
}

func (r *run) wait(why string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.waiting = why
}

// settled moves a committed tally out of pending.
func (r *run) settled(total, group Tally) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.committed = total
	r.pending.subtract(group)
}

// spent reports whether no further fetch will start, and whether none is under way.
func (r *run) spent() (closed, quiet bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.closed, r.inFlight == 0
}

// close lets no further fetch start.
func (r *run) close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closed = true
}

func (r *run) state() job.State {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.job.State
}

func (r *run) setState(s job.State) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.job.State = s
}

// snapshot is the tally up to now and why the job waits, if it does.
func (r *run) snapshot() (Tally, string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	t := r.committed.clone()
	t.add(r.pending)
	return t, r.waiting
}
