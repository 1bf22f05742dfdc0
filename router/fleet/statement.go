package fleet

import (
	"context"
	"time"

	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	"golang.org/x/time/rate"

	"github.com/fallow-network/fallow/relay/wire"
	"github.com/fallow-network/fallow/relay/wire/pb"
)

// Statements is where statements come from.
type Statements interface {
	// Statement is the node's of an epoch, the newest closed one for 0, or an
	// answer with the reason why there is none. An error is the router's own.
	Statement(ctx context.Context, node wire.Key, epoch uint64) (*pb.StatementAnswer, error)
}

const (
	statementsAtOnce = 16 // questions being answered; further ones wait
	statementTime    = 10 * time.Second
)

// GiveStatements answers the questions of connected nodes on h until the returned
// function is called. A node that asks without a session, or too often, is cut off.
func (f *Fleet) GiveStatements(h host.Host, from Statements) (stop func()) {
	places := make(chan struct{}, statementsAtOnce)
	h.SetStreamHandler(wire.StatementProtocol, func(stream network.Stream) {
		defer stream.Reset() // after Close it changes nothing
		ctx, cancel := context.WithTimeout(context.Background(), statementTime)
		defer cancel()
		node, err := wire.KeyFromPeer(stream.Conn().RemotePeer())
		if err != nil || stream.SetDeadline(time.Now().Add(statementTime)) != nil {
			return
		}
		s := f.session(node)
		if s == nil || !s.asks.Allow() {
			return
		}
		var q pb.StatementRequest
		if wire.ReadFrame(stream, &q, wire.MaxStatementAsk) != nil {
			return
		}
		select {
		case places <- struct{}{}:
			defer func() { <-places }()
		case <-ctx.Done():
			return
		}
		a, err := from.Statement(ctx, node, q.GetEpoch())
		if err != nil {
			f.log.Error("statement not given", "node", node, "epoch", q.GetEpoch(), "error", err)
			return
		}
		if err := wire.WriteFrame(stream, a, wire.MaxStatement); err != nil {
			f.log.Debug("statement not taken", "node", node, "error", err)
			return
		}
		_ = stream.Close()
	})
	return func() { h.RemoveStreamHandler(wire.StatementProtocol) }
}

// newAsks bounds how often one node may ask: a node that was away fetches some
// weeks at once, and then one now and then.
func newAsks() *rate.Limiter { return rate.NewLimiter(1, 64) }
