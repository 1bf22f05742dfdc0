// Package jsonrpc asks one JSON-RPC 2.0 endpoint over HTTP, within bounds: on
// time, on the size of an answer, and on what its errors tell. The address of
// an endpoint often holds a key, so no error names more of it than the host.
//
// It knows no methods. Whatever speaks to Solana uses it: the router to pay,
// and fallow-data to check that it has.
package jsonrpc

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Bounds on an answer.
const (
	maxAnswer = 16 << 20 // bytes
	maxTime   = 20 * time.Second
	maxText   = 200 // bytes of an endpoint's own words in an error
)

// Client is one endpoint. It is safe for concurrent use.
type Client struct {
	url  string
	host string
	http *http.Client
}

// ErrLimited says that the endpoint wants to be asked less often.
var ErrLimited = errors.New("asks for fewer requests (HTTP 429)")

// ErrNothing says that the result is null: for some methods, that there is no
// such thing.
var ErrNothing = errors.New("answers nothing")

// Error is an answer that says no.
type Error struct {
	Code    int    `json:"code"`
	Message string `json:"message"`
}

func (e *Error) Error() string { return fmt.Sprintf("answers %d: %s", e.Code, clip(e.Message)) }

// New is a client of the endpoint at address, an http or https URL.
func New(address string) (*Client, error) {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		// The address is not repeated: it may hold a key.
		return nil, errors.New("the address of an RPC endpoint must be a URL such as https://api.mainnet-beta.solana.com")
	}
	return &Client{url: address, host: u.Host, http: &http.Client{Timeout: maxTime}}, nil
}

// Host names the endpoint without what may be secret in its address.
func (c *Client) Host() string { return c.host }

// Call asks for method and reads the result into out, strictly: a result that is
// null or of another form is an error.
func (c *Client) Call(ctx context.Context, out any, method string, params ...any) error {
	if err := c.call(ctx, out, method, params); err != nil {
		return fmt.Errorf("%s of %s: %w", method, c.host, err)
	}
	return nil
}

func (c *Client) call(ctx context.Context, out any, method string, params []any) error {
	if params == nil {
		params = []any{}
	}
	body, err := json.Marshal(map[string]any{"jsonrpc": "2.0", "id": 1, "method": method, "params": params})
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url, bytes.NewReader(body))
	if err != nil {
		return cause(err)
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := c.http.Do(request)
	if err != nil {
		return cause(err)
	}
	defer response.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer+1))
	switch {
	case response.StatusCode == http.StatusTooManyRequests:
		return ErrLimited
	case err != nil:
		return fmt.Errorf("read the answer: %w", err)
	case len(raw) > maxAnswer:
		return fmt.Errorf("the answer is larger than %d bytes", maxAnswer)
	}
	var answer struct {
		Result json.RawMessage `json:"result"`
		Error  *Error          `json:"error"`
	}
	if err := json.Unmarshal(raw, &answer); err != nil {
		return fmt.Errorf("answers %s and not JSON-RPC: %s", response.Status, clip(string(raw)))
	}
	if answer.Error != nil {
		return answer.Error
	}
	if len(answer.Result) == 0 || string(answer.Result) == "null" {
		return ErrNothing
	}
	if err := json.Unmarshal(answer.Result, out); err != nil {
		return fmt.Errorf("answers in another form than the method has: %s", clip(err.Error()))
	}
	return nil
}

// cause leaves out the address that net/http repeats.
func cause(err error) error {
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		return wrapped.Err
	}
	return err
}

// clip keeps an endpoint's words short and on one line.
func clip(text string) string {
	text = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, text)
	if len(text) > maxText {
		text = text[:maxText] + "…"
	}
	return text
}
