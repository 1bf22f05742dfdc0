package dataset

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/mr-tron/base58"

	"github.com/fallow-network/fallow/dataset/jsonrpc"
)

// The programs that write memos on Solana, the present one and the first.
var memoPrograms = []string{"MemoSq4gqABAXKb96qnH8TysNcWxMyWCqXgDLGmfcHr", "Memo1UhkJRfHyvLMcVucJwxXeuD728EqVddwQDwxFMNo"}

// Memo is the text that commits the version to a chain: whoever finds it there
// knows that these rows existed when the block was made.
func (m *Manifest) Memo() string {
	return fmt.Sprintf("fallow-dataset-v1 %s %d %s", m.Dataset, m.Version, m.Root)
}

// Commitment is what a chain says of a version.
type Commitment struct {
	Host    string    `json:"host"` // of the endpoint that was asked
	Memo    string    `json:"memo"` // as found
	Signers []string  `json:"signers"`
	Slot    uint64    `json:"slot"`
	Time    time.Time `json:"time,omitzero"` // of the block
}

// ErrNotCommitted says that a transaction is there and final but does not commit
// the version.
var ErrNotCommitted = errors.New("the transaction does not commit this version")

// chainTries is how often an endpoint is asked, with growing pauses.
const chainTries = 3

// Committed asks a Solana RPC endpoint for a finalized transaction and looks for
// the version's memo in it. The error wraps ErrNotCommitted if the answer is no;
// any other means that the endpoint gave none. It takes at most about a minute
// and a half, or until ctx ends.
func (m *Manifest) Committed(ctx context.Context, endpoint, signature string) (c Commitment, err error) {
	client, err := jsonrpc.New(endpoint)
	if err != nil {
		return c, err
	}
	if raw, err := base58.Decode(signature); err != nil || len(raw) != 64 {
		return c, fmt.Errorf("%.100q is not the signature of a Solana transaction (64 bytes in base58)", signature)
	}
	var t transaction
	for try := 1; ; try++ {
		err = client.Call(ctx, &t, "getTransaction", signature, map[string]any{"encoding": "json", "commitment": "finalized", "maxSupportedTransactionVersion": 0})
		var said *jsonrpc.Error
		if err == nil || try == chainTries || errors.As(err, &said) && said.Code > -32000 {
			break
		}
		select {
		case <-time.After(time.Duration(try) * time.Second):
		case <-ctx.Done():
			return c, ctx.Err()
		}
	}
	if errors.Is(err, jsonrpc.ErrNothing) {
		return c, fmt.Errorf("%s knows no finalized transaction %s", client.Host(), signature)
	}
	if err != nil {
		return c, err
	}
	c.Host, c.Slot = client.Host(), t.Slot
	if t.BlockTime > 0 {
		c.Time = time.Unix(t.BlockTime, 0).UTC()
	}
	return c, t.commits(m.Memo(), &c)
}

// transaction is what is needed of an answer to getTransaction.
type transaction struct {
	Slot      uint64 `json:"slot"`
	BlockTime int64  `json:"blockTime"`
	Meta      struct {
		Err json.RawMessage `json:"err"`
	} `json:"meta"`
	Transaction struct {
		Message struct {
			Header struct {
				Signatures int `json:"numRequiredSignatures"`
			} `json:"header"`
			Accounts     []string `json:"accountKeys"`
			Instructions []struct {
				Program int    `json:"programIdIndex"`
				Data    string `json:"data"`
			} `json:"instructions"`
		} `json:"message"`
	} `json:"transaction"`
}

// commits looks for the memo and fills what is found into c.
func (t *transaction) commits(memo string, c *Commitment) error {
	if len(t.Meta.Err) > 0 && string(t.Meta.Err) != "null" {
		return fmt.Errorf("%w: it failed (%.100s)", ErrNotCommitted, t.Meta.Err)
	}
	message := &t.Transaction.Message
	c.Signers = message.Accounts[:max(0, min(message.Header.Signatures, len(message.Accounts)))]
	var found []string
	for _, i := range message.Instructions {
		if i.Program < 0 || i.Program >= len(message.Accounts) || !slices.Contains(memoPrograms, message.Accounts[i.Program]) {
			continue
		}
		text, err := base58.Decode(i.Data)
		if err != nil {
			continue
		}
		if string(text) == memo {
			c.Memo = memo
			return nil
		}
		found = append(found, fmt.Sprintf("%.200q", text))
	}
	if len(found) == 0 {
		return fmt.Errorf("%w: it holds no memo; expected %q", ErrNotCommitted, memo)
	}
	return fmt.Errorf("%w: its memo is %s; expected %q", ErrNotCommitted, strings.Join(found, " and "), memo)
}
