package fetch

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"time"

	"github.com/gocolly/colly/v2"
)

// What ended an exchange from our side, as the cause of its context.
var (
	errTotal = errors.New("total time ran out")
	errQuiet = errors.New("the site went quiet")
)

// maxInterim is how many 1xx responses a site may send before the real one.
// One is usual (103 Early Hints); without a bound they could come for ever.
const maxInterim = 8

// exchange is the state of one fetch. It travels in the request's context,
// because colly's client has one transport for all.
type exchange struct {
	next      http.RoundTripper
	limits    *Limits
	tools     *tools
	stop      context.CancelCauseFunc
	watch     *time.Timer // ends the exchange when the site goes quiet
	interim   int         // touched by the transport alone, one response after the other
	delivered bool
	result    Result
}

type exchangeKey struct{}

func (f *Fetcher) newExchange(ctx context.Context, rt http.RoundTripper) (*exchange, context.Context) {
	ctx, stop := context.WithCancelCause(ctx)
	x := &exchange{next: rt, stop: stop, limits: &f.limits, tools: &f.tools, result: Result{FetchedAt: f.now()}}
	x.watch = time.AfterFunc(f.limits.FirstByte, func() { stop(errQuiet) })
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{Got1xxResponse: x.countInterim})
	return x, context.WithValue(ctx, exchangeKey{}, x)
}

func (x *exchange) countInterim(int, textproto.MIMEHeader) error {
	x.interim++
	if x.interim <= maxInterim {
		return nil
	}
	failure := failuref(KindProtocol, "more than %d interim responses", maxInterim)
	x.stop(failure) // HTTP/2 keeps only the text of an error
	return failure
}

// deliver is colly's callback for a response: the body joins it here, so that
// colly neither copies nor recodes it.
func (x *exchange) deliver(r *colly.Response) {
	r.Body = x.result.Body
	x.delivered = true
}

// transport is the http.RoundTripper of colly's client. It does the exchange of
// the request's context in full, body included, and hands on an empty response.
type transport struct{}

func (transport) RoundTrip(req *http.Request) (*http.Response, error) {
	x, ok := req.Context().Value(exchangeKey{}).(*exchange)
	if !ok {
		return nil, failuref(KindProtocol, "request outside an exchange")
	}
	if err := checkURL(req.URL); err != nil {
		return nil, &Failure{Kind: KindInvalidURL, Err: err}
	}
	x.result.URL = req.URL.String()

	resp, err := x.next.RoundTrip(req)
	if err != nil {
		return nil, classify(req.Context(), err, beforeHeader)
	}
	defer resp.Body.Close()
	if failure := x.readHead(req.URL, resp); failure != nil {
		return nil, failure
	}
	if failure := x.readBody(req.Context(), resp); failure != nil {
		return nil, failure
	}
	return handOn(req, resp), nil
}

// handOn is the response as colly sees it: without the body, and without a
// Location, so that neither colly nor http.Client begins to follow it.
func handOn(req *http.Request, resp *http.Response) *http.Response {
	header := resp.Header
	if resp.Header.Get("Location") != "" {
		header = resp.Header.Clone()
		header.Del("Location")
	}
	return &http.Response{
		Status: resp.Status, StatusCode: resp.StatusCode,
		Proto: resp.Proto, ProtoMajor: resp.ProtoMajor, ProtoMinor: resp.ProtoMinor,
		Header: header, Body: http.NoBody, Uncompressed: true, Request: req,
	}
}
