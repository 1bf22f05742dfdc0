package relay_test

import (
	"log/slog"
	"strings"
	"sync"
	"testing"

	"github.com/fallow-network/fallow/relay"
	"github.com/fallow-network/fallow/relay/wire/pb"
)

// logbook is a log in memory.
type logbook struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *logbook) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logbook) count(what string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Count(l.text.String(), what)
}

func TestARouterDoesNotFillTheLog(t *testing.T) {
	r := startRouter(t, newKey(t), "")
	log := new(logbook)
	node, err := relay.New(slog.New(slog.NewTextHandler(log, nil)), config(t, r.addr()))
	if err != nil {
		t.Fatal(err)
	}
	n := run(t, node)
	consent(t, n)
	receive(t, "hello", r.hellos)
	eventually(t, "connected", func() bool { return n.Status().Routers[0].Connected })
	for range 300 {
		r.say(&pb.RouterMessage{Body: &pb.RouterMessage_Activity{Activity: &pb.Activity{Serial: []byte("short")}}})
	}
	r.say(&pb.RouterMessage{Body: &pb.RouterMessage_Ping{Ping: &pb.Ping{Nonce: 1}}})
	for receive(t, "pong", r.said).GetPong() == nil {
	}
	if got := log.count("activity not written"); got == 0 || got > 20 {
		t.Errorf("300 bad messages make %d lines", got)
	}
}
