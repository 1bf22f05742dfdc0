package wire_test

import (
	"bytes"
	"errors"
	"testing"

	"github.com/fallow-network/fallow/relay/wire"
)

func newReceipt() *wire.Receipt {
	return &wire.Receipt{
		Router: wire.KeyOf(routerKey), Node: wire.KeyOf(nodeKey), Epoch: 3, Job: "j-1", Sequence: 9,
		BytesDown: 1 << 30, BytesUp: 1 << 20, Tunnels: 40, Failures: 2,
	}
}

func TestReceiptRoundTrip(t *testing.T) {
	r := newReceipt()
	got, err := wire.DecodeReceipt(r.Encode())
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got.Encode(), r.Encode()) {
		t.Errorf("decoded %+v, want %+v", got, r)
	}
}

func TestReceiptSignatures(t *testing.T) {
	r := newReceipt()
	if err := r.VerifyRouter(); !errors.Is(err, wire.ErrReceiptSignature) {
		t.Errorf("unsigned: %v", err)
	}
	r.SignRouter(routerKey)
	r.SignNode(nodeKey)
	if err := errors.Join(r.VerifyRouter(), r.VerifyNode()); err != nil {
		t.Fatal(err)
	}
	changes := map[string]func(*wire.Receipt){
		"epoch":    func(r *wire.Receipt) { r.Epoch++ },
		"job":      func(r *wire.Receipt) { r.Job = "j-2" },
		"sequence": func(r *wire.Receipt) { r.Sequence++ },
		"down":     func(r *wire.Receipt) { r.BytesDown++ },
		"up":       func(r *wire.Receipt) { r.BytesUp++ },
		"tunnels":  func(r *wire.Receipt) { r.Tunnels++ },
		"failures": func(r *wire.Receipt) { r.Failures++ },
		"online":   func(r *wire.Receipt) { r.OnlineSeconds++ },
		"swapped":  func(r *wire.Receipt) { r.RouterSig, r.NodeSig = r.NodeSig, r.RouterSig },
	}
	for name, change := range changes {
		t.Run(name, func(t *testing.T) {
			forged := *r
			change(&forged)
			if forged.VerifyRouter() == nil || forged.VerifyNode() == nil {
				t.Error("a changed receipt still verifies")
			}
		})
	}
}

// A signature over a lease must not pass for one over a receipt or the other
// way round: the domains differ in their first bytes.
func TestDomainsAreApart(t *testing.T) {
	if _, err := wire.DecodeReceipt(newLease().Encode()); !errors.Is(err, wire.ErrReceiptMalformed) {
		t.Errorf("a lease decodes as a receipt: %v", err)
	}
	if _, err := wire.OpenLease(newReceipt().Encode(), nil); !errors.Is(err, wire.ErrLeaseMalformed) {
		t.Errorf("a receipt opens as a lease: %v", err)
	}
}

func TestReceiptForm(t *testing.T) {
	for name, change := range map[string]func(*wire.Receipt){
		"bytes without a job":   func(r *wire.Receipt) { r.Job = "" },
		"online time in a job":  func(r *wire.Receipt) { r.OnlineSeconds = 1 },
		"job in colour":         func(r *wire.Receipt) { r.Job = "\x1b[31m" },
		"job that is not UTF-8": func(r *wire.Receipt) { r.Job = "\xc3" },
		"count beyond the sums": func(r *wire.Receipt) { r.BytesDown = 1 << 62 },
	} {
		t.Run(name, func(t *testing.T) {
			r := newReceipt()
			change(r)
			if _, err := wire.DecodeReceipt(r.Encode()); !errors.Is(err, wire.ErrReceiptMalformed) {
				t.Errorf("%v, want ErrReceiptMalformed", err)
			}
		})
	}
}

func FuzzDecodeReceipt(f *testing.F) {
	f.Add(newReceipt().Encode())
	f.Add([]byte("fallow-receipt-v1\n"))
	f.Fuzz(func(t *testing.T, encoded []byte) {
		r, err := wire.DecodeReceipt(encoded)
		if err != nil {
			return
		}
		if !bytes.Equal(r.Encode(), encoded) {
			t.Error("an accepted receipt has a second encoding")
		}
	})
}
