package meter

import (
	"context"
	"fmt"

	"github.com/fallow-network/fallow/relay/wire"
	"github.com/fallow-network/fallow/relay/wire/pb"
)

// Propose returns the receipts a node should countersign now: every account
// that has grown since its last proposal, and every last proposal still
// unsigned. New ones are stored before they are returned. The order is
// not fixed; receipts of the epoch before come too until Sealed.
func (m *Meter) Propose(ctx context.Context, node wire.Key) ([]wire.Receipt, error) {
	accounts := m.of(node)
	accounts.mu.Lock()
	defer accounts.mu.Unlock()
	if err := m.load(ctx, node, accounts); err != nil {
		return nil, err
	}
	return m.propose(ctx, node, accounts, m.Epoch())
}

func (m *Meter) propose(ctx context.Context, node wire.Key, accounts *nodeAccounts, epoch uint64) ([]wire.Receipt, error) {
	var fresh, due []wire.Receipt
	for job, account := range accounts.byJob {
		if unsigned(account.closing) {
			due = append(due, account.closing)
		}
		if m.closing.Load() {
			continue // the database does not know the new epoch yet
		}
		total := account.total(account.live())
		if total == countsOf(account.proposed) {
			if unsigned(account.proposed) {
				due = append(due, account.proposed)
			}
			continue
		}
		r := wire.Receipt{
			Router: m.id, Node: node, Epoch: epoch, Job: job, Sequence: account.proposed.Sequence + 1,
			BytesDown: total.down, BytesUp: total.up, Tunnels: total.tunnels, Failures: total.failures,
			OnlineSeconds: total.online,
		}
		r.SignRouter(m.key)
		fresh = append(fresh, r)
	}
	if len(fresh) > 0 {
		if err := m.db.SaveReceipts(ctx, fresh); err != nil {
			return nil, fmt.Errorf("store proposals to %s: %w", node, err)
		}
		for _, r := range fresh {
			accounts.byJob[r.Job].proposed = r
		}
	}
	return append(due, fresh...), nil
}

// Pending is how many bytes a node has carried since its receipts were last
// proposed.
func (m *Meter) Pending(node wire.Key) uint64 {
	accounts := m.of(node)
	accounts.mu.Lock()
	defer accounts.mu.Unlock()
	var sum uint64
	for _, account := range accounts.byJob {
		total := account.total(account.live())
		sum += total.down + total.up - account.proposed.Bytes()
	}
	return sum
}

// Countersign takes a node's answer. A countersignature is verified and stored;
// a dispute is stored with both numbers and the router's count stands. An
// answer to an older proposal than the last is ignored: the newer one covers
// it. Errors wrap ErrAnswer, wire.ErrReceiptSignature, or are the database's.
func (m *Meter) Countersign(ctx context.Context, node wire.Key, a *pb.ReceiptAnswer) error {
	accounts := m.of(node)
	accounts.mu.Lock()
	defer accounts.mu.Unlock()
	account := accounts.byJob[a.Job]
	if account == nil {
		return fmt.Errorf("%w: job %q", ErrAnswer, a.Job)
	}
	proposal := &account.proposed
	if a.Epoch == account.closing.Epoch && a.Epoch != account.proposed.Epoch {
		proposal = &account.closing
	}
	r := *proposal
	if a.Epoch < m.Epoch() && a.Epoch != r.Epoch || a.Epoch == r.Epoch && a.Sequence < r.Sequence {
		return nil
	}
	if a.Epoch != r.Epoch || a.Sequence != r.Sequence {
		return fmt.Errorf("%w: epoch %d sequence %d", ErrAnswer, a.Epoch, a.Sequence)
	}
	if wire.Reason(a.Reason) != wire.OK {
		return m.dispute(ctx, r, a)
	}
	r.NodeSig = a.NodeSignature
	if err := r.VerifyNode(); err != nil {
		return err
	}
	if err := m.db.SaveReceipts(ctx, []wire.Receipt{r}); err != nil {
		return fmt.Errorf("store countersignature of %s: %w", node, err)
	}
	*proposal = r
	return nil
}

func unsigned(r wire.Receipt) bool { return r.Sequence > 0 && r.NodeSig == nil }

func (m *Meter) dispute(ctx context.Context, r wire.Receipt, a *pb.ReceiptAnswer) error {
	m.log.Warn("receipt disputed", "node", r.Node, "job", r.Job, "reason", wire.Reason(a.Reason),
		"router_down", r.BytesDown, "node_down", a.OwnBytesDown)
	return m.db.SaveDispute(ctx, Dispute{
		Node: r.Node, Epoch: r.Epoch, Job: r.Job, Sequence: r.Sequence, Reason: wire.Reason(a.Reason),
		RouterDown: r.BytesDown, RouterUp: r.BytesUp, NodeDown: a.OwnBytesDown, NodeUp: a.OwnBytesUp, At: m.now(),
	})
}

// Checkpoint proposes for every node at once, connected or not, so that all
// that was counted is stored. Used before an epoch closes and at shutdown.
func (m *Meter) Checkpoint(ctx context.Context) error {
	for _, node := range m.nodes() {
		if _, err := m.Propose(ctx, node); err != nil {
			return err
		}
	}
	return nil
}

// Unsigned is how many receipts of the epoch before the current one still wait
// for their countersignature.
func (m *Meter) Unsigned() int {
	waiting := 0
	for _, node := range m.nodes() {
		accounts := m.of(node)
		accounts.mu.Lock()
		for _, account := range accounts.byJob {
			if unsigned(account.closing) {
				waiting++
			}
		}
		accounts.mu.Unlock()
	}
	return waiting
}

// Sealed ends the time in which receipts of the epoch before may still be
// signed: the ledger has closed it and opened the current one.
func (m *Meter) Sealed() {
	m.closing.Store(false)
	for _, node := range m.nodes() {
		accounts := m.of(node)
		accounts.mu.Lock()
		for _, account := range accounts.byJob {
			account.closing = wire.Receipt{}
		}
		accounts.mu.Unlock()
	}
}

// Rotate ends the epoch being counted: what was carried up to here is proposed
// and stored under it, what comes later counts for next, and is not
// proposed before Sealed. It holds every node's accounts meanwhile, so no byte
// falls between two epochs or into both.
func (m *Meter) Rotate(ctx context.Context, next uint64) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, accounts := range m.accounts {
		accounts.mu.Lock()
		defer accounts.mu.Unlock()
	}
	// Two passes: store everything first, so that a failure leaves the epoch as
	// it was and Rotate can be called again.
	closing := m.Epoch()
	for node, accounts := range m.accounts {
		if _, err := m.propose(ctx, node, accounts, closing); err != nil {
			return fmt.Errorf("close the counts of epoch %d: %w", closing, err)
		}
	}
	for node, accounts := range m.accounts {
		if accounts.idle() {
			delete(m.accounts, node)
			continue
		}
		for _, account := range accounts.byJob {
			account.turn()
		}
	}
	m.epoch.Store(next)
	m.closing.Store(true)
	return nil
}

func (m *Meter) nodes() []wire.Key {
	m.mu.Lock()
	defer m.mu.Unlock()
	keys := make([]wire.Key, 0, len(m.accounts))
	for key := range m.accounts {
		keys = append(keys, key)
	}
	return keys
}
