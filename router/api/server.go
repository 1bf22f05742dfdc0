package api

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/net/netutil"
	"golang.org/x/sync/errgroup"
)

// Server answers the API on one port.
type Server struct {
	log      *slog.Logger
	cfg      Config
	backend  Backend
	registry *prometheus.Registry
	metrics  *metrics
	listener net.Listener
	mux      *http.ServeMux
	api      huma.API
	handler  http.Handler

	public         *http.ServeMux // the page for owners of sites
	publicListener net.Listener   // nil without a public port
}

// New opens the port of cfg.Listen and prepares the answers; Run gives them.
// The server adds its own metrics to registry and serves all that are in it.
// The error says what to do about a port that cannot be had.
func New(log *slog.Logger, cfg Config, backend Backend, registry *prometheus.Registry) (*Server, error) {
	if err := backend.check(); err != nil {
		return nil, err
	}
	listener, err := listen(cfg.Listen)
	if err != nil {
		return nil, err
	}
	s := &Server{
		log: log, cfg: cfg, backend: backend, registry: registry, metrics: newMetrics(registry),
		listener: listener, mux: http.NewServeMux(),
	}
	s.api = humago.New(s.mux, s.describe())
	s.addJobs()
	s.addNodes()
	s.addEpochs()
	s.addBooks()
	s.addHalts()
	s.addSettlement()
	s.addOrders()
	s.addDatasets()
	s.addTakedowns()
	s.addHealth()
	s.addCrawlerPage()
	s.addFetch()
	documentErrors(s.api.OpenAPI())
	s.handler = s.guarded(http.HandlerFunc(s.dispatch))
	if err := s.listenPublic(); err != nil {
		return nil, errors.Join(err, listener.Close())
	}
	return s, nil
}

func (b Backend) check() error {
	if b.Jobs == nil || b.Nodes == nil || b.Epochs == nil || b.Halts == nil || b.Settlements == nil || b.Orders == nil || b.Datasets == nil || b.Health == nil ||
		b.Owners == nil || b.Fetch == nil {
		return errors.New("api: a part of the backend is missing")
	}
	return nil
}

// Addr is where the server listens, host:port.
func (s *Server) Addr() string { return s.listener.Addr().String() }

// Run answers until ctx ends, then lets requests under way finish for
// cfg.Drain. It closes the port. Call it once.
func (s *Server) Run(ctx context.Context) error {
	serving, ctx := errgroup.WithContext(ctx)
	serving.Go(func() error { return s.answerOn(ctx, s.listener, s.handler) })
	if s.publicListener != nil {
		serving.Go(func() error { return s.answerOn(ctx, s.publicListener, s.publicly()) })
	}
	return serving.Wait()
}

// answerOn serves one port until ctx ends.
func (s *Server) answerOn(ctx context.Context, listener net.Listener, handler http.Handler) error {
	server := &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: s.cfg.ReadHeader,
		ReadTimeout:       s.cfg.ReadBody,
		WriteTimeout:      s.cfg.Write,
		IdleTimeout:       s.cfg.Idle,
		MaxHeaderBytes:    maxHeader,
		ErrorLog:          slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(netutil.LimitListener(listener, s.cfg.MaxConns)) }()
	select {
	case err := <-served:
		return err
	case <-ctx.Done():
	}
	drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.cfg.Drain)
	defer cancel()
	err := server.Shutdown(drain)
	if errors.Is(err, context.DeadlineExceeded) {
		s.log.Warn("requests cut off at shutdown", "after", s.cfg.Drain)
		err = server.Close()
	}
	<-served
	return err
}

// Close gives the port back if Run was never called.
func (s *Server) Close() error {
	if s.publicListener != nil {
		return errors.Join(s.listener.Close(), s.publicListener.Close())
	}
	return s.listener.Close()
}

// maxHeader bounds a request's header, in bytes.
const maxHeader = 16 << 10

// describe is the head of the OpenAPI document. Nothing of huma's that fetches
// scripts from elsewhere is switched on.
func (s *Server) describe() huma.Config {
	cfg := huma.DefaultConfig("Fallow router", s.cfg.Version)
	cfg.Info.Description = "Jobs, nodes, epochs and datasets of one Fallow router. " +
		"Errors are RFC 9457 problems with a stable code. Lists come in parts: give next as after for the following one."
	cfg.DocsPath, cfg.SchemasPath, cfg.CreateHooks = "", "", nil
	cfg.RejectUnknownQueryParameters = true
	cfg.Transformers = []huma.Transformer{asProblem}
	return cfg
}

// handle registers one operation; errors of f become problems.
func handle[I, O any](s *Server, op huma.Operation, f func(context.Context, *I) (*O, error)) {
	if op.MaxBodyBytes == 0 {
		op.MaxBodyBytes = s.cfg.MaxBodyBytes
	}
	op.BodyReadTimeout = s.cfg.ReadBody
	op.Errors = append(op.Errors, http.StatusUnprocessableEntity)
	huma.Register(s.api, op, func(ctx context.Context, in *I) (*O, error) {
		out, err := f(ctx, in)
		if err != nil {
			return nil, s.refusal(ctx, op.OperationID, err)
		}
		return out, nil
	})
}

// refusal is what err is answered with; what stays inside is logged.
func (s *Server) refusal(ctx context.Context, operation string, err error) *Error {
	e, ok := public(err)
	if !ok && ctx.Err() == nil {
		s.log.Error("request failed", "operation", operation, "error", err)
	}
	return e
}

// ListQuery is the query of every list. It is exported for huma, which does not
// look into unexported embedded structs.
type ListQuery struct {
	After string `query:"after" maxLength:"128" doc:"Where the part before ended: its next"`
	Limit int    `query:"limit" minimum:"1" maximum:"500" default:"50" doc:"Entries at most"`
}

// page asks for one entry more than is shown, to know if there are more.
func (q ListQuery) page() Page { return Page{After: q.After, Limit: q.Limit + 1} }

// cut is the part of list to show and the key of its last entry if more follow.
func cut[T any](list []T, limit int, key func(T) string) (part []T, next string) {
	if len(list) <= limit {
		return append([]T{}, list...), "" // never null in JSON
	}
	return list[:limit], key(list[limit-1])
}

// answer is what huma calls a response: just a body.
type answer[T any] struct{ Body T }

func ok[T any](body T, err error) (*answer[T], error) {
	if err != nil {
		return nil, err
	}
	return &answer[T]{body}, nil
}
