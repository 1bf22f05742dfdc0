package crawl_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"github.com/fallow-network/fallow/router/crawl/job"
)

// slowLine is a home line far away: what the site sends arrives rtt after what it
// answers was sent, and one line in a hundred dies at some read.
type slowLine struct {
	net.Conn
	rtt  time.Duration
	sent atomic.Int64 // when something was last sent, in nanoseconds
	dead bool
}

func (l *slowLine) Write(p []byte) (int, error) {
	l.sent.Store(time.Now().UnixNano())
	return l.Conn.Write(p)
}

func (l *slowLine) Read(p []byte) (int, error) {
	n, err := l.Conn.Read(p)
	time.Sleep(time.Until(time.Unix(0, l.sent.Load()).Add(l.rtt)))
	if l.dead && n > 0 {
		_ = l.Close()
		return 0, net.ErrClosed
	}
	return n, err
}

func (l *slowLine) SiteAddress() string { return l.RemoteAddr().String() }

// With two seconds to every answer and tunnels that die, a crawl over many sites
// brings everything, in the time that the lines need and not in that of a crawl
// that waits for one line after the other.
func TestHomeLines(t *testing.T) {
	t.Parallel()
	const rtt = 2 * time.Second
	w := newWorld(t)
	w.cfg.Workers, w.cfg.MaxTries = 64, 4
	w.fleet = newFleet(w, 12)
	var lines, dead atomic.Int64
	dial := func(ctx context.Context, network, address string) (net.Conn, error) {
		time.Sleep(rtt) // the node's own dialling
		conn, err := w.dial(ctx, network, address)
		if err != nil {
			return nil, err
		}
		lines.Add(1)
		l := &slowLine{Conn: conn, rtt: rtt, dead: rand.IntN(100) == 0 || lines.Load() == 5}
		if l.dead {
			dead.Add(1)
		}
		return l, nil
	}
	for _, n := range w.fleet.nodes {
		n.transport = w.transport(w.roots, dial)
	}
	var seeds []string
	for n := range 20 {
		host := fmt.Sprintf("far%d.test", n)
		w.site(host, paths{
			"/": serves(page(host, "/1", "/2", "/3")), "/1": serves(page("1" + host)), "/2": serves(page("2" + host)), "/3": serves(page("3" + host)),
		})
		seeds = append(seeds, "https://"+host+"/")
	}
	began := time.Now()
	w.start()
	p := w.awaitFor(4*time.Minute, w.submit(job.Spec{Seeds: seeds, Near: 1}))
	t.Logf("%d pages in %s over %d lines, %d of them died", p.Tally.Pages, time.Since(began).Round(time.Second), lines.Load(), dead.Load())
	checkTally(t, p.Tally)
	if p.Tally.Records != 20*4 || len(p.Tally.Failed) > 0 || dead.Load() == 0 {
		t.Errorf("%+v", p.Tally)
	}
	// One page after the other would take five minutes.
	if took := time.Since(began); took > 150*time.Second {
		t.Errorf("it took %s", took)
	}
}
