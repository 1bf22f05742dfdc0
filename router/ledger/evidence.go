package ledger

import (
	"encoding/json"
	"errors"
	"fmt"
	"iter"

	"github.com/fallow-network/fallow/dataset"
	"github.com/fallow-network/fallow/relay/wire"
)

// evidenceKind opens the head of a file of receipts.
const evidenceKind = "fallow-receipts-v1"

// evidenceHead says which epoch a file of receipts stands behind. Nothing signs
// it: each receipt carries its own two signatures.
type evidenceHead struct {
	Kind   string   `json:"kind"`
	Router wire.Key `json:"router"`
	Epoch  uint64   `json:"epoch"`
}

// What a row of a file of receipts is.
const (
	sideCounted = "counted"
	sideAgreed  = "agreed"
	sideLate    = "late"
	sideDispute = "dispute"
)

// late is what a late receipt's row says beside the receipt.
type lateAbout struct {
	Paid uint64 `json:"paid,string"`
}

// WriteEvidence writes the receipts behind an epoch at path, as Parquet. each
// calls its argument for every node, by node key.
func WriteEvidence(path string, router wire.Key, epoch uint64, each func(func(Evidence) error) error) error {
	head, err := canonical(evidenceHead{evidenceKind, router, epoch})
	if err != nil {
		return err
	}
	return dataset.WriteReceipts(path, string(head), evidenceRows(epoch, each))
}

var errStop = errors.New("stopped")

func evidenceRows(epoch uint64, each func(func(Evidence) error) error) iter.Seq2[*dataset.ReceiptRow, error] {
	return func(yield func(*dataset.ReceiptRow, error) bool) {
		err := each(func(e Evidence) error {
			rows, err := e.rows(epoch)
			if err != nil {
				return err
			}
			for i := range rows {
				if !yield(&rows[i], nil) {
					return errStop
				}
			}
			return nil
		})
		if err != nil && !errors.Is(err, errStop) {
			yield(nil, err)
		}
	}
}

func (e *Evidence) rows(epoch uint64) ([]dataset.ReceiptRow, error) {
	var rows []dataset.ReceiptRow
	node := e.Node.String()
	for _, w := range e.Work {
		rows = append(rows, receiptRow(node, epoch, w.Job, sideCounted, w.Counted))
		if w.Agreed != nil {
			rows = append(rows, receiptRow(node, epoch, w.Job, sideAgreed, *w.Agreed))
		}
		for _, d := range w.Disputes {
			about, err := json.Marshal(d)
			if err != nil {
				return nil, err
			}
			row := receiptRow(node, epoch, w.Job, sideDispute, Entry{Sequence: d.Sequence, Counts: d.RouterCounts})
			row.About = string(about)
			rows = append(rows, row)
		}
	}
	for _, l := range e.Late {
		about, err := json.Marshal(lateAbout{l.Paid})
		if err != nil {
			return nil, err
		}
		row := receiptRow(node, l.Epoch, l.Job, sideLate, l.Receipt)
		row.About = string(about)
		rows = append(rows, row)
	}
	return rows, nil
}

func receiptRow(node string, epoch uint64, job, side string, e Entry) dataset.ReceiptRow {
	row := dataset.ReceiptRow{
		Node: node, Epoch: int64(epoch), Job: job, Side: side,
		Sequence: int64(e.Sequence), BytesDown: int64(e.BytesDown), BytesUp: int64(e.BytesUp),
		Tunnels: int64(e.Tunnels), Failures: int64(e.Failures), OnlineSeconds: int64(e.OnlineSeconds),
	}
	copy(row.RouterSig[:], e.RouterSig)
	copy(row.NodeSig[:], e.NodeSig)
	return row
}

// ReadEvidence reads a file of receipts and calls yield for every node. Errors
// of form wrap ErrFormat. It must be of this router and epoch; nothing else is
// verified yet.
func ReadEvidence(path string, router wire.Key, epoch uint64, yield func(Evidence) error) error {
	var e Evidence
	var of string
	begin := func(text string) error {
		var head evidenceHead
		if err := json.Unmarshal([]byte(text), &head); err != nil || head.Kind != evidenceKind {
			return fmt.Errorf("%w: %s holds no receipts", ErrFormat, path)
		}
		if head.Router != router || head.Epoch != epoch {
			return fmt.Errorf("%w: %s holds the receipts of epoch %d of router %s", ErrFormat, path, head.Epoch, head.Router)
		}
		return nil
	}
	err := dataset.ReadReceipts(path, begin, func(number int64, r *dataset.ReceiptRow) error {
		if r.Node != of {
			if of != "" {
				if err := yield(e); err != nil {
					return err
				}
			}
			e, of = Evidence{}, r.Node
			var err error
			if e.Node, err = wire.ParseKey(of); err != nil {
				return fmt.Errorf("%w: row %d: %w", ErrFormat, number, err)
			}
		}
		if len(e.Work)+len(e.Late) > maxEvidence {
			return fmt.Errorf("%w: more than %d receipts of node %s", ErrFormat, maxEvidence, of)
		}
		if err := e.addRow(r, epoch); err != nil {
			return fmt.Errorf("%w: row %d: %w", ErrFormat, number, err)
		}
		return nil
	})
	if err == nil && of != "" {
		err = yield(e)
	}
	return asFormat(err)
}

// maxEvidence bounds the receipts of one node in one epoch.
const maxEvidence = 1 << 20

func (e *Evidence) addRow(r *dataset.ReceiptRow, epoch uint64) error {
	entry := Entry{
		Sequence: uint64(r.Sequence), RouterSig: Signature(append([]byte(nil), r.RouterSig[:]...)),
		Counts: Counts{
			BytesDown: uint64(r.BytesDown), BytesUp: uint64(r.BytesUp), Tunnels: uint64(r.Tunnels),
			Failures: uint64(r.Failures), OnlineSeconds: uint64(r.OnlineSeconds),
		},
	}
	if r.NodeSig != [64]byte{} {
		entry.NodeSig = append([]byte(nil), r.NodeSig[:]...)
	}
	if r.Side == sideLate {
		var about lateAbout
		if err := json.Unmarshal([]byte(r.About), &about); err != nil {
			return err
		}
		e.Late = append(e.Late, LateWork{Epoch: uint64(r.Epoch), Job: r.Job, Paid: about.Paid, Receipt: entry})
		return nil
	}
	if r.Epoch != int64(epoch) {
		return fmt.Errorf("a receipt of epoch %d", r.Epoch)
	}
	if r.Side == sideCounted {
		e.Work = append(e.Work, Work{Job: r.Job, Counted: entry})
		return nil
	}
	if len(e.Work) == 0 || e.Work[len(e.Work)-1].Job != r.Job {
		return fmt.Errorf("side %.20q without the receipt it goes with", r.Side)
	}
	w := &e.Work[len(e.Work)-1]
	switch r.Side {
	case sideAgreed:
		w.Agreed = &entry
		return nil
	case sideDispute:
		var d Dispute
		if err := json.Unmarshal([]byte(r.About), &d); err != nil {
			return err
		}
		w.Disputes = append(w.Disputes, d)
		return nil
	}
	return fmt.Errorf("side %.20q is not known", r.Side)
}

// EachReceipt calls yield for every node in the file of receipts beside the
// epoch file at path, which f was read from. The error is fs.ErrNotExist if
// there is none.
func (f *File) EachReceipt(path string, yield func(Evidence) error) error {
	return ReadEvidence(ReceiptsPath(path), f.Head.Router, f.Head.Epoch, yield)
}
