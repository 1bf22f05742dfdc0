package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Client speaks to the API of a router. It is safe for concurrent use.
type Client struct {
	base *url.URL
	http *http.Client
}

// ErrUnreachable says that no router answered.
var ErrUnreachable = errors.New("no router answers")

// Bounds on what a client waits for and takes.
const (
	clientTimeout  = 2 * time.Minute // closing an epoch takes as long as nodes may
	maxAnswerBytes = 64 << 20
)

// NewClient is for a router at base, such as http://127.0.0.1:4180; host:port
// will do.
func NewClient(base string) (*Client, error) {
	if !strings.Contains(base, "://") {
		base = "http://" + base
	}
	u, err := url.Parse(base)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, fmt.Errorf("%.100q is not the address of an API: give it as http://HOST:PORT", base)
	}
	return &Client{base: u.JoinPath("/"), http: &http.Client{Timeout: clientTimeout}}, nil
}

// Base is the address of the API.
func (c *Client) Base() string { return strings.TrimSuffix(c.base.String(), "/") }

// Submit asks for a job. When it returns without error, the job is stored.
func (c *Client) Submit(ctx context.Context, j NewJob) (id string, err error) {
	var created JobID
	err = c.post(ctx, j, &created, "jobs")
	return created.ID, err
}

// Fetch brings one page now.
func (c *Client) Fetch(ctx context.Context, ask NewFetch) (Fetched, error) {
	var got Fetched
	return got, c.post(ctx, ask, &got, "fetch")
}

// Job is how one job stands.
func (c *Client) Job(ctx context.Context, id string) (Job, error) {
	var j Job
	return j, c.get(ctx, Page{}, &j, "jobs", id)
}

// Jobs is a part of the list of jobs, newest first.
func (c *Client) Jobs(ctx context.Context, p Page) (JobPage, error) {
	var page JobPage
	return page, c.get(ctx, p, &page, "jobs")
}

// PauseJob lets a job fetch no more for now.
func (c *Client) PauseJob(ctx context.Context, id string) (Job, error) {
	return c.move(ctx, id, "pause")
}

// ResumeJob lets a paused job go on.
func (c *Client) ResumeJob(ctx context.Context, id string) (Job, error) {
	return c.move(ctx, id, "resume")
}

// CancelJob ends a job.
func (c *Client) CancelJob(ctx context.Context, id string) (Job, error) {
	return c.move(ctx, id, "cancel")
}

func (c *Client) move(ctx context.Context, id, how string) (Job, error) {
	var j Job
	return j, c.post(ctx, nil, &j, "jobs", id, how)
}

// Nodes is a part of the list of connected nodes.
func (c *Client) Nodes(ctx context.Context, p Page) (NodePage, error) {
	var page NodePage
	return page, c.get(ctx, p, &page, "nodes")
}

// Halt is what nodes are stopped from.
func (c *Client) Halt(ctx context.Context) (Halt, error) {
	var h Halt
	return h, c.get(ctx, Page{}, &h, "halt")
}

// StopNodes adds a stop and returns once connected nodes have been told.
func (c *Client) StopNodes(ctx context.Context, s Stop) (Halt, error) {
	var h Halt
	return h, c.post(ctx, s, &h, "halt", "stops")
}

// LiftStop takes a stop back.
func (c *Client) LiftStop(ctx context.Context, s StopName) (Halt, error) {
	var h Halt
	return h, c.post(ctx, s, &h, "halt", "lift")
}

// Epochs is a part of the list of epochs, newest first.
func (c *Client) Epochs(ctx context.Context, p Page) (EpochPage, error) {
	var page EpochPage
	return page, c.get(ctx, p, &page, "epochs")
}

// Epoch is one epoch.
func (c *Client) Epoch(ctx context.Context, number uint64) (Epoch, error) {
	var e Epoch
	return e, c.get(ctx, Page{}, &e, "epochs", strconv.FormatUint(number, 10))
}

// CloseEpoch closes the open epoch and returns it.
func (c *Client) CloseEpoch(ctx context.Context) (Epoch, error) {
	var e Epoch
	return e, c.post(ctx, nil, &e, "epochs", "close")
}

// Statements is a part of a closed epoch's statements.
func (c *Client) Statements(ctx context.Context, number uint64, p Page) (StatementPage, error) {
	var page StatementPage
	return page, c.get(ctx, p, &page, "epochs", strconv.FormatUint(number, 10), "statements")
}

// Datasets is a part of the list of datasets.
func (c *Client) Datasets(ctx context.Context, p Page) (DatasetPage, error) {
	var page DatasetPage
	return page, c.get(ctx, p, &page, "datasets")
}

// Versions is a part of the list of a dataset's versions, newest first.
func (c *Client) Versions(ctx context.Context, name string, p Page) (VersionPage, error) {
	var page VersionPage
	return page, c.get(ctx, p, &page, "datasets", name, "versions")
}

// Ready is nil if the router can do its work; an *Error with CodeUnavailable
// says why not.
func (c *Client) Ready(ctx context.Context) error {
	var s Status
	return c.do(ctx, http.MethodGet, c.base.JoinPath(pathReady), nil, &s)
}

func (c *Client) get(ctx context.Context, p Page, into any, path ...string) error {
	u := c.address(path)
	query := url.Values{}
	if p.After != "" {
		query.Set("after", p.After)
	}
	if p.Limit > 0 {
		query.Set("limit", strconv.Itoa(p.Limit))
	}
	u.RawQuery = query.Encode()
	return c.do(ctx, http.MethodGet, u, nil, into)
}

func (c *Client) post(ctx context.Context, body, into any, path ...string) error {
	var raw []byte
	if body != nil {
		var err error
		if raw, err = json.Marshal(body); err != nil {
			return fmt.Errorf("encode request: %w", err)
		}
	}
	return c.do(ctx, http.MethodPost, c.address(path), raw, into)
}

// address joins path segments, each of which may hold any character.
func (c *Client) address(path []string) *url.URL {
	segments := []string{"api", "v1"}
	for _, p := range path {
		segments = append(segments, url.PathEscape(p))
	}
	return c.base.JoinPath(segments...)
}

func (c *Client) do(ctx context.Context, method string, u *url.URL, body []byte, into any) error {
	request, err := http.NewRequestWithContext(ctx, method, u.String(), bytes.NewReader(body))
	if err != nil {
		return err
	}
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	response, err := c.http.Do(request)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		return fmt.Errorf("%w at %s: %w", ErrUnreachable, c.Base(), cause(err))
	}
	defer response.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(response.Body, maxAnswerBytes))
	if err != nil {
		return fmt.Errorf("read the answer of %s: %w", c.Base(), err)
	}
	if response.StatusCode/100 != 2 {
		return c.refused(response, raw)
	}
	if err := json.Unmarshal(raw, into); err != nil {
		return fmt.Errorf("%s does not answer like a Fallow router: %w", c.Base(), err)
	}
	return nil
}

// refused reads an error answer; one that is not ours comes from something else
// that listens there.
func (c *Client) refused(response *http.Response, raw []byte) error {
	var e Error
	if err := json.Unmarshal(raw, &e); err != nil || e.Code == "" {
		return fmt.Errorf("%s answers %q and not like a Fallow router: is something else listening there?", c.Base(), response.Status)
	}
	return &e
}

// cause leaves out the method and address that url.Error repeats.
func cause(err error) error {
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		return wrapped.Err
	}
	return err
}
