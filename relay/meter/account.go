package meter

import (
	"fmt"
	"slices"
	"time"

	"github.com/fallow-network/fallow/relay/wire"
)

// counts are bytes by direction.
type counts [2]uint64

const (
	down = iota // site to router
	up          // router to site
)

var directions = [2]string{down: "down", up: "up"}

func countsOf(r wire.Receipt) counts { return counts{r.BytesDown, r.BytesUp} }

func (c counts) plus(d counts) counts { return counts{c[down] + d[down], c[up] + d[up]} }

// less subtracts and stops at zero: the two ends' counts differ by the slack.
func (c counts) less(d counts) counts {
	return counts{c[down] - min(c[down], d[down]), c[up] - min(c[up], d[up])}
}

func (c counts) most(n uint64) counts { return counts{min(c[down], n), min(c[up], n)} }

// account is what the node knows of one job of one router. Every byte carried
// since it was made is in closed or in an open tunnel; receipts of several
// epochs share these bytes between them.
type account struct {
	settle time.Duration // Config.Settle
	window uint64        // Config.Window

	used     time.Time
	open     map[*Tunnel]struct{}
	closed   counts   // of tunnels that have ended, plus what was taken on the router's word
	settling []ending // ended a moment ago, the router may not have counted them
	unclean  counts   // within closed: of tunnels cut off, what the router may never have got
	cutOff   uint64   // how many those were

	pages   map[uint64]*page // by epoch, at most Config.MaxEpochs
	retired counts           // receipts' growth in epochs whose page is gone
	floor   uint64           // newest epoch whose page is gone
	trusted bool             // a first receipt has been judged
}

type ending struct {
	at     time.Time
	unsure counts
}

// page is one epoch of an account.
type page struct {
	start counts       // the receipt on disk when the page was opened
	last  wire.Receipt // the newest receipt; Sequence 0 if none yet
	tail  counts       // unreceipted bytes that may belong to an earlier epoch
}

func (p *page) grown() counts { return countsOf(p.last).less(p.start) }

func newAccount(now time.Time, cfg Config) *account {
	return &account{
		settle: cfg.Settle, window: cfg.Window,
		used: now, open: make(map[*Tunnel]struct{}), pages: make(map[uint64]*page),
	}
}

func (a *account) end(t *Tunnel, carried counts, clean bool, now time.Time) {
	delete(a.open, t)
	a.used = now
	a.closed = a.closed.plus(carried)
	unsure := carried.most(a.window)
	if !clean {
		a.unclean = a.unclean.plus(unsure)
		a.cutOff++
		return
	}
	a.settled(now)
	if n := len(a.settling); n > 0 && now.Sub(a.settling[n-1].at) < a.settle/64 {
		a.settling[n-1].unsure = a.settling[n-1].unsure.plus(unsure) // keeps the list short
		return
	}
	a.settling = append(a.settling, ending{now, unsure})
}

// settled forgets endings that lie long enough back.
func (a *account) settled(now time.Time) {
	a.settling = slices.DeleteFunc(a.settling, func(e ending) bool { return now.Sub(e.at) >= a.settle })
}

func (a *account) carried() counts {
	sum := a.closed
	for t := range a.open {
		sum = sum.plus(t.carried())
	}
	return sum
}

// uncertain is what the router may not have counted, through nobody's fault. Of
// one tunnel that is never more than the stream's window: the node could not
// have sent the rest, had the router not taken it.
func (a *account) uncertain() counts {
	sum := a.unclean
	for t := range a.open {
		sum = sum.plus(t.carried().most(a.window))
	}
	for _, e := range a.settling {
		sum = sum.plus(e.unsure)
	}
	return sum
}

// unreceipted is what no receipt of any epoch but except covers.
func (a *account) unreceipted(except uint64) counts {
	covered := a.retired
	for epoch, p := range a.pages {
		if epoch != except {
			covered = covered.plus(p.grown())
		}
	}
	return a.carried().less(covered)
}

// page finds or opens the page of an epoch, whose receipt on disk is stored.
func (a *account) page(epoch uint64, stored wire.Receipt, limit int) (*page, error) {
	if p, ok := a.pages[epoch]; ok {
		return p, nil
	}
	if epoch <= a.floor && a.floor != 0 {
		return nil, fmt.Errorf("epoch %d is long over", epoch)
	}
	p := &page{start: countsOf(stored), last: stored}
	if len(a.pages) > 0 {
		p.tail = a.unreceipted(epoch)
	}
	a.pages[epoch] = p
	for len(a.pages) > limit {
		oldest := epoch
		for e := range a.pages {
			oldest = min(oldest, e)
		}
		a.retired = a.retired.plus(a.pages[oldest].grown())
		a.floor = oldest
		delete(a.pages, oldest)
	}
	if epoch <= a.floor && a.floor != 0 {
		return nil, fmt.Errorf("epoch %d is long over", epoch)
	}
	return p, nil
}

func (a *account) newest(epoch uint64) bool {
	for e := range a.pages {
		if e > epoch {
			return false
		}
	}
	return true
}
