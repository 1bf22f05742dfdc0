package dataset_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/mr-tron/base58"

	"github.com/fallow-network/fallow/dataset"
)

const memoProgram = "MemoSq4gqABAXKb96qnH8TysNcWxMyWCqXgDLGmfcHr"

// rpc answers getTransaction with a result.
func rpc(t *testing.T, result string) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var ask struct {
			Method string
			Params []any
		}
		if err := json.NewDecoder(r.Body).Decode(&ask); err != nil || ask.Method != "getTransaction" || len(ask.Params) != 2 {
			t.Errorf("asked for %+v, %v", ask, err)
		}
		fmt.Fprintf(w, `{"jsonrpc":"2.0","id":1,%s}`, result)
	}))
	t.Cleanup(server.Close)
	return server.URL
}

func transactionWith(program, memo, failed string) string {
	return fmt.Sprintf(`"result":{"slot":77,"blockTime":1790000000,"meta":{"err":%s},"transaction":{"message":{"header":{"numRequiredSignatures":1},
		"accountKeys":["Signer1111111111111111111111111111111111111","ComputeBudget111111111111111111111111111111",%q],
		"instructions":[{"programIdIndex":1,"data":"3"},{"programIdIndex":9,"data":"3"},{"programIdIndex":2,"data":%q}]}}}`, failed, program, base58.Encode([]byte(memo)))
}

func TestRootIsLookedForOnTheChain(t *testing.T) {
	v, err := dataset.OpenVersion(publish(t, 10))
	if err != nil {
		t.Fatal(err)
	}
	m := v.Manifest
	signature := base58.Encode(make([]byte, 64))
	c, err := m.Committed(t.Context(), rpc(t, transactionWith(memoProgram, m.Memo(), "null")), signature)
	if err != nil || c.Slot != 77 || c.Memo != m.Memo() || len(c.Signers) != 1 || c.Time != time.Unix(1_790_000_000, 0).UTC() {
		t.Errorf("%+v, %v", c, err)
	}
	for name, result := range map[string]string{
		"another root":    transactionWith(memoProgram, m.Memo()[:len(m.Memo())-1]+"0x", "null"),
		"another version": transactionWith(memoProgram, strings.Replace(m.Memo(), " 1 ", " 2 ", 1), "null"),
		"more text":       transactionWith(memoProgram, m.Memo()+" ", "null"),
		"another program": transactionWith("ComputeBudget111111111111111111111111111111", m.Memo(), "null"),
		"failed":          transactionWith(memoProgram, m.Memo(), `{"InstructionError":[0,"Custom"]}`),
	} {
		if _, err := m.Committed(t.Context(), rpc(t, result), signature); !errors.Is(err, dataset.ErrNotCommitted) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, result := range map[string]string{
		"not known": `"result":null`, "refused": `"error":{"code":-32602,"message":"no"}`, "another form": `"result":{"slot":"x"}`,
	} {
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond) // the pauses between tries are not waited for
		defer cancel()
		if _, err := m.Committed(ctx, rpc(t, result), signature); err == nil || errors.Is(err, dataset.ErrNotCommitted) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := m.Committed(t.Context(), "ftp://x", signature); err == nil {
		t.Error("an endpoint that is none")
	}
	if _, err := m.Committed(t.Context(), "http://127.0.0.1:1", "xyz"); err == nil || !strings.Contains(err.Error(), "signature") {
		t.Errorf("a signature that is none: %v", err)
	}
}
