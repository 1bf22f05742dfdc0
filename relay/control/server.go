package control

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"runtime"
	"strconv"
	"time"

	"golang.org/x/net/netutil"

	"github.com/fallow-network/fallow/relay"
	"github.com/fallow-network/fallow/relay/journal"
	"github.com/fallow-network/fallow/relay/payout"
	"github.com/fallow-network/fallow/relay/rules"
	"github.com/fallow-network/fallow/relay/uplink"
	"github.com/fallow-network/fallow/relay/wire"
)

// Listen opens the socket in dir, mode 0600. The caller holds dir, so a socket
// found there is a dead agent's and gives way.
func Listen(dir string) (net.Listener, error) {
	l, err := listen(SocketPath(dir))
	if err != nil {
		return nil, fmt.Errorf("open control socket: %w", err)
	}
	return l, nil
}

// Serve answers on l until ctx is done, then closes it.
func Serve(ctx context.Context, log *slog.Logger, l net.Listener, agent Agent) error {
	server := &http.Server{
		Handler:           Handler(log, agent),
		ReadHeaderTimeout: requestTime,
		ReadTimeout:       requestTime,
		WriteTimeout:      requestTime,
		IdleTimeout:       requestTime,
		MaxHeaderBytes:    maxRequestHead,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
	stop := context.AfterFunc(ctx, func() { _ = server.Close() })
	defer stop()
	err := server.Serve(netutil.LimitListener(l, maxClients))
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return fmt.Errorf("serve control socket: %w", err)
}

// Handler is the interface itself.
func Handler(log *slog.Logger, agent Agent) http.Handler {
	s := &server{log: log, agent: agent}
	mux := http.NewServeMux()
	for pattern, serve := range map[string]func(*http.Request) (any, error){
		"GET /v1/status":     s.status,
		"GET /v1/journal":    s.journal,
		"POST /v1/pause":     s.pause,
		"POST /v1/resume":    s.resume,
		"GET /v1/consent":    s.consent,
		"POST /v1/consent":   s.accept,
		"DELETE /v1/consent": s.withdraw,
		"GET /v1/rules":      s.rules,
		putRules:             s.setRules,
		"GET /v1/version":    s.version,
		"GET /v1/earnings":   s.earnings,
		"GET /v1/payout":     s.payout,
		"PUT /v1/payout":     s.setPayout,
		"DELETE /v1/payout":  s.ownPayout,
		"GET /v1/routers":    s.routers,
		putRouters:           s.setRouters,
	} {
		mux.Handle(pattern, s.handle(serve))
	}
	return mux
}

// The requests that may be long: lists of sites, and of addresses.
const (
	putRules   = "PUT /v1/rules"
	putRouters = "PUT /v1/routers"
)

type server struct {
	log   *slog.Logger
	agent Agent
}

// invalid is a mistake of the client.
type invalid struct{ error }

func (s *server) handle(serve func(*http.Request) (any, error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		most := int64(maxRequestBody)
		switch r.Pattern {
		case putRules:
			most = rules.MaxFile
		case putRouters:
			most = maxRoutersBody
		}
		r.Body = http.MaxBytesReader(w, r.Body, most)
		answer, err := serve(r)
		var mistake invalid
		switch {
		case err == nil:
			s.write(w, "application/json", http.StatusOK, answer)
		case errors.As(err, &mistake), errors.Is(err, rules.ErrInvalid), errors.Is(err, uplink.ErrAddress), errors.Is(err, wire.ErrPayoutProof):
			s.fail(w, http.StatusBadRequest, err)
		case errors.Is(err, rules.ErrConsentVersion), errors.Is(err, rules.ErrRevision), errors.Is(err, relay.ErrPinned):
			s.fail(w, http.StatusConflict, err)
		default:
			s.log.Error("control request failed", "path", r.URL.Path, "err", err)
			s.fail(w, http.StatusInternalServerError, err)
		}
	})
}

func (s *server) fail(w http.ResponseWriter, status int, err error) {
	s.write(w, "application/problem+json", status, problem{Title: http.StatusText(status), Status: status, Detail: err.Error()})
}

func (s *server) write(w http.ResponseWriter, kind string, status int, body any) {
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	if err := json.NewEncoder(w).Encode(body); err != nil {
		s.log.Debug("control answer not sent", "err", err)
	}
}

func read(r *http.Request, into any) error {
	d := json.NewDecoder(r.Body)
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil && !errors.Is(err, io.EOF) {
		return invalid{fmt.Errorf("read request: %w", err)}
	}
	return nil
}

func (s *server) status(*http.Request) (any, error) { return s.agent.Status(), nil }

func (s *server) journal(r *http.Request) (any, error) {
	q := r.URL.Query()
	f := journal.Filter{Site: q.Get("site")}
	var err error
	if v := q.Get("since"); v != "" {
		if f.Since, err = time.Parse(time.RFC3339, v); err != nil {
			return nil, invalid{fmt.Errorf("since: %w", err)}
		}
	}
	if v := q.Get("limit"); v != "" {
		if f.Limit, err = strconv.Atoi(v); err != nil || f.Limit < 1 || f.Limit > journal.MaxLimit {
			return nil, invalid{fmt.Errorf("limit is %q, want 1 to %d", v, journal.MaxLimit)}
		}
	}
	entries, err := s.agent.Journal(f)
	if err != nil {
		return nil, err
	}
	if entries == nil {
		entries = []journal.Entry{}
	}
	return journalAnswer{entries}, nil
}

func (s *server) pause(r *http.Request) (any, error) {
	var request pauseRequest
	if err := read(r, &request); err != nil {
		return nil, err
	}
	if !request.Until.IsZero() && !request.Until.After(time.Now()) {
		return nil, invalid{fmt.Errorf("until %s is over already", request.Until.Format(time.RFC3339))}
	}
	if err := s.agent.Rules().Pause(request.Until); err != nil {
		return nil, err
	}
	return s.agent.Status(), nil
}

func (s *server) resume(*http.Request) (any, error) {
	if err := s.agent.Rules().Resume(); err != nil {
		return nil, err
	}
	return s.agent.Status(), nil
}

func (s *server) consent(*http.Request) (any, error) { return ConsentOf(s.agent.Rules()), nil }

func (s *server) accept(r *http.Request) (any, error) {
	var request consentRequest
	if err := read(r, &request); err != nil {
		return nil, err
	}
	if err := s.agent.Rules().Accept(request.Version); err != nil {
		return nil, err
	}
	return ConsentOf(s.agent.Rules()), nil
}

func (s *server) withdraw(*http.Request) (any, error) {
	if err := s.agent.Rules().Withdraw(); err != nil {
		return nil, err
	}
	return ConsentOf(s.agent.Rules()), nil
}

func (s *server) rules(*http.Request) (any, error) { return RulesOf(s.agent.Rules(), time.Now()), nil }

func (s *server) setRules(r *http.Request) (any, error) {
	request := rulesRequest{Settings: rules.DefaultSettings()}
	if err := read(r, &request); err != nil {
		return nil, err
	}
	if err := s.agent.Rules().Replace(request.Revision, request.Settings); err != nil {
		return nil, err
	}
	return RulesOf(s.agent.Rules(), time.Now()), nil
}

func (s *server) version(*http.Request) (any, error) {
	return Version{API: APIVersion, Agent: s.agent.Status().Version, Platform: runtime.GOOS + "/" + runtime.GOARCH, PID: os.Getpid()}, nil
}

func (s *server) earnings(r *http.Request) (any, error) {
	epoch := uint64(0)
	if v := r.URL.Query().Get("epoch"); v != "" {
		var err error
		if epoch, err = strconv.ParseUint(v, 10, 63); err != nil {
			return nil, invalid{fmt.Errorf("epoch is %q, want a number", v)}
		}
	}
	return s.agent.Earnings(r.Context(), epoch), nil
}

func (s *server) payout(*http.Request) (any, error) { return s.agent.Status().Payout, nil }

func (s *server) setPayout(r *http.Request) (any, error) {
	var to payout.Address
	if err := read(r, &to); err != nil {
		return nil, err
	}
	if to.IsZero() {
		return nil, invalid{errors.New("no address given; DELETE has payouts go to the node's own key")}
	}
	if err := s.agent.SetPayout(to); err != nil {
		return nil, err
	}
	return s.agent.Status().Payout, nil
}

func (s *server) ownPayout(*http.Request) (any, error) {
	if err := s.agent.SetPayout(payout.Address{}); err != nil {
		return nil, err
	}
	return s.agent.Status().Payout, nil
}

func (s *server) routers(*http.Request) (any, error) { return Routers{s.agent.Routers()}, nil }

func (s *server) setRouters(r *http.Request) (any, error) {
	var request Routers
	if err := read(r, &request); err != nil {
		return nil, err
	}
	if err := s.agent.SetRouters(request.Routers); err != nil {
		return nil, err
	}
	return Routers{s.agent.Routers()}, nil
}
