package netlab_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/fallow-network/fallow/relay"
	"github.com/fallow-network/fallow/relay/presence"
	"github.com/fallow-network/fallow/relay/rules"
	"github.com/fallow-network/fallow/relay/wire"
)

// order is what the world tells the home; report is the answer to each.
type order struct {
	Do      string   // see home.obey
	Routers []string `json:",omitempty"`
	Dir     string   `json:",omitempty"`
	Sites   []string `json:",omitempty"` // to deny
	Bare    []string `json:",omitempty"` // address:port to dial without the node
}

type report struct {
	Err  string         `json:",omitempty"`
	Key  wire.Key       // of the node
	Seen map[string]int `json:",omitempty"`
}

// The leases of these tests are measured against these caps.
const (
	maxUp   = 1 << 20
	maxDown = 100 << 20
)

// home is the process in which the node runs.
type home struct {
	judge *capture
	node  *relay.Node
	stop  func() error
}

// serveNode obeys until its orders end.
func serveNode(orders io.Reader, reports io.Writer) error {
	h := new(home)
	in, out := json.NewDecoder(orders), json.NewEncoder(reports)
	for {
		var o order
		if err := in.Decode(&o); errors.Is(err, io.EOF) {
			return h.end()
		} else if err != nil {
			return err
		}
		r, err := h.obey(o)
		if err != nil {
			r.Err = fmt.Sprintf("%s: %v", o.Do, err)
		}
		if err := out.Encode(r); err != nil {
			return err
		}
	}
}

func (h *home) obey(o order) (report, error) {
	switch o.Do {
	case "hello":
		return report{}, nil
	case "lay":
		if err := errors.Join(layHome(), ownResolver()); err != nil {
			return report{}, err
		}
		var err error
		h.judge, err = startCapture(func(kind uint8) bool { return kind == unix.PACKET_OUTGOING })
		return report{}, err
	case "start":
		if err := h.end(); err != nil {
			return report{}, err
		}
		if err := h.start(o); err != nil {
			return report{}, err
		}
		return report{Key: h.node.Key()}, nil
	case "stop":
		return report{}, h.end()
	case "deny":
		s := h.node.Rules().Settings()
		s.Deny = o.Sites
		return report{}, h.node.Rules().Set(s)
	case "pause":
		return report{}, h.node.Rules().Pause(time.Time{})
	case "resume":
		return report{}, h.node.Rules().Resume()
	case "bare":
		dialBare(o.Bare)
		return report{}, nil
	case "seen":
		seen, err := h.judge.beginnings()
		return report{Seen: seen}, err
	default:
		return report{}, errors.New("no such order")
	}
}

// unseen is a machine about which nothing can be told: the automatic pauses are
// another test's business.
type unseen struct{}

func (unseen) Look(now time.Time, _ uint64) presence.Snapshot { return presence.Snapshot{At: now} }

// start runs a node as the agent does, with the configuration it ships with, and
// returns when it is connected.
func (h *home) start(o order) error {
	cfg := relay.DefaultConfig()
	cfg.Dir, cfg.Routers, cfg.Presence = filepath.Join(o.Dir, "node"), o.Routers, unseen{}
	cfg.MaxUp, cfg.MaxDown, cfg.Finish = maxUp, maxDown, 0
	n, err := relay.New(slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError})), cfg)
	if err != nil {
		return err
	}
	if err := n.Rules().Accept(rules.ConsentVersion()); err != nil {
		return errors.Join(err, n.Close())
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- n.Run(ctx) }()
	h.node = n
	h.stop = func() error {
		cancel()
		return errors.Join(<-done, n.Close())
	}
	for began := time.Now(); !n.Status().Routers[0].Connected; time.Sleep(time.Millisecond) {
		if time.Since(began) > patience {
			return errors.Join(fmt.Errorf("not connected: %s", n.Status().Sentence), h.end())
		}
	}
	return nil
}

func (h *home) end() error {
	if h.stop == nil {
		return nil
	}
	stop := h.stop
	h.node, h.stop = nil, nil
	return stop()
}

// dialBare is what a node without rules would do.
func dialBare(addresses []string) {
	var all sync.WaitGroup
	for _, a := range addresses {
		all.Go(func() {
			d := net.Dialer{Timeout: 300 * time.Millisecond}
			if conn, err := d.DialContext(context.Background(), "tcp", a); err == nil {
				_ = conn.Close()
			}
		})
	}
	all.Wait()
}
