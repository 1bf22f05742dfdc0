// Package flight serves published versions over Arrow Flight and reads them: for
// those who want columns in memory and not files. It selects columns and passes
// over shards and row groups that hold nothing of what is asked.
//
// It serves what the versions hold and does not verify; whoever has to trust the
// rows pulls the version. Nothing here knows of routers.
package flight

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/flight"
	"github.com/apache/arrow/go/v17/arrow/ipc"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/fallow-network/fallow/dataset"
)

// Catalogue is where versions are found. Its methods may be called concurrently.
type Catalogue interface {
	// Datasets are the names of all datasets.
	Datasets() ([]string, error)
	// Open is a version of a dataset; 0 is the latest. The error wraps
	// dataset.ErrNoVersion if there is none.
	Open(name string, version int) (*dataset.Version, error)
}

// Config is what a Server is told. Start from DefaultConfig.
type Config struct {
	// Allow says whether the bearer of a key, "" for none, may read a dataset.
	// nil allows everybody.
	Allow func(ctx context.Context, key, dataset string) error

	MaxStreams int           // reads at once. Default 16
	MaxConns   uint32        // calls at once of one connection. Default 16
	Stall      time.Duration // a reader that takes nothing for so long is dropped. Default 1 min
	Ahead      int           // batches, of about a megabyte, read ahead of a slow reader. Default 2
	MaxBatch   int           // bytes of one batch: a long text makes one larger. Default 64 MiB
}

// DefaultConfig returns the defaults named in Config.
func DefaultConfig() Config {
	return Config{MaxStreams: 16, MaxConns: 16, Stall: time.Minute, Ahead: 2, MaxBatch: 64 << 20}
}

// Server answers Flight calls. Reads are as fast as their reader takes them: a
// slow one holds Ahead batches and no more.
type Server struct {
	flight.BaseFlightServer
	log       *slog.Logger
	catalogue Catalogue
	cfg       Config
	streams   chan struct{}
}

// New makes a server; Serve runs it.
func New(log *slog.Logger, c Catalogue, cfg Config) *Server {
	return &Server{log: log, catalogue: c, cfg: cfg, streams: make(chan struct{}, cfg.MaxStreams)}
}

// Serve answers on the listener until ctx ends, then lets reads under way finish
// for some seconds. It closes the listener.
func (s *Server) Serve(ctx context.Context, on net.Listener) error {
	const drain = 5 * time.Second
	server := grpc.NewServer(
		grpc.MaxRecvMsgSize(2*maxRequest), grpc.MaxSendMsgSize(s.cfg.MaxBatch), grpc.MaxConcurrentStreams(s.cfg.MaxConns), grpc.MaxHeaderListSize(64<<10),
		grpc.ConnectionTimeout(10*time.Second),
		grpc.KeepaliveParams(keepalive.ServerParameters{MaxConnectionIdle: 5 * time.Minute, Time: 30 * time.Second, Timeout: 20 * time.Second}),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: 10 * time.Second, PermitWithoutStream: true}),
	)
	flight.RegisterFlightServiceServer(server, s)
	served := make(chan error, 1)
	go func() { served <- server.Serve(on) }()
	select {
	case err := <-served:
		return err
	case <-ctx.Done():
	}
	hard := time.AfterFunc(drain, server.Stop)
	defer hard.Stop()
	server.GracefulStop()
	return <-served
}

// ListFlights lists the latest version of every dataset the caller may read.
func (s *Server) ListFlights(_ *flight.Criteria, out flight.FlightService_ListFlightsServer) error {
	names, err := s.catalogue.Datasets()
	if err != nil {
		return s.internal(err)
	}
	for _, name := range names {
		r := Request{Dataset: name}
		v, err := s.open(out.Context(), &r)
		if code := status.Code(err); code == codes.NotFound || code == codes.PermissionDenied || code == codes.Unauthenticated {
			continue
		}
		if err != nil {
			return err
		}
		info, err := s.info(v, r, &flight.FlightDescriptor{Type: flight.DescriptorPATH, Path: []string{name}})
		if err != nil {
			return err
		}
		if err := out.Send(info); err != nil {
			return err
		}
	}
	return nil
}

// GetFlightInfo says where the rows of a request are: one endpoint a shard.
func (s *Server) GetFlightInfo(ctx context.Context, d *flight.FlightDescriptor) (*flight.FlightInfo, error) {
	r, err := parseRequest(d)
	if err != nil {
		return nil, status.Error(codes.InvalidArgument, err.Error())
	}
	v, err := s.open(ctx, &r)
	if err != nil {
		return nil, err
	}
	return s.info(v, r, d)
}

// GetSchema is the schema of a request's columns.
func (s *Server) GetSchema(ctx context.Context, d *flight.FlightDescriptor) (*flight.SchemaResult, error) {
	r, err := parseRequest(d)
	if err != nil {
		return nil, status.Error(codes.InvalidArgument, err.Error())
	}
	if _, err := s.open(ctx, &r); err != nil {
		return nil, err
	}
	return &flight.SchemaResult{Schema: flight.SerializeSchema(r.ArrowSchema(), memory.DefaultAllocator)}, nil
}

func (s *Server) info(v *dataset.Version, r Request, d *flight.FlightDescriptor) (*flight.FlightInfo, error) {
	r.Version = v.Manifest.Version // what is latest now may not be when it is read
	info := &flight.FlightInfo{
		Schema: flight.SerializeSchema(r.ArrowSchema(), memory.DefaultAllocator), FlightDescriptor: d, TotalRecords: -1, TotalBytes: -1,
	}
	if r.Everything() {
		info.TotalRecords, info.TotalBytes = v.Manifest.Rows, v.Manifest.Bytes
	}
	for _, shard := range v.Candidates(r.Selection) {
		raw, err := json.Marshal(ticket{Request: r, Shard: shard})
		if err != nil {
			return nil, s.internal(err)
		}
		info.Endpoint = append(info.Endpoint, &flight.FlightEndpoint{Ticket: &flight.Ticket{Ticket: raw}})
	}
	return info, nil
}

// open finds the version of a request and says whether the caller may read it.
func (s *Server) open(ctx context.Context, r *Request) (*dataset.Version, error) {
	if s.cfg.Allow != nil {
		if err := s.cfg.Allow(ctx, bearer(ctx), r.Dataset); err != nil {
			return nil, status.Error(codes.PermissionDenied, err.Error())
		}
	}
	v, err := s.catalogue.Open(r.Dataset, r.Version)
	if errors.Is(err, dataset.ErrNoVersion) {
		return nil, status.Errorf(codes.NotFound, "there is no such version of dataset %.64q", r.Dataset)
	}
	if err != nil {
		return nil, s.internal(err)
	}
	return v, nil
}

// bearer is the key that came with a call.
func bearer(ctx context.Context) string {
	md, _ := metadata.FromIncomingContext(ctx)
	for _, value := range md.Get("authorization") {
		if key, ok := strings.CutPrefix(value, "Bearer "); ok {
			return key
		}
	}
	return ""
}

// internal keeps the text of a fault of ours in the log.
func (s *Server) internal(err error) error {
	s.log.Error("flight call failed", "error", err)
	return status.Error(codes.Internal, "internal error; the router's log says more")
}

// DoGet streams the rows of a ticket.
func (s *Server) DoGet(raw *flight.Ticket, out flight.FlightService_DoGetServer) error {
	var t ticket
	if err := strict(raw.GetTicket(), &t); err != nil {
		return status.Errorf(codes.InvalidArgument, "not a ticket of this service: %v", err)
	}
	if err := t.Check(); err != nil {
		return status.Error(codes.InvalidArgument, err.Error())
	}
	v, err := s.open(out.Context(), &t.Request)
	if err != nil {
		return err
	}
	if !v.HasShard(t.Shard) {
		return status.Errorf(codes.NotFound, "version %d of %s has no such shard", v.Manifest.Version, t.Dataset)
	}
	select {
	case s.streams <- struct{}{}:
		defer func() { <-s.streams }()
	default:
		return status.Errorf(codes.ResourceExhausted, "%d reads are under way already: try again", s.cfg.MaxStreams)
	}
	return s.stream(v, t, out)
}

// stream reads ahead a little and drops a reader that stands still.
func (s *Server) stream(v *dataset.Version, t ticket, out flight.FlightService_DoGetServer) error {
	ctx, cancel := context.WithCancel(out.Context())
	defer cancel()
	batches := make(chan arrow.Record, s.cfg.Ahead)
	read := make(chan error, 1)
	go func() {
		defer close(batches)
		read <- v.Batches(ctx, t.Shard, t.Selection, func(b arrow.Record) error {
			b.Retain()
			select {
			case batches <- b:
				return nil
			case <-ctx.Done():
				b.Release()
				return ctx.Err()
			}
		})
	}()
	sent := make(chan error, 1)
	alive := make(chan struct{}, 1)
	go func() { sent <- send(out, &t, batches, alive) }()
	stall := time.NewTimer(s.cfg.Stall)
	defer stall.Stop()
	for {
		select {
		case <-alive:
			stall.Reset(s.cfg.Stall)
		case err := <-sent:
			cancel()
			for b := range batches {
				b.Release()
			}
			if failed := <-read; failed != nil && err == nil {
				return s.internal(failed)
			}
			return err
		case <-stall.C:
			// Returning ends the stream, which frees the goroutine that sends.
			return status.Errorf(codes.DeadlineExceeded, "nothing was taken for %s", s.cfg.Stall)
		}
	}
}

// send passes batches on as the reader's flow control lets it.
func send(out flight.FlightService_DoGetServer, t *ticket, batches <-chan arrow.Record, alive chan<- struct{}) error {
	w := flight.NewRecordWriter(out, ipc.WithSchema(t.ArrowSchema()))
	var err error
	for b := range batches {
		if err == nil {
			err = w.Write(b)
		}
		b.Release()
		if err != nil {
			return err
		}
		select {
		case alive <- struct{}{}:
		default:
		}
	}
	if err := w.Close(); err != nil {
		return fmt.Errorf("end the stream: %w", err)
	}
	return nil
}
