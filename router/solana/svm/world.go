package svm

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"net/http"

	"github.com/fallow-network/fallow/relay/wire"
)

// World is one chain of a Runtime. Worlds do not see each other.
type World struct {
	runtime *Runtime
	name    string
}

// World is the world of that name, new if there was none.
func (r *Runtime) World(name string) *World { return &World{runtime: r, name: name} }

// Endpoint is the URL of one of the world's RPC endpoints; each can have faults
// of its own.
func (w *World) Endpoint(n int) string {
	return fmt.Sprintf("%s/%s/rpc/%d", w.runtime.url, w.name, n)
}

// Fault is one thing that goes wrong. See front/faults.mjs for the kinds.
type Fault struct {
	Kind  string `json:"kind"`
	Times int    `json:"times"`         // requests, or transactions, it acts on
	RPC   *int   `json:"rpc,omitempty"` // the endpoint; nil is all
}

// Kinds are all faults there are.
func Kinds() []string {
	return []string{"drop", "lostReply", "late", "lateExpired", "rollback", "storm", "stale", "garbage", "disagree", "wrongAmount"}
}

// Arm makes a fault happen.
func (w *World) Arm(ctx context.Context, f Fault) error {
	return w.control(ctx, map[string]any{"op": "fault", "fault": f}, nil)
}

// Calm takes back what was armed.
func (w *World) Calm(ctx context.Context) error {
	return w.control(ctx, map[string]any{"op": "clear"}, nil)
}

// Hits is how often a fault has acted.
func (w *World) Hits(ctx context.Context) (hits int, err error) {
	var state struct{ Hits int }
	err = w.control(ctx, map[string]any{"op": "advance", "blocks": 0}, &state)
	return state.Hits, err
}

// Advance makes blocks.
func (w *World) Advance(ctx context.Context, blocks int) error {
	return w.control(ctx, map[string]any{"op": "advance", "blocks": blocks}, nil)
}

// PerRequest makes so many blocks with every request, for a clock that does not
// tick.
func (w *World) PerRequest(ctx context.Context, blocks int) error {
	return w.control(ctx, map[string]any{"op": "per", "blocks": blocks}, nil)
}

// End forgets the world.
func (w *World) End(ctx context.Context) error {
	return w.control(ctx, map[string]any{"op": "end"}, nil)
}

// Programs and sizes that Put fills in.
const (
	systemProgram    = "11111111111111111111111111111111"
	tokenProgram     = "TokenkegQfeZyiNwAJbNbGKPFXCWuBvf9Ss623VQ5DA"
	mintSize         = 82
	tokenAccountSize = 165
	tokenRent        = 2_039_280 // lamports
)

// Fund gives an address lamports.
func (w *World) Fund(ctx context.Context, address wire.Key, lamports int64) error {
	return w.put(ctx, address, lamports, systemProgram, nil)
}

// Mint makes a classic SPL token with 6 decimals.
func (w *World) Mint(ctx context.Context, mint, authority wire.Key) error {
	data := make([]byte, mintSize)
	binary.LittleEndian.PutUint32(data, 1)
	copy(data[4:], authority[:])
	binary.LittleEndian.PutUint64(data[36:], 1<<60) // supply
	data[44], data[45] = 6, 1                       // decimals, initialized
	return w.put(ctx, mint, tokenRent, tokenProgram, data)
}

// Give makes a token account at account, whose owner is owner, with so many base
// units.
func (w *World) Give(ctx context.Context, account, mint, owner wire.Key, units uint64, frozen bool) error {
	data := make([]byte, tokenAccountSize)
	copy(data, mint[:])
	copy(data[32:], owner[:])
	binary.LittleEndian.PutUint64(data[64:], units)
	data[108] = 1
	if frozen {
		data[108] = 2
	}
	return w.put(ctx, account, tokenRent, tokenProgram, data)
}

func (w *World) put(ctx context.Context, key wire.Key, lamports int64, owner string, data []byte) error {
	return w.control(ctx, map[string]any{
		"op": "account", "key": key.String(), "lamports": fmt.Sprint(lamports), "owner": owner, "data": base64.StdEncoding.EncodeToString(data),
	}, nil)
}

func (w *World) control(ctx context.Context, body any, into any) error {
	raw, err := json.Marshal(body)
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, w.runtime.url+"/"+w.name+"/control", bytes.NewReader(raw))
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return fmt.Errorf("control the test chain: %w", err)
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(response.Body, 1<<20))
	if err != nil {
		return fmt.Errorf("control the test chain: %w", err)
	}
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("control the test chain: %s: %s", response.Status, answer)
	}
	if into == nil {
		return nil
	}
	return json.Unmarshal(answer, into)
}
