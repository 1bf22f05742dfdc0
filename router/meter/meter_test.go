package meter_test

import (
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/fallow-network/fallow/relay/wire"
	"github.com/fallow-network/fallow/relay/wire/pb"
	"github.com/fallow-network/fallow/router/meter"
)

func TestCountsAreCumulative(t *testing.T) {
	k := newKit(t)
	a := k.account("job")
	a.AddDown(100)
	a.AddUp(10)
	a.AddTunnel(true)
	a.AddTunnel(false)
	if got := k.Pending(k.key); got != 110 {
		t.Errorf("pending %d, want 110", got)
	}
	first := k.propose(1)[0]
	if first.BytesDown != 100 || first.BytesUp != 10 || first.Tunnels != 1 || first.Failures != 1 || first.Sequence != 1 {
		t.Errorf("first receipt: %+v", first)
	}
	if err := first.VerifyRouter(); err != nil {
		t.Error(err)
	}
	a.AddDown(5)
	if second := k.propose(1)[0]; second.BytesDown != 105 || second.Sequence != 2 {
		t.Errorf("second receipt: %+v", second)
	}
	if k.Pending(k.key) != 0 {
		t.Errorf("pending %d after a proposal", k.Pending(k.key))
	}
}

// An unsigned proposal is repeated to the letter; a signed one is not.
func TestProposalIsRepeatedUntilSigned(t *testing.T) {
	k := newKit(t)
	k.account("job").AddDown(100)
	first := k.propose(1)[0]
	if again := k.propose(1)[0]; again.Sequence != first.Sequence || string(again.RouterSig) != string(first.RouterSig) {
		t.Errorf("repeated as %+v, was %+v", again, first)
	}
	k.answer(k.sign(first), true)
	k.propose(0)
	if len(k.db.receipts[place{k.key, 1, "job"}].NodeSig) == 0 {
		t.Error("countersignature not stored")
	}
}

func TestRestartContinuesFromTheDatabase(t *testing.T) {
	k := newKit(t)
	k.account("job").AddDown(100)
	k.answer(k.sign(k.propose(1)[0]), true)
	k.restart(1)
	k.propose(0)
	k.account("job").AddDown(1)
	if r := k.propose(1)[0]; r.BytesDown != 101 || r.Sequence != 2 {
		t.Errorf("after the restart: %+v", r)
	}
}

// Between rotation and closing the database still calls the old epoch open. A
// node that comes back then must not start the new one with the old's counts.
func TestNodeComingBackWhileAnEpochCloses(t *testing.T) {
	k := newKit(t)
	k.account("job").AddDown(100)
	k.propose(1)
	k.restart(1)
	k.rotate(2)
	k.account("job").AddDown(7)
	k.Sealed()
	if r := k.propose(1)[0]; r.Epoch != 2 || r.BytesDown != 7 {
		t.Errorf("first receipt of epoch 2: %+v", r)
	}
}

func TestRotation(t *testing.T) {
	k := newKit(t)
	a := k.account("job")
	a.AddDown(100)
	k.rotate(2)
	a.AddDown(20)
	closing := k.propose(1)[0]
	if closing.Epoch != 1 || closing.BytesDown != 100 || k.Unsigned() != 1 {
		t.Fatalf("closing receipt %+v, %d unsigned", closing, k.Unsigned())
	}
	k.propose(1) // again, and nothing of epoch 2 yet
	k.answer(k.sign(closing), true)
	if k.Unsigned() != 0 {
		t.Errorf("%d unsigned after the signature", k.Unsigned())
	}
	k.Sealed()
	if r := k.propose(1)[0]; r.Epoch != 2 || r.BytesDown != 20 || r.Sequence != 1 {
		t.Errorf("first receipt of epoch 2: %+v", r)
	}
	k.answer(k.sign(closing), false) // late
}

func TestUnsignedClosingReceiptsEndWithTheSeal(t *testing.T) {
	k := newKit(t)
	k.account("job").AddDown(100)
	k.rotate(2)
	for range 3 {
		k.propose(1)
	}
	k.Sealed()
	k.propose(0)
	if k.Unsigned() != 0 {
		t.Errorf("%d unsigned after the seal", k.Unsigned())
	}
}

// Nothing falls between two epochs or into both, however many tunnels count
// while epochs turn.
func TestRotationUnderLoadLosesNothing(t *testing.T) {
	k := newKit(t)
	const tunnels, adds = 8, 20_000
	var adding sync.WaitGroup
	for i := range tunnels {
		adding.Go(func() {
			job := []string{"a", "b"}[i%2]
			for range adds / 100 {
				a, err := k.Account(t.Context(), k.key, job)
				if err != nil {
					t.Error(err)
					return
				}
				for range 100 {
					a.AddDown(3)
				}
				if err := k.Online(t.Context(), k.key, "", "", time.Second); err != nil {
					t.Error(err)
				}
			}
		})
	}
	stop := make(chan struct{})
	turned := make(chan uint64)
	go func() {
		epoch := uint64(1)
		for {
			select {
			case <-stop:
				turned <- epoch
				return
			default:
			}
			if _, err := k.Propose(t.Context(), k.key); err != nil {
				t.Error(err)
			}
			if err := k.Rotate(t.Context(), epoch+1); err != nil {
				t.Error(err)
			}
			k.Sealed()
			epoch++
		}
	}()
	adding.Wait()
	close(stop)
	epochs := <-turned
	if err := k.Checkpoint(t.Context()); err != nil {
		t.Fatal(err)
	}
	down, online := k.db.sum()
	if down != tunnels*adds*3 || online != tunnels*adds/100 {
		t.Errorf("after %d epochs %d bytes and %d s are stored, %d and %d were added", epochs, down, online, tunnels*adds*3, tunnels*adds/100)
	}
}

// A tunnel may hold its account over any number of quiet epochs.
func TestAccountInHandOutlivesQuietEpochs(t *testing.T) {
	k := newKit(t)
	a := k.account("job")
	for epoch := uint64(2); epoch < 5; epoch++ {
		k.rotate(epoch)
		k.Sealed()
	}
	a.AddDown(42)
	if r := k.propose(1)[0]; r.BytesDown != 42 {
		t.Errorf("%+v", r)
	}
}

func TestAnswersThatAreNotTaken(t *testing.T) {
	k := newKit(t)
	a := k.account("job")
	a.AddDown(100)
	first := k.propose(1)[0]
	a.AddDown(100)
	second := k.propose(1)[0]

	change := func(f func(*pb.ReceiptAnswer)) *pb.ReceiptAnswer {
		answer := k.sign(second)
		f(answer)
		return answer
	}
	for _, c := range []struct {
		name   string
		answer *pb.ReceiptAnswer
		want   error
	}{
		{"overtaken", k.sign(first), nil},
		{"overtaken dispute", dispute(first), nil},
		{"long over", change(func(a *pb.ReceiptAnswer) { a.Epoch = 0 }), nil},
		{"of nothing", &pb.ReceiptAnswer{Epoch: 1, Job: ""}, meter.ErrAnswer},
		{"dispute of nothing", &pb.ReceiptAnswer{Epoch: 1, Reason: pb.Reason_RECEIPT_DISPUTED}, meter.ErrAnswer},
		{"sequence to come", change(func(a *pb.ReceiptAnswer) { a.Sequence++ }), meter.ErrAnswer},
		{"epoch to come", change(func(a *pb.ReceiptAnswer) { a.Epoch++ }), meter.ErrAnswer},
		{"unknown job", change(func(a *pb.ReceiptAnswer) { a.Job = "x" }), meter.ErrAnswer},
		{"bad signature", change(func(a *pb.ReceiptAnswer) { a.NodeSignature[3] ^= 1 }), wire.ErrReceiptSignature},
		{"no signature", change(func(a *pb.ReceiptAnswer) { a.NodeSignature = nil }), wire.ErrReceiptSignature},
	} {
		t.Run(c.name, func(t *testing.T) {
			before := k.db.writes
			taken, err := k.Countersign(t.Context(), k.key, c.answer)
			if taken || !errors.Is(err, c.want) {
				t.Errorf("taken %t, error %v; want error %v", taken, err, c.want)
			}
			if k.db.writes != before {
				t.Error("something was written")
			}
		})
	}
	k.answer(k.sign(second), true)
	// Said again it costs no disk.
	before := k.db.writes
	k.answer(k.sign(second), false)
	k.answer(dispute(second), false)
	if k.db.writes != before || len(k.db.disputes) != 0 {
		t.Error("something was written")
	}
}

func TestDisputeIsStoredOnceAndMayStillBeSigned(t *testing.T) {
	k := newKit(t)
	k.account("job").AddDown(100)
	r := k.propose(1)[0]
	k.answer(dispute(r), true)
	k.answer(dispute(r), false)
	if len(k.db.disputes) != 1 {
		t.Fatalf("disputes: %+v", k.db.disputes)
	}
	if d := k.db.disputes[0]; d.RouterDown != 100 || d.NodeDown != 1<<40 || d.Sequence != 1 || d.Reason != wire.ReceiptDisputed || d.Node != k.key {
		t.Errorf("dispute: %+v", d)
	}
	k.answer(k.sign(k.propose(1)[0]), true)
}

// A write that failed may have been kept all the same: its sequence is not used
// for other counts.
func TestFailingDiskLeavesEverythingToBeTriedAgain(t *testing.T) {
	for _, kept := range []bool{false, true} {
		k := newKit(t)
		a := k.account("job")
		a.AddDown(100)
		fail := func(failing bool) { k.db.set(failing && !kept, failing && kept) }
		fail(true)
		if _, err := k.Propose(t.Context(), k.key); !errors.Is(err, errDisk) {
			t.Fatalf("propose: %v", err)
		}
		a.AddDown(1)
		if err := k.Rotate(t.Context(), 2); !errors.Is(err, errDisk) || k.Epoch() != 1 {
			t.Fatalf("rotate: %v, epoch %d", err, k.Epoch())
		}
		fail(false)
		a.AddDown(1)
		r := k.propose(1)[0]
		if r.BytesDown != 102 || r.Epoch != 1 {
			t.Errorf("after the failure: %+v", r)
		}
		fail(true)
		if _, err := k.Countersign(t.Context(), k.key, k.sign(r)); !errors.Is(err, errDisk) {
			t.Errorf("countersign: %v", err)
		}
		fail(false)
		k.answer(k.sign(r), true)
		k.rotate(2)
	}
}

// Accounts of jobs that have long ended do not gather.
func TestEndedJobsAreForgotten(t *testing.T) {
	k := newKit(t)
	k.account("old").AddDown(1)
	k.rotate(2)
	k.Sealed()
	held := k.account("old")
	k.now = k.now.Add(2 * time.Hour)
	k.rotate(3) // idle through epoch 2
	k.Sealed()
	if k.account("old") == held {
		t.Error("the account of an ended job is still there")
	}
}
