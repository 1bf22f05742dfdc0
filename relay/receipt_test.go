package relay_test

import (
	"bytes"
	"net/http"
	"testing"
	"time"

	"github.com/fallow-network/fallow/relay/journal"
	"github.com/fallow-network/fallow/relay/wire"
	"github.com/fallow-network/fallow/relay/wire/pb"
)

func TestReceipts(t *testing.T) {
	private := newKey(t)
	r := startRouter(t, private, "")
	s := startSite(t, http.HandlerFunc(page))
	cfg := config(t, r.addr())
	cfg.Receipts.Slack = 16
	cfg.Receipts.Settle = time.Millisecond
	n := sharing(t, r, cfg)
	tunnel, _ := r.open(n.Key(), r.sign(r.lease(n.Key(), s)))
	s.get(t, tunnel)
	eventually(t, "tunnel ended", func() bool { return n.Status().Tunnels.Open == 0 })
	time.Sleep(10 * time.Millisecond) // its last bytes settle
	carried := n.Status().Carried

	receipt := wire.Receipt{
		Router: r.key, Node: n.Key(), Epoch: r.epoch, Job: "job-1", Sequence: 1,
		BytesDown: carried.BytesDown, BytesUp: carried.BytesUp, Tunnels: 1,
	}
	low := receipt
	low.BytesDown /= 2
	answer := r.propose(low)
	if wire.Reason(answer.GetReason()) != wire.ReceiptDisputed || answer.GetOwnBytesDown() != carried.BytesDown {
		t.Errorf("half the bytes: %v", answer)
	}
	low.SignRouter(private)
	kept, err := n.Journal(journal.Filter{Kinds: []journal.Kind{journal.Disputed}})
	if err != nil || len(kept) != 1 || !bytes.Equal(kept[0].Receipt, low.Encode()) || !bytes.Equal(kept[0].ReceiptSig, low.RouterSig) ||
		kept[0].BytesDown != carried.BytesDown || kept[0].Reason != wire.ReceiptDisputed || kept[0].Job != "job-1" {
		t.Errorf("the journal keeps of the dispute: %+v, %v", kept, err)
	}
	answer = r.propose(receipt)
	signed := receipt
	signed.NodeSig = answer.GetNodeSignature()
	if wire.Reason(answer.GetReason()) != wire.OK || signed.VerifyNode() != nil {
		t.Fatalf("the right count: %v", answer)
	}
	high := receipt
	high.Sequence, high.BytesDown = 2, 2*receipt.BytesDown
	if answer := r.propose(high); wire.Reason(answer.GetReason()) != wire.ReceiptDisputed {
		t.Errorf("twice the bytes: %v", answer)
	}

	n.stop()
	n = sharing(t, r, cfg)
	again := r.propose(receipt)
	if string(again.GetNodeSignature()) != string(signed.NodeSig) {
		t.Errorf("the same receipt after a restart: %v", again)
	}
	back := receipt
	back.Sequence, back.BytesUp = 2, 1
	if answer := r.propose(back); wire.Reason(answer.GetReason()) != wire.ReceiptDisputed {
		t.Errorf("a count that went down: %v", answer)
	}
	if got := n.Status().Carried; got.Disputed != 1 || got.LastDispute == "" || len(n.Status().Warnings) == 0 {
		t.Errorf("status does not tell of the dispute: %+v", got)
	}
	if answer := r.propose(wire.Receipt{
		Router: r.key, Node: n.Key(), Epoch: r.epoch, Sequence: 1, OnlineSeconds: 30,
	}); pb.Reason_OK != answer.GetReason() {
		t.Errorf("half a minute online: %v", answer)
	}
}
