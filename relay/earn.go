package relay

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/fallow-network/fallow/relay/earnings"
	"github.com/fallow-network/fallow/relay/payout"
	"github.com/fallow-network/fallow/relay/uplink"
	"github.com/fallow-network/fallow/relay/wire"
	"github.com/fallow-network/fallow/relay/wire/pb"
)

// mostStatements is how many epochs back one look at the router goes.
const mostStatements = 32

// watchStatements asks the connected router from time to time whether an epoch has
// closed, spread out so that nodes do not ask all at once.
func (n *Node) watchStatements(ctx context.Context) {
	for pause(ctx, n.cfg.StatementsEvery/2+jitter(n.cfg.StatementsEvery/2)) {
		if result := n.fetchStatements(ctx); result.Problem != "" {
			n.log.Info("statements not fetched", "why", result.Problem)
		}
	}
}

// Earnings asks the connected router for statements that are not here yet and
// reports what all statements and receipts come to. epoch narrows it to one; 0 is
// all. Without a connection it reports what there is.
func (n *Node) Earnings(ctx context.Context, epoch uint64) earnings.Report {
	result := n.fetchStatements(ctx)
	report := earnings.NewReport(n.key, n.book, n.owed.Newest(), epoch)
	report.Fetched = &result
	return report
}

// fetchStatements takes the newest statement and those before it that are missing.
func (n *Node) fetchStatements(ctx context.Context) (result earnings.FetchResult) {
	n.mu.Lock()
	a := n.current
	n.mu.Unlock()
	if a == nil {
		result.Problem = "No router is connected, so none was asked for new statements."
		return result
	}
	n.asking.Lock()
	defer n.asking.Unlock()
	router := a.router.Key
	result.Router = router
	epoch := uint64(0)
	for range mostStatements {
		s, reason, err := n.fetchStatement(ctx, router, epoch)
		if err != nil {
			result.Problem = problemWith(err)
			return result
		}
		if reason != wire.OK {
			return result // there are none, or none further back
		}
		if held, err := n.book.Get(router, s.Epoch); err == nil && held.Tree == s.Tree {
			return result
		}
		if err := n.book.Keep(s); err != nil {
			n.log.Error("statement not kept", "router", router, "epoch", s.Epoch, "err", err)
			result.Problem = problemWith(err)
			return result
		}
		result.New++
		if epoch = s.Epoch - 1; epoch == 0 {
			return result
		}
	}
	return result
}

func (n *Node) fetchStatement(ctx context.Context, router wire.Key, epoch uint64) (*earnings.Statement, wire.Reason, error) {
	a, err := n.uplink.Ask(ctx, router, &pb.StatementRequest{Epoch: epoch})
	if err != nil {
		return nil, 0, err
	}
	if reason := wire.Reason(a.GetReason()); reason != wire.OK {
		return nil, reason, nil
	}
	s, err := earnings.Check(router, n.key, epoch, a)
	if err == nil && s.Epoch == 0 {
		err = fmt.Errorf("%w: epoch 0", earnings.ErrAbout)
	}
	return s, wire.OK, err
}

// problemWith says for the user why a statement is not here.
func problemWith(err error) string {
	switch {
	case errors.Is(err, uplink.ErrUnasked):
		return "The router gives no statements: it is of an older version, or busy."
	case errors.Is(err, earnings.ErrTwoRoots):
		return "The router has shown two different results for the same epoch, each with its signature. Both are kept in the folder " + earnings.DirName + " of the data directory: show them to other node owners."
	case errors.Is(err, earnings.ErrProof), errors.Is(err, earnings.ErrAbout):
		return fmt.Sprintf("The router's statement was not taken: %v.", err)
	default:
		return fmt.Sprintf("The router's statement did not come: %v.", err)
	}
}

// Payout is where payouts go; the zero Address is the node's own key.
func (n *Node) Payout() payout.Address {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.payout
}

// SetPayout stores where payouts go from now on, the zero Address for the node's
// own key, and connects anew so that the router hears it. The error wraps
// wire.ErrPayoutProof if that address has not signed for this node.
func (n *Node) SetPayout(to payout.Address) error {
	if err := payout.Save(n.cfg.Dir, n.key, to); err != nil {
		return err
	}
	n.mu.Lock()
	n.payout = to
	current := n.current
	n.mu.Unlock()
	if current != nil {
		current.end(errPayout)
	}
	return nil
}

// errPayout ends a session because hello has something new to say.
var errPayout = errors.New("the payout address has changed")

// defaultStatements is the default of Config.StatementsEvery.
const defaultStatements = 30 * time.Minute
