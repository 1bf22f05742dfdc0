package earnings_test

import (
	"crypto/ed25519"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/fallow-network/fallow/dataset/merkle"
	"github.com/fallow-network/fallow/relay/earnings"
	"github.com/fallow-network/fallow/relay/wire"
	"github.com/fallow-network/fallow/relay/wire/pb"
)

var (
	routerKey = ed25519.NewKeyFromSeed([]byte(strings.Repeat("r", 32)))
	router    = wire.KeyOf(routerKey)
	node      = wire.Key{5}
)

// answer is an honest router's, for an epoch of ten nodes.
func answer(epoch, amount, cumulative uint64) *pb.StatementAnswer {
	var leaves []merkle.Hash
	var mine []byte
	for i := range byte(10) {
		leaf := wire.Leaf{Epoch: epoch, Node: wire.Key{i}, Amount: uint64(i), Cumulative: uint64(i)}
		if leaf.Node == node {
			leaf.Amount, leaf.Cumulative = amount, cumulative
			mine = leaf.Encode()
		}
		leaves = append(leaves, merkle.Leaf(leaf.Encode()))
	}
	tree := merkle.NewTree(leaves)
	root := &wire.Root{Router: router, Epoch: epoch, Nodes: 10, Tree: tree.Root(), File: merkle.Hash{7}}
	root.Sign(routerKey)
	a := &pb.StatementAnswer{
		Reason: pb.Reason_OK, Epoch: epoch, Root: root.Encode(), RootSignature: root.Signature, Leaf: mine, Index: 5,
		Carriage: amount, StandingPermille: 1000, ScarcityPermille: 1000,
		StartUnixMilli: time.Unix(0, 0).UnixMilli(), EndUnixMilli: time.Unix(3600, 0).UnixMilli(),
	}
	path, err := tree.Prove(5)
	if err != nil {
		panic(err)
	}
	for _, h := range path {
		a.Path = append(a.Path, h[:])
	}
	return a
}

func check(t *testing.T, a *pb.StatementAnswer) *earnings.Statement {
	t.Helper()
	s, err := earnings.Check(router, node, 0, a)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestProvenStatement(t *testing.T) {
	s := check(t, answer(3, 4_500_000, 9_000_001))
	if s.Epoch != 3 || s.Amount != 4_500_000 || s.Cumulative.String() != "9.000001" || s.Nodes != 10 {
		t.Errorf("%+v", s)
	}
}

func TestUnprovenStatements(t *testing.T) {
	stranger := ed25519.NewKeyFromSeed([]byte(strings.Repeat("s", 32)))
	for name, test := range map[string]struct {
		change func(*pb.StatementAnswer)
		want   error
	}{
		"more than the tree has": {func(a *pb.StatementAnswer) {
			a.Leaf = (&wire.Leaf{Epoch: 3, Node: node, Amount: 99, Cumulative: 99}).Encode()
		}, earnings.ErrProof},
		"signed by a stranger": {func(a *pb.StatementAnswer) { a.RootSignature = ed25519.Sign(stranger, a.Root) }, earnings.ErrProof},
		"another router's": {func(a *pb.StatementAnswer) {
			r := wire.Root{Router: wire.KeyOf(stranger), Epoch: 3, Nodes: 10}
			r.Sign(stranger)
			a.Root, a.RootSignature = r.Encode(), r.Signature
		}, earnings.ErrAbout},
		"another node's": {func(a *pb.StatementAnswer) {
			a.Leaf = (&wire.Leaf{Epoch: 3, Node: wire.Key{4}, Amount: 4, Cumulative: 4}).Encode()
			a.Index = 4
		}, earnings.ErrAbout},
		"another epoch's":   {func(a *pb.StatementAnswer) { a.Epoch = 4 }, earnings.ErrAbout},
		"another place":     {func(a *pb.StatementAnswer) { a.Index = 6 }, earnings.ErrProof},
		"a hash missing":    {func(a *pb.StatementAnswer) { a.Path = a.Path[1:] }, earnings.ErrProof},
		"a hash too short":  {func(a *pb.StatementAnswer) { a.Path[0] = a.Path[0][:31] }, earnings.ErrProof},
		"a way without end": {func(a *pb.StatementAnswer) { a.Path = slices.Repeat(a.Path, 40) }, earnings.ErrProof},
		"nothing":           {func(a *pb.StatementAnswer) { proto.Reset(a) }, earnings.ErrProof},
	} {
		t.Run(name, func(t *testing.T) {
			a := answer(3, 5, 9)
			test.change(a)
			if s, err := earnings.Check(router, node, 0, a); !errors.Is(err, test.want) {
				t.Errorf("%+v, %v, want %v", s, err, test.want)
			}
		})
	}
	if _, err := earnings.Check(router, node, 2, answer(3, 5, 9)); !errors.Is(err, earnings.ErrAbout) {
		t.Errorf("asked for 2, got 3: %v", err)
	}
}

func TestBookKeepsAndChecks(t *testing.T) {
	dir := t.TempDir()
	b := earnings.OpenBook(dir)
	for epoch := uint64(1); epoch <= 3; epoch++ {
		if err := b.Keep(check(t, answer(epoch, 5, 5*epoch))); err != nil {
			t.Fatal(err)
		}
	}
	all, damaged := earnings.OpenBook(dir).All()
	if len(all) != 3 || len(damaged) != 0 || all[2].Cumulative != 15 {
		t.Fatalf("%d statements, damaged %v", len(all), damaged)
	}
	names, err := filepath.Glob(filepath.Join(dir, earnings.DirName, "*.json"))
	if err != nil || len(names) != 3 {
		t.Fatal(names, err)
	}
	text, err := os.ReadFile(names[1])
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(names[1], []byte(strings.Replace(string(text), `"amount": "5"`, `"amount": "50"`, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	if all, damaged := b.All(); len(all) != 2 || len(damaged) != 1 {
		t.Errorf("altered on disk: %d statements, damaged %v", len(all), damaged)
	}
}

// A router that shows another result for an epoch it has shown before is caught,
// and both words of it are kept.
func TestTwoRootsAreKept(t *testing.T) {
	b := earnings.OpenBook(t.TempDir())
	if err := b.Keep(check(t, answer(1, 5, 5))); err != nil {
		t.Fatal(err)
	}
	if err := b.Keep(check(t, answer(1, 5, 5))); err != nil {
		t.Errorf("the same again: %v", err)
	}
	if err := b.Keep(check(t, answer(1, 4, 4))); !errors.Is(err, earnings.ErrTwoRoots) {
		t.Errorf("another root: %v", err)
	}
	all, damaged := b.All()
	if len(all) != 1 || all[0].Amount != 5 || len(damaged) != 1 || !errors.Is(damaged[0], earnings.ErrTwoRoots) {
		t.Errorf("%d statements, %v", len(all), damaged)
	}
}

func TestDifferencesAreExplained(t *testing.T) {
	before := check(t, answer(2, 5, 5))
	for name, test := range map[string]struct {
		change   func(*pb.StatementAnswer)
		own      earnings.Own
		what     string // "": nothing to explain
		severity earnings.Severity
	}{
		"all agrees":         {func(a *pb.StatementAnswer) { a.BytesSigned, a.OnlineSeconds = 100, 60 }, earnings.Own{Held: true, Bytes: 100, OnlineSeconds: 60}, "", ""},
		"bytes left out":     {func(a *pb.StatementAnswer) { a.BytesSigned = 90 }, earnings.Own{Held: true, Bytes: 100}, "bytes_signed", earnings.Against},
		"receipts lost here": {func(a *pb.StatementAnswer) { a.BytesSigned = 110 }, earnings.Own{Held: true, Bytes: 100}, "bytes_signed", earnings.Explained},
		"no receipts here":   {func(a *pb.StatementAnswer) { a.BytesSigned = 110 }, earnings.Own{}, "bytes_signed", earnings.Explained},
		"unsigned":           {func(a *pb.StatementAnswer) { a.BytesUnsigned = 7 }, earnings.Own{}, "bytes_unsigned", earnings.Explained},
		"disputed":           {func(a *pb.StatementAnswer) { a.BytesDisputed = 7 }, earnings.Own{}, "bytes_disputed", earnings.Explained},
		"online left out":    {func(a *pb.StatementAnswer) { a.OnlineSeconds = 30 }, earnings.Own{Held: true, OnlineSeconds: 60}, "online", earnings.Against},
		"online, epoch end":  {func(a *pb.StatementAnswer) { a.OnlineSeconds = 70 }, earnings.Own{Held: true, OnlineSeconds: 60}, "online", earnings.Explained},
		"parts do not add":   {func(a *pb.StatementAnswer) { a.Carriage = 4 }, earnings.Own{}, "amount", earnings.Against},
		"standing": {func(a *pb.StatementAnswer) {
			a.StandingPermille, a.StandingReasons = 750, []pb.Reason{pb.Reason_STALLED}
		}, earnings.Own{}, "standing", earnings.Explained},
	} {
		t.Run(name, func(t *testing.T) {
			a := answer(3, 5, 10)
			test.change(a)
			got := earnings.Compare(check(t, a), test.own, before)
			if test.what == "" {
				if len(got) != 0 {
					t.Errorf("%+v", got)
				}
				return
			}
			if len(got) != 1 || got[0].What != test.what || got[0].Severity != test.severity || got[0].Sentence == "" {
				t.Errorf("%+v", got)
			}
		})
	}
	if got := earnings.Compare(check(t, answer(3, 5, 9)), earnings.Own{}, before); len(got) != 1 || got[0].What != "cumulative" || got[0].Severity != earnings.Against {
		t.Errorf("a cumulative amount that lacks something: %+v", got)
	}
}

func TestReport(t *testing.T) {
	b := earnings.OpenBook(t.TempDir())
	for epoch := uint64(1); epoch <= 2; epoch++ {
		if err := b.Keep(check(t, answer(epoch, 5, 5*epoch))); err != nil {
			t.Fatal(err)
		}
	}
	receipts := []wire.Receipt{
		{Router: router, Node: node, Epoch: 2, Job: "j", BytesDown: 10, BytesUp: 1},
		{Router: router, Node: node, Epoch: 3, Job: "j", BytesDown: 20},
		{Router: router, Node: node, Epoch: 3, OnlineSeconds: 60},
		{Router: wire.Key{8}, Node: node, Epoch: 1, Job: "j", BytesDown: 30},
	}
	r := earnings.NewReport(node, b, receipts, 0)
	if len(r.Epochs) != 2 || r.Epochs[0].Epoch != 2 || r.Epochs[0].Own.Bytes != 11 {
		t.Errorf("epochs %+v", r.Epochs)
	}
	if len(r.Routers) != 2 || r.Routers[0].Cumulative != 10 || r.Routers[0].Newest != 2 {
		t.Errorf("routers %+v", r.Routers)
	}
	if open := r.Routers[0].Open; len(open) != 1 || open[0].Epoch != 3 || open[0].Bytes != 20 || open[0].OnlineSeconds != 60 {
		t.Errorf("open %+v", open)
	}
	if r := earnings.NewReport(wire.Key{6}, b, nil, 0); len(r.Epochs) != 0 || len(r.Routers) != 0 {
		t.Errorf("another identity's: %+v", r)
	}
}

func FuzzCheck(f *testing.F) {
	good, err := proto.Marshal(answer(3, 5, 9))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Fuzz(func(t *testing.T, raw []byte) {
		a := new(pb.StatementAnswer)
		if proto.Unmarshal(raw, a) != nil {
			return
		}
		s, err := earnings.Check(router, node, 0, a)
		if err != nil {
			return
		}
		if err := s.Verify(); err != nil || s.Node != node || s.Router != router {
			t.Errorf("taken, and does not verify: %v", err)
		}
		earnings.Compare(s, earnings.Own{Held: true}, s)
	})
}
