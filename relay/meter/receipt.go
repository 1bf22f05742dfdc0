package meter

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/fallow-network/fallow/relay/wire"
	"github.com/fallow-network/fallow/relay/wire/pb"
)

// ErrDispute is wrapped by what Answer says about a receipt it does not sign.
var ErrDispute = errors.New("receipt disputed")

// Answer judges a proposal of router and is the whole of the node's side: if the
// answer says OK, the countersigned receipt is on disk. A nil error means
// countersigned; ErrDispute, that the router is told why not; any other error,
// that it could not be stored, which the router is told too.
func (m *Meter) Answer(router wire.Key, p *pb.ReceiptProposal) (*pb.ReceiptAnswer, error) {
	m.answering.Lock()
	defer m.answering.Unlock()
	r, err := m.open(router, p)
	answer := &pb.ReceiptAnswer{Reason: pb.Reason_OK}
	if r != nil {
		answer.Epoch, answer.Job, answer.Sequence = r.Epoch, r.Job, r.Sequence
	}
	var own counts
	if err == nil && r.Job == "" {
		err = m.answerOnline(r)
	} else if err == nil {
		own, err = m.answerJob(r)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case err == nil:
		answer.NodeSignature = r.NodeSig
		m.stats.Signed++
		return answer, nil
	case errors.Is(err, wire.ErrReceiptSignature):
		answer.Reason = pb.Reason_RECEIPT_SIGNATURE
	case errors.Is(err, ErrDispute):
		answer.Reason = pb.Reason_RECEIPT_DISPUTED
	default:
		answer.Reason = pb.Reason_RECEIPT_UNANSWERED
	}
	answer.OwnBytesDown, answer.OwnBytesUp = own[down], own[up]
	m.stats.Disputed++
	m.stats.LastDispute = err.Error()
	return answer, err
}

// open decodes a proposal and checks who says it about whom.
func (m *Meter) open(router wire.Key, p *pb.ReceiptProposal) (*wire.Receipt, error) {
	r, err := wire.DecodeReceipt(p.GetReceipt())
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDispute, err)
	}
	r.RouterSig = bytes.Clone(p.GetRouterSignature())
	switch err := r.VerifyRouter(); {
	case r.Router != router:
		return r, fmt.Errorf("%w: it names router %s", ErrDispute, r.Router)
	case r.Node != m.node:
		return r, fmt.Errorf("%w: it names node %s", ErrDispute, r.Node)
	case err != nil:
		return r, err
	}
	return r, nil
}

// follows reports whether r repeats last to the letter, and fails unless it
// repeats or properly follows it.
func follows(r *wire.Receipt, last wire.Receipt) (same bool, err error) {
	switch {
	case last.Sequence == 0 && last.NodeSig == nil:
		return false, nil
	case r.Sequence == last.Sequence && bytes.Equal(r.Encode(), last.Encode()):
		return true, nil
	case r.Sequence <= last.Sequence:
		return false, fmt.Errorf("%w: sequence %d after %d", ErrDispute, r.Sequence, last.Sequence)
	case r.BytesDown < last.BytesDown, r.BytesUp < last.BytesUp, r.Tunnels < last.Tunnels,
		r.Failures < last.Failures, r.OnlineSeconds < last.OnlineSeconds:
		return false, fmt.Errorf("%w: a count went down since sequence %d", ErrDispute, last.Sequence)
	}
	return false, nil
}

// sign countersigns r and has it on disk.
func (m *Meter) sign(r *wire.Receipt) error {
	r.SignNode(m.identity)
	if err := m.book.Save(*r); err != nil {
		r.NodeSig = nil
		return fmt.Errorf("store receipt: %w", err)
	}
	return nil
}

// answerJob judges a receipt of bytes and signs it. It returns the node's own
// count for the epoch.
func (m *Meter) answerJob(r *wire.Receipt) (counts, error) {
	var stored wire.Receipt
	if !m.hasPage(r) {
		stored = m.stored(r.Router, r.Epoch, r.Job)
	}
	j, err := m.judge(r, stored)
	if err != nil || j.same {
		return j.own, err
	}
	if err := m.sign(r); err != nil {
		return j.own, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	j.account.accept(r, j)
	return j.own, nil
}

func (m *Meter) hasPage(r *wire.Receipt) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	a, ok := m.accounts[accountKey{r.Router, r.Job}]
	return ok && a.pages[r.Epoch] != nil
}

// judgement is what comparing one proposal found.
type judgement struct {
	account *account
	page    *page
	own     counts
	same    bool   // already signed; r carries the stored signature
	quiet   bool   // no byte was on its way while comparing
	ahead   counts // by which own may be below the proposal for tunnels cut off
	first   bool   // the first receipt since the account was made
}

func (m *Meter) judge(r *wire.Receipt, stored wire.Receipt) (judgement, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	a, err := m.account(accountKey{r.Router, r.Job})
	if err != nil {
		return judgement{}, fmt.Errorf("%w: %w", ErrDispute, err)
	}
	p, err := a.page(r.Epoch, stored, m.cfg.MaxEpochs)
	if err != nil {
		return judgement{}, fmt.Errorf("%w: %w", ErrDispute, err)
	}
	a.settled(m.now())
	j := judgement{
		account: a, page: p,
		own:   p.start.plus(a.unreceipted(r.Epoch)),
		quiet: len(a.open) == 0 && len(a.settling) == 0 && a.newest(r.Epoch),
		first: !a.trusted,
	}
	for d := range j.ahead {
		j.ahead[d] = a.cutOff * m.cfg.PerUnclean
	}
	if j.same, err = follows(r, p.last); err != nil || j.same {
		r.NodeSig = p.last.NodeSig
		return j, err
	}
	unsure := a.uncertain().plus(p.tail)
	proposed := countsOf(*r)
	for d, name := range directions {
		slack := m.cfg.Slack + j.own[d]/100*m.cfg.SlackPercent
		low := j.own[d] - min(j.own[d], unsure[d]+slack)
		high := j.own[d] + slack + j.ahead[d]
		if proposed[d] < low && a.newest(r.Epoch) {
			return j, fmt.Errorf("%w: %d bytes %s, the node counts at least %d", ErrDispute, proposed[d], name, low)
		}
		// Before an agent that was killed came back it may have carried bytes
		// that no receipt covered yet: the first proposal is taken as it is.
		if proposed[d] > high && !j.first {
			return j, fmt.Errorf("%w: %d bytes %s, the node counts at most %d", ErrDispute, proposed[d], name, high)
		}
	}
	return j, nil
}

// accept books a signed receipt. What the two ends could not know about tunnels
// cut off is settled as the router has it once nothing else is on its way, so
// that it does not widen the margins for ever.
func (a *account) accept(r *wire.Receipt, j judgement) {
	before := j.page.grown()
	j.page.last = *r
	a.trusted = true
	growth := j.page.grown().less(before)
	for epoch, p := range a.pages {
		if epoch > r.Epoch {
			p.tail = p.tail.less(growth) // it belonged here after all
		}
	}
	proposed := countsOf(*r)
	for d := range proposed {
		switch lead := proposed[d] - min(proposed[d], j.own[d]); {
		case j.first:
			a.closed[d] += lead
		case j.quiet:
			a.closed[d] += min(lead, j.ahead[d])
		}
		if j.quiet {
			lag := j.own[d] - min(j.own[d], proposed[d])
			a.closed[d] -= min(lag, a.unclean[d])
			a.unclean[d] = 0
		}
	}
	if j.quiet {
		a.cutOff = 0
	}
}
