package jsonrpc_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/fallow-network/fallow/dataset/jsonrpc"
)

// answering is a client of an endpoint that answers everything alike. Its
// address holds a secret, as many do.
func answering(t testing.TB, status int, body string) *jsonrpc.Client {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = fmt.Fprint(w, body)
	}))
	t.Cleanup(server.Close)
	c, err := jsonrpc.New(server.URL + "/v2/s3cret?key=s3cret")
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestAnswers(t *testing.T) {
	var height uint64
	if err := answering(t, 200, `{"jsonrpc":"2.0","id":1,"result":17}`).Call(t.Context(), &height, "getBlockHeight"); err != nil || height != 17 {
		t.Fatalf("%d %v", height, err)
	}
	for name, body := range map[string]string{
		"html": "<html>", "cut": `{"result":1`, "nothing": "", "other form": `{"result":"x"}`, "negative": `{"result":-1}`,
		"null": `{"result":null}`, "refusal": `{"error":{"code":-32005,"message":"behind\nby many"}}`, "large": `{"result":"` + strings.Repeat("a", 17<<20) + `"}`,
	} {
		err := answering(t, 200, body).Call(t.Context(), &height, "getBlockHeight")
		if err == nil || strings.Contains(err.Error(), "s3cret") || strings.ContainsRune(err.Error(), '\n') || len(err.Error()) > 500 {
			t.Errorf("%s: %.300v", name, err)
		}
		if (name == "null") != errors.Is(err, jsonrpc.ErrNothing) {
			t.Errorf("%s: %v", name, err)
		}
		var refused *jsonrpc.Error
		if (name == "refusal") != errors.As(err, &refused) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := answering(t, 429, "slow down").Call(t.Context(), &height, "getBlockHeight"); !errors.Is(err, jsonrpc.ErrLimited) {
		t.Errorf("429: %v", err)
	}
	gone := answering(t, 200, "")
	http.DefaultClient.CloseIdleConnections()
	nobody, err := jsonrpc.New("http://127.0.0.1:1/s3cret")
	if err != nil {
		t.Fatal(err)
	}
	if err := nobody.Call(t.Context(), &height, "getBlockHeight"); err == nil || strings.Contains(err.Error(), "s3cret") || gone.Host() == "" {
		t.Errorf("nobody there: %v", err)
	}
	for _, address := range []string{"", "ftp://x", "://s3cret", "host:80"} {
		if _, err := jsonrpc.New(address); err == nil || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%q: %v", address, err)
		}
	}
}

func FuzzAnswer(f *testing.F) {
	f.Add(`{"jsonrpc":"2.0","id":1,"result":{"value":[1,null]}}`)
	f.Add(`{"error":{"code":1,"message":"x"}}`)
	f.Add(`{"result":null}`)
	f.Fuzz(func(t *testing.T, body string) {
		var out struct {
			Value []*uint64 `json:"value"`
		}
		_ = answering(t, 200, body).Call(t.Context(), &out, "anything") // must not panic
	})
}
