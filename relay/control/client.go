package control

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/fallow-network/fallow/relay"
	"github.com/fallow-network/fallow/relay/earnings"
	"github.com/fallow-network/fallow/relay/journal"
	"github.com/fallow-network/fallow/relay/payout"
	"github.com/fallow-network/fallow/relay/rules"
	"github.com/fallow-network/fallow/relay/uplink"
	"github.com/fallow-network/fallow/relay/wire"
)

// ErrNotRunning says that no agent answers for a data directory.
var ErrNotRunning = errors.New("no agent is running")

// ErrTooOld says that the agent that runs does not know what is asked of it.
var ErrTooOld = errors.New("the agent that runs is of an older version; stop it and start it again with this one")

// Client speaks to the agent of one data directory. It is safe for concurrent
// use and holds no connection between calls.
type Client struct {
	dir  string
	http http.Client
}

// NewClient makes a client for the agent that has dir, running or not.
func NewClient(dir string) *Client {
	return &Client{dir: dir, http: http.Client{
		Timeout: requestTime,
		Transport: &http.Transport{
			DisableKeepAlives: true,
			DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
				conn, err := dial(ctx, SocketPath(dir))
				if err != nil {
					return nil, fmt.Errorf("%w in %s: %w", ErrNotRunning, dir, err)
				}
				return conn, nil
			},
		},
	}}
}

// Status asks for the node's status. As for all methods, the error wraps
// ErrNotRunning when nobody answers.
func (c *Client) Status(ctx context.Context) (relay.Status, error) {
	return call[relay.Status](ctx, c, http.MethodGet, "/v1/status", nil)
}

// Journal asks for entries, oldest first. Filter.Kinds is not sent.
func (c *Client) Journal(ctx context.Context, f journal.Filter) ([]journal.Entry, error) {
	q := url.Values{}
	if !f.Since.IsZero() {
		q.Set("since", f.Since.Format(time.RFC3339))
	}
	if f.Site != "" {
		q.Set("site", f.Site)
	}
	if f.Limit > 0 {
		q.Set("limit", strconv.Itoa(f.Limit))
	}
	answer, err := call[journalAnswer](ctx, c, http.MethodGet, "/v1/journal?"+q.Encode(), nil)
	return answer.Entries, err
}

// Pause stops sharing until the given time, or until Resume if it is zero.
func (c *Client) Pause(ctx context.Context, until time.Time) (relay.Status, error) {
	return call[relay.Status](ctx, c, http.MethodPost, "/v1/pause", pauseRequest{until})
}

// Resume ends a pause.
func (c *Client) Resume(ctx context.Context) (relay.Status, error) {
	return call[relay.Status](ctx, c, http.MethodPost, "/v1/resume", nil)
}

// Consent asks for the text and what is on record.
func (c *Client) Consent(ctx context.Context) (Consent, error) {
	return call[Consent](ctx, c, http.MethodGet, "/v1/consent", nil)
}

// Accept records agreement to the text of the given version.
func (c *Client) Accept(ctx context.Context, version string) (Consent, error) {
	return call[Consent](ctx, c, http.MethodPost, "/v1/consent", consentRequest{version})
}

// Withdraw takes the agreement back; traffic ends at once.
func (c *Client) Withdraw(ctx context.Context) (Consent, error) {
	return call[Consent](ctx, c, http.MethodDelete, "/v1/consent", nil)
}

// Rules asks for the user's rules.
func (c *Client) Rules(ctx context.Context) (Rules, error) {
	return call[Rules](ctx, c, http.MethodGet, "/v1/rules", nil)
}

// Version asks who answers.
func (c *Client) Version(ctx context.Context) (Version, error) {
	return call[Version](ctx, c, http.MethodGet, "/v1/version", nil)
}

// Earnings has the agent fetch statements that are not here yet, and asks what all
// come to; epoch narrows it to one, 0 is all. It may take some seconds.
func (c *Client) Earnings(ctx context.Context, epoch uint64) (earnings.Report, error) {
	path := "/v1/earnings"
	if epoch > 0 {
		path += "?epoch=" + strconv.FormatUint(epoch, 10)
	}
	return call[earnings.Report](ctx, c, http.MethodGet, path, nil)
}

// Payout asks where payouts go.
func (c *Client) Payout(ctx context.Context) (relay.Payout, error) {
	return call[relay.Payout](ctx, c, http.MethodGet, "/v1/payout", nil)
}

// SetPayout changes where payouts go; the zero Address is the node's own key.
func (c *Client) SetPayout(ctx context.Context, to payout.Address) (relay.Payout, error) {
	if to.IsZero() {
		return call[relay.Payout](ctx, c, http.MethodDelete, "/v1/payout", nil)
	}
	return call[relay.Payout](ctx, c, http.MethodPut, "/v1/payout", to)
}

// Routers asks for the routers in force.
func (c *Client) Routers(ctx context.Context) (Routers, error) {
	return call[Routers](ctx, c, http.MethodGet, "/v1/routers", nil)
}

// SetRouters replaces the routers, home first; no restart is needed.
func (c *Client) SetRouters(ctx context.Context, addresses []string) (Routers, error) {
	return call[Routers](ctx, c, http.MethodPut, "/v1/routers", Routers{addresses})
}

// SetRules replaces the settings that have the given revision; they take effect
// at once. The error wraps rules.ErrRevision if they have another by now.
func (c *Client) SetRules(ctx context.Context, revision uint64, s rules.Settings) (Rules, error) {
	return call[Rules](ctx, c, http.MethodPut, "/v1/rules", rulesRequest{revision, s})
}

// err is the problem in words, and in sentinels where somebody branches on them.
func (p problem) err() error {
	for _, known := range []error{rules.ErrInvalid, rules.ErrRevision, relay.ErrPinned, uplink.ErrAddress, wire.ErrPayoutProof} {
		if detail, ok := strings.CutPrefix(p.Detail, known.Error()); ok {
			return fmt.Errorf("agent says: %w%s", known, detail)
		}
	}
	return fmt.Errorf("agent says: %s", p.Detail)
}

func call[A any](ctx context.Context, c *Client, method, path string, body any) (answer A, err error) {
	var content io.Reader = http.NoBody
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			return answer, fmt.Errorf("encode request: %w", err)
		}
		content = bytes.NewReader(text)
	}
	request, err := http.NewRequestWithContext(ctx, method, "http://agent"+path, content)
	if err != nil {
		return answer, fmt.Errorf("ask agent: %w", err)
	}
	response, err := c.http.Do(request)
	if err != nil {
		return answer, fmt.Errorf("ask agent: %w", err)
	}
	defer response.Body.Close()
	if response.StatusCode == http.StatusNotFound || response.StatusCode == http.StatusMethodNotAllowed {
		return answer, ErrTooOld
	}
	d := json.NewDecoder(io.LimitReader(response.Body, maxResponseBody))
	if response.StatusCode != http.StatusOK {
		var p problem
		if err := d.Decode(&p); err != nil {
			return answer, fmt.Errorf("agent answered %s", response.Status)
		}
		return answer, p.err()
	}
	if err := d.Decode(&answer); err != nil {
		return answer, fmt.Errorf("read agent's answer: %w", err)
	}
	return answer, nil
}
