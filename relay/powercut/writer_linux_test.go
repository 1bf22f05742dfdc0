package powercut_test

import (
	"bufio"
	"crypto/ed25519"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/fallow-network/fallow/relay/halts"
	"github.com/fallow-network/fallow/relay/journal"
	"github.com/fallow-network/fallow/relay/meter"
	"github.com/fallow-network/fallow/relay/wire"
	"github.com/fallow-network/fallow/relay/wire/pb"
)

var (
	routerKey = ed25519.NewKeyFromSeed([]byte(strings.Repeat("r", 32)))
	nodeKey   = ed25519.NewKeyFromSeed([]byte(strings.Repeat("n", 32)))
	router    = wire.KeyOf(routerKey)
	quiet     = slog.New(slog.DiscardHandler)
)

const (
	jobs  = 4
	epoch = 7
)

// writerDir names the directory for the process that is to write in it.
const writerDir = "FALLOW_POWERCUT_DIR"

func TestMain(m *testing.M) {
	if dir := os.Getenv(writerDir); dir != "" {
		if err := write(dir); err != nil {
			fmt.Fprintln(os.Stderr, "writer:", err)
			os.Exit(1)
		}
	}
	os.Exit(m.Run())
}

// write does what a node does while receipts flow, until it is killed. It says on
// standard output what it has acknowledged, as the router would hear it: "r JOB
// SEQUENCE" for a countersigned receipt, "h SEQUENCE" for a halt in force. It goes on
// from what it finds.
func write(dir string) error {
	receipts, err := journal.OpenReceipts(quiet, time.Now, dir)
	if err != nil {
		return err
	}
	j, err := journal.Open(quiet, time.Now, filepath.Join(dir, "journal"), journal.DefaultConfig())
	if err != nil {
		return err
	}
	stops, err := halts.Open(dir, time.Now)
	if err != nil {
		return err
	}
	stops.Choose([]wire.Key{router})
	count := meter.New(time.Now, receipts, nodeKey, meter.Config{})
	out := bufio.NewWriter(os.Stdout)
	for turn := uint64(1); ; turn++ {
		job := fmt.Sprintf("job-%d", turn%jobs)
		last, _ := receipts.Get(router, epoch, job)
		tunnel, err := count.Tunnel(router, job)
		if err != nil {
			return err
		}
		tunnel.Down(1000)
		tunnel.End(true)
		if _, err := j.Append(journal.Entry{Kind: journal.Closed, Router: router, Host: "a.example", Job: job, BytesDown: 1000, Reason: wire.OK}); err != nil {
			return err
		}
		r := wire.Receipt{Router: router, Node: wire.KeyOf(nodeKey), Epoch: epoch, Job: job,
			Sequence: last.Sequence + 1, BytesDown: last.BytesDown + 1000, Tunnels: last.Tunnels + 1}
		r.SignRouter(routerKey)
		answer, err := count.Answer(router, &pb.ReceiptProposal{Receipt: r.Encode(), RouterSignature: r.RouterSig})
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "r %s %d\n", job, answer.GetSequence())
		if turn%16 == 0 {
			h := wire.Halt{Router: router, Sequence: uint64(time.Now().UnixNano()), At: time.Now(),
				Stops: []wire.Stop{{Scope: wire.HaltJob, Job: "another", Reason: "testing"}}}
			if err := h.Sign(routerKey); err != nil {
				return err
			}
			if _, err := stops.Take(router, h.Encode(), h.Signature); err != nil {
				return err
			}
			fmt.Fprintf(out, "h %d\n", h.Sequence)
		}
		if err := out.Flush(); err != nil {
			return err
		}
	}
}
