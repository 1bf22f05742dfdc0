package meter

import (
	"context"
	"fmt"
	"time"

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
	var due []wire.Receipt
	for _, account := range accounts.byJob {
		for _, p := range []*proposal{&account.closing, &account.proposed} {
			if p.unsigned() && (p == &account.closing || account.total(account.live()) == countsOf(p.Receipt)) {
				due = append(due, p.Receipt)
			}
		}
	}
	fresh := m.draft(node, accounts, epoch)
	if len(fresh) > 0 {
		b := Batch{
			Receipts: fresh, Places: accounts.place(node, epoch), Sites: accounts.grownSites(node, epoch, false),
			Epoch: epoch, Ran: m.Ran(),
		}
		if err := m.db.SaveCounts(ctx, b); err != nil {
			return nil, fmt.Errorf("store proposals to %s: %w", node, err)
		}
		accounts.stored(b)
	}
	return append(due, fresh...), nil
}

// draft writes a receipt for every account that has grown since its last one.
// A sequence is used once even if storing fails: whether the database kept it is
// then unknown.
func (m *Meter) draft(node wire.Key, accounts *nodeAccounts, epoch uint64) []wire.Receipt {
	if m.closing.Load() {
		return nil // the database does not know the new epoch yet
	}
	var fresh []wire.Receipt
	for job, account := range accounts.byJob {
		total := account.total(account.live())
		if total == countsOf(account.proposed.Receipt) {
			continue
		}
		account.sequence++
		r := wire.Receipt{
			Router: m.id, Node: node, Epoch: epoch, Job: job, Sequence: account.sequence,
			BytesDown: total.down, BytesUp: total.up, Tunnels: total.tunnels, Failures: total.failures,
			OnlineSeconds: total.online,
		}
		r.SignRouter(m.key)
		fresh = append(fresh, r)
	}
	return fresh
}

// stored takes note of what the database has now.
func (a *nodeAccounts) stored(b Batch) {
	for _, r := range b.Receipts {
		a.byJob[r.Job].proposed = proposal{Receipt: r}
	}
	for _, s := range b.Sites {
		if at := a.sites[s.Site]; at != nil {
			at.stored = s.Bytes
		}
	}
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
// a dispute is stored with both numbers and the router's count stands. taken is
// false for what says nothing new: an answer to an older proposal than the
// last, which the newer one covers, or one that was given before. Errors wrap
// ErrAnswer, wire.ErrReceiptSignature, or are the database's.
func (m *Meter) Countersign(ctx context.Context, node wire.Key, a *pb.ReceiptAnswer) (taken bool, err error) {
	accounts := m.of(node)
	accounts.mu.Lock()
	defer accounts.mu.Unlock()
	var p *proposal
	if account := accounts.byJob[a.Job]; account != nil {
		p = account.due(a.Epoch)
	}
	switch {
	case p == nil && a.Epoch < m.Epoch(), p != nil && a.Sequence < p.Sequence:
		return false, nil
	case p == nil || a.Sequence != p.Sequence:
		return false, fmt.Errorf("%w: epoch %d job %q sequence %d", ErrAnswer, a.Epoch, a.Job, a.Sequence)
	case p.NodeSig != nil, p.disputed && wire.Reason(a.Reason) != wire.OK:
		return false, nil
	}
	if wire.Reason(a.Reason) != wire.OK {
		if err := m.dispute(ctx, p.Receipt, a); err != nil {
			return false, err
		}
		p.disputed = true
		return true, nil
	}
	r := p.Receipt
	r.NodeSig = a.NodeSignature
	if err := r.VerifyNode(); err != nil {
		return false, err
	}
	if err := m.db.SaveCounts(ctx, Batch{Receipts: []wire.Receipt{r}}); err != nil {
		return false, fmt.Errorf("store countersignature of %s: %w", node, err)
	}
	p.Receipt = r
	return true, nil
}

func (m *Meter) dispute(ctx context.Context, r wire.Receipt, a *pb.ReceiptAnswer) error {
	m.log.Warn("receipt disputed", "node", r.Node, "job", r.Job, "reason", wire.Reason(a.Reason),
		"router_down", r.BytesDown, "node_down", a.OwnBytesDown)
	err := m.db.SaveDispute(ctx, Dispute{
		Node: r.Node, Epoch: r.Epoch, Job: r.Job, Sequence: r.Sequence, Reason: wire.Reason(a.Reason),
		RouterDown: r.BytesDown, RouterUp: r.BytesUp, NodeDown: a.OwnBytesDown, NodeUp: a.OwnBytesUp, At: m.now(),
	})
	if err != nil {
		return fmt.Errorf("store dispute of %s: %w", r.Node, err)
	}
	return nil
}

// Checkpoint stores what every node has carried, connected or not. Used at
// shutdown.
func (m *Meter) Checkpoint(ctx context.Context) error {
	defer m.lockAll()()
	return m.storeAll(ctx, false)
}

// lockAll holds every node's accounts; the caller calls what it returns.
func (m *Meter) lockAll() (unlock func()) {
	m.mu.Lock()
	for _, accounts := range m.accounts {
		accounts.mu.Lock()
	}
	return func() {
		for _, accounts := range m.accounts {
			accounts.mu.Unlock()
		}
		m.mu.Unlock()
	}
}

// storeAll stores a receipt for everything that has grown, in one write: one
// for each node would hold the fleet up for minutes. last says that the epoch
// ends, so that every count is stored.
func (m *Meter) storeAll(ctx context.Context, last bool) error {
	if m.closing.Load() {
		return nil // the database does not know the new epoch yet
	}
	epoch := m.Epoch()
	b := Batch{Epoch: epoch, Ran: m.Ran()}
	each := make(map[wire.Key]Batch)
	for node, accounts := range m.accounts {
		one := Batch{Receipts: m.draft(node, accounts, epoch), Sites: accounts.grownSites(node, epoch, last)}
		if len(one.Receipts) == 0 && len(one.Sites) == 0 {
			continue
		}
		each[node] = one
		b.Receipts = append(b.Receipts, one.Receipts...)
		b.Places = append(b.Places, accounts.place(node, epoch)...)
		b.Sites = append(b.Sites, one.Sites...)
	}
	if err := m.db.SaveCounts(ctx, b); err != nil {
		return fmt.Errorf("store the counts of epoch %d: %w", epoch, err)
	}
	for node, one := range each {
		m.accounts[node].stored(one)
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
			if account.closing.unsigned() {
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
	m.forget()
	for _, node := range m.nodes() {
		accounts := m.of(node)
		accounts.mu.Lock()
		for _, account := range accounts.byJob {
			account.closing = proposal{}
		}
		accounts.mu.Unlock()
	}
}

// Rotate ends the epoch being counted: what was carried up to here is proposed
// and stored under it, what comes later counts for next, and is not
// proposed before Sealed. It holds every node's accounts meanwhile, so no byte
// falls between two epochs or into both.
func (m *Meter) Rotate(ctx context.Context, next uint64) error {
	unlock := m.lockAll()
	defer unlock()
	// Everything is stored first, so that a failure leaves the epoch as it was
	// and Rotate can be called again.
	if err := m.storeAll(ctx, true); err != nil {
		return err
	}
	for _, accounts := range m.accounts {
		accounts.turn(m.now())
		accounts.turnPlaces()
	}
	m.turnRan()
	m.epoch.Store(next)
	m.closing.Store(true)
	return nil
}

// turn starts a new epoch and forgets jobs that have long ended.
func (a *nodeAccounts) turn(now time.Time) {
	for job, account := range a.byJob {
		if account.idle() && now.Sub(account.used) > keepFor {
			delete(a.byJob, job)
			continue
		}
		account.turn()
	}
}

// forget drops nodes that have long gone and whose counts are all stored.
func (m *Meter) forget() {
	defer m.lockAll()()
	now := m.now()
	for node, accounts := range m.accounts {
		if len(accounts.byJob) == 0 && now.Sub(accounts.used) > keepFor {
			delete(m.accounts, node)
			accounts.mu.Unlock()
		}
	}
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
