package ledger

import (
	"cmp"
	"errors"
	"fmt"
	"runtime"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/fallow-network/fallow/relay/wire"
)

// Evidence is what stands behind the bytes and the online time of one statement:
// the receipts of one node in one epoch, each with its signatures, and the
// objections of the node.
type Evidence struct {
	Node wire.Key
	Work []Work // by job
	// Late are receipts of earlier epochs that were proven in this one, each
	// with what had been counted of it before.
	Late []LateWork
}

// LateWork is a receipt of an epoch that was closed already: both ends signed
// it, and it says more than had been counted then.
type LateWork struct {
	Epoch   uint64 `json:"epoch"`
	Job     string `json:"job"`
	Paid    uint64 `json:"paid,string"` // bytes of it that earlier epochs have paid
	Receipt Entry  `json:"receipt"`
}

// Sums is what evidence adds up to, as a statement has it.
type Sums struct {
	Signed, Unsigned, Disputed, Late uint64 // bytes
	Online                           uint64 // seconds, not yet cut to the epoch's length
	Receipts                         int
}

// Sum adds up e. It relies on nothing and checks no signature.
func (e *Evidence) Sum() Sums {
	var sum Sums
	for _, w := range e.Work {
		signed, unsigned, disputed := w.carried()
		sum.Signed += signed
		sum.Unsigned += unsigned
		sum.Disputed += disputed
		sum.Online += w.Counted.OnlineSeconds
		sum.Receipts++
		if w.Agreed != nil {
			sum.Receipts++
		}
	}
	for _, l := range e.Late {
		sum.Late += l.Receipt.bytes() - min(l.Paid, l.Receipt.bytes())
		sum.Receipts++
	}
	return sum
}

// Check verifies the form and all signatures of e, which belongs to an epoch of
// a router.
func (e *Evidence) Check(router wire.Key, epoch uint64) error {
	for i, w := range e.Work {
		if i > 0 && e.Work[i-1].Job >= w.Job {
			return fmt.Errorf("%w: job %.64q is there twice or out of order", errWork, w.Job)
		}
		err := w.checkForm(e.Node, epoch)
		if err == nil {
			err = w.checkSignatures(router, e.Node, epoch)
		}
		if err != nil {
			return fmt.Errorf("job %.64q: %w", w.Job, err)
		}
	}
	for _, l := range e.Late {
		r := l.Receipt.Receipt(router, e.Node, l.Epoch, l.Job)
		switch {
		case l.Epoch == 0 || l.Epoch >= epoch:
			return fmt.Errorf("%w: a late receipt of epoch %d", errWork, l.Epoch)
		case l.Paid >= l.Receipt.bytes():
			return fmt.Errorf("%w: a late receipt says nothing new", errWork)
		}
		if err := errors.Join(r.VerifyRouter(), r.VerifyNode()); err != nil {
			return fmt.Errorf("late receipt of epoch %d, job %.64q: %w", l.Epoch, l.Job, err)
		}
	}
	return nil
}

// auditBatch is how many nodes are checked at a time.
const auditBatch = 256

// VerifyReceipts holds the statements of f against the receipts behind them:
// every signature, and that bytes and online time are what the receipts add up
// to. evidence calls its argument once for each node, by node key; the Evidence
// is the callee's to keep. Signatures are checked on all cores; progress, if not
// nil, is told how many nodes are done. Findings are added to r.
func (f *File) VerifyReceipts(r *Report, evidence func(func(Evidence) error) error, progress func(nodes int)) error {
	a := &audit{file: f, report: r, progress: progress}
	if err := evidence(a.take); err != nil {
		return err
	}
	if err := a.flush(); err != nil {
		return err
	}
	a.upTo(wire.Key{}, true)
	return nil
}

type audit struct {
	file     *File
	report   *Report
	progress func(int)
	at       int // statements before it are done
	seen     int
	last     wire.Key
	batch    []Evidence
}

func (a *audit) take(e Evidence) error {
	if a.seen > 0 && compareKeys(a.last, e.Node) >= 0 {
		return fmt.Errorf("%w: receipts are not in the order of node keys", ErrFormat)
	}
	a.seen++
	a.last = e.Node
	a.batch = append(a.batch, e)
	if len(a.batch) < auditBatch {
		return nil
	}
	return a.flush()
}

// flush checks the gathered evidence, signatures first, on all cores.
func (a *audit) flush() error {
	errs := make([]error, len(a.batch))
	var group errgroup.Group
	group.SetLimit(runtime.GOMAXPROCS(0))
	for i := range a.batch {
		group.Go(func() error {
			errs[i] = a.batch[i].Check(a.file.Head.Router, a.file.Head.Epoch)
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	for i := range a.batch {
		a.judge(&a.batch[i], errs[i])
	}
	a.batch = a.batch[:0]
	if a.progress != nil {
		a.progress(a.seen)
	}
	return nil
}

func (a *audit) judge(e *Evidence, err error) {
	a.upTo(e.Node, false)
	sum := e.Sum()
	a.report.Receipts += sum.Receipts
	if err != nil {
		a.report.add("receipts", "node %s: %v", e.Node, err)
	}
	if a.at == len(a.file.Statements) || a.file.Statements[a.at].Node != e.Node {
		a.report.add("receipts", "node %s has receipts and no statement", e.Node)
		return
	}
	s := &a.file.Statements[a.at]
	where := fmt.Sprintf("statements[%d] of node %s", a.at, s.Node)
	a.at++
	got := [...]uint64{s.BytesSigned, s.BytesUnsigned, s.BytesDisputed, s.BytesLate, s.Online()}
	want := [...]uint64{sum.Signed, sum.Unsigned, sum.Disputed, sum.Late, min(sum.Online, a.file.Head.Seconds)}
	for i, name := range [...]string{"bytes_signed", "bytes_unsigned", "bytes_disputed", "bytes_late", "online seconds"} {
		if got[i] != want[i] {
			a.report.add(where+", "+name, "is %d, the receipts say %d", got[i], want[i])
		}
	}
}

// upTo passes over the statements before node, or all if end: they have no
// receipt, so they must claim no work.
func (a *audit) upTo(node wire.Key, end bool) {
	for ; a.at < len(a.file.Statements); a.at++ {
		s := &a.file.Statements[a.at]
		if !end && compareKeys(s.Node, node) >= 0 {
			return
		}
		if s.Bytes() != 0 || s.Online() != 0 {
			a.report.add(fmt.Sprintf("statements[%d] of node %s", a.at, s.Node), "has %d bytes and %d seconds, and no receipt", s.Bytes(), s.Online())
		}
	}
}

// Sort brings e into its one order.
func (e *Evidence) Sort() {
	slices.SortFunc(e.Work, func(a, b Work) int { return cmp.Compare(a.Job, b.Job) })
	slices.SortFunc(e.Late, func(a, b LateWork) int { return cmp.Or(cmp.Compare(a.Epoch, b.Epoch), cmp.Compare(a.Job, b.Job)) })
}
