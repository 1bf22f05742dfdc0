package router

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"errors"
	"slices"
	"sync"

	"github.com/fallow-network/fallow/dataset/merkle"
	"github.com/fallow-network/fallow/relay/wire"
	"github.com/fallow-network/fallow/relay/wire/pb"
	"github.com/fallow-network/fallow/router/fleet"
	"github.com/fallow-network/fallow/router/ledger"
	"github.com/fallow-network/fallow/router/store"
)

// statements gives nodes their lines of closed epochs, each with its proof. It
// holds the trees of the epochs asked for last: after a close every node asks for
// the same one.
type statements struct {
	store *store.Store
	key   ed25519.PrivateKey

	mu    sync.Mutex
	trees []*proven // the most recently used first, at most maxTrees
}

// maxTrees bounds the memory: a tree of a million nodes takes some 200 MB.
const maxTrees = 2

// proven is a closed epoch, ready to prove any of its lines.
type proven struct {
	epoch ledger.Epoch
	lines []ledger.Statement // by node key
	tree  *merkle.Tree
	root  *wire.Root
}

var _ fleet.Statements = (*statements)(nil)

// Statement implements fleet.Statements.
func (s *statements) Statement(ctx context.Context, node wire.Key, number uint64) (*pb.StatementAnswer, error) {
	e, err := s.epoch(ctx, number)
	switch {
	case errors.Is(err, ledger.ErrNoEpoch):
		return &pb.StatementAnswer{Reason: pb.Reason_EPOCH_UNKNOWN, Epoch: number}, nil
	case err != nil:
		return nil, err
	case e.State != ledger.StateClosed:
		return &pb.StatementAnswer{Reason: pb.Reason_EPOCH_OPEN, Epoch: e.Number}, nil
	}
	p, err := s.prove(ctx, e)
	if err != nil {
		return nil, err
	}
	i, found := slices.BinarySearchFunc(p.lines, node, func(line ledger.Statement, key wire.Key) int {
		return bytes.Compare(line.Node[:], key[:])
	})
	if !found {
		return &pb.StatementAnswer{Reason: pb.Reason_STATEMENT_NONE, Epoch: e.Number}, nil
	}
	path, err := p.tree.Prove(i)
	if err != nil {
		return nil, err
	}
	return p.answer(i, path), nil
}

// epoch is that of the number, the newest closed one for 0; if none has closed, it
// is one that is not.
func (s *statements) epoch(ctx context.Context, number uint64) (ledger.Epoch, error) {
	if number != 0 {
		return s.store.Epoch(ctx, number)
	}
	e, err := s.store.Epoch(ctx, 0)
	for err == nil && e.State != ledger.StateClosed && e.Number > 1 {
		e, err = s.store.Epoch(ctx, e.Number-1)
	}
	return e, err
}

func (s *statements) prove(ctx context.Context, e ledger.Epoch) (*proven, error) {
	s.mu.Lock()
	defer s.mu.Unlock() // whoever else asks for the same waits for it
	if i := slices.IndexFunc(s.trees, func(p *proven) bool { return p.epoch.Number == e.Number }); i >= 0 {
		p := s.trees[i]
		s.trees = slices.Insert(slices.Delete(s.trees, i, i+1), 0, p)
		return p, nil
	}
	f, err := s.store.EpochFile(ctx, e.Number)
	if errors.Is(err, store.ErrNotFound) {
		f, err = &ledger.File{}, nil // closed by an earlier version, whose lines nobody proves any more
	}
	if err != nil {
		return nil, err
	}
	p := &proven{epoch: e, lines: f.Statements, tree: ledger.Tree(e.Number, f.Statements)}
	p.root = &wire.Root{Router: wire.KeyOf(s.key), Epoch: e.Number, Nodes: uint64(len(f.Statements)), Tree: e.Root, File: e.Hash}
	p.root.Sign(s.key)
	s.trees = append([]*proven{p}, s.trees[:min(len(s.trees), maxTrees-1)]...)
	return p, nil
}

func (p *proven) answer(i int, path []merkle.Hash) *pb.StatementAnswer {
	line, e := &p.lines[i], p.epoch
	leaf := line.WireLeaf(e.Number)
	a := &pb.StatementAnswer{
		Reason: pb.Reason_OK, Epoch: e.Number, Root: p.root.Encode(), RootSignature: p.root.Signature,
		Leaf: leaf.Encode(), Index: uint64(i),
		BytesSigned: line.BytesSigned, BytesUnsigned: line.BytesUnsigned, BytesDisputed: line.BytesDisputed,
		OnlineSeconds: line.Online(), StandingPermille: uint32(line.Standing), ScarcityPermille: uint32(e.Params.Scarcity(line.Country)),
		Carriage: uint64(line.Carriage), Availability: uint64(line.Availability),
		Correction: uint64(line.Correction), BytesLate: line.BytesLate,
		StartUnixMilli: e.Start.UnixMilli(), EndUnixMilli: e.End.UnixMilli(),
	}
	for _, h := range path {
		a.Path = append(a.Path, h[:])
	}
	for _, r := range line.Reasons {
		a.StandingReasons = append(a.StandingReasons, pb.Reason(r))
	}
	return a
}
