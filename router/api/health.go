package api

import (
	"context"
	"net/http"
	"runtime"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Where probes ask.
const (
	pathHealth  = "/healthz"
	pathReady   = "/readyz"
	pathMetrics = "/metrics"
)

// Status is the answer to a probe.
type Status struct {
	Status string `json:"status" enum:"ok,ready"`
}

// Program says what runs.
type Program struct {
	Version   string `json:"version"`
	Go        string `json:"go"`
	UserAgent string `json:"user_agent" doc:"Of the crawler"`
	Lab       bool   `json:"lab" doc:"Only sites on this machine, politeness off"`
}

func (s *Server) addHealth() {
	tags := []string{"health"}
	handle(s, huma.Operation{
		OperationID: "health", Method: http.MethodGet, Path: pathHealth, Tags: tags,
		Summary: "Whether the process answers at all",
	}, func(context.Context, *struct{}) (*answer[Status], error) {
		return ok(Status{"ok"}, nil)
	})
	handle(s, huma.Operation{
		OperationID: "ready", Method: http.MethodGet, Path: pathReady, Tags: tags,
		Summary: "Whether the router can do its work; unavailable with the reason if not",
		Errors:  []int{http.StatusServiceUnavailable},
	}, func(ctx context.Context, _ *struct{}) (*answer[Status], error) {
		if err := s.backend.Health.Ready(ctx); err != nil {
			return nil, Unavailable("%s", err)
		}
		return ok(Status{"ready"}, nil)
	})
	handle(s, huma.Operation{
		OperationID: "version", Method: http.MethodGet, Path: "/version", Tags: tags, Summary: "What runs",
	}, func(context.Context, *struct{}) (*answer[Program], error) {
		return ok(Program{s.cfg.Version, runtime.Version(), s.cfg.UserAgent, s.cfg.Lab}, nil)
	})
	s.mux.Handle("GET "+pathMetrics, promhttp.HandlerFor(s.registry, promhttp.HandlerOpts{
		MaxRequestsInFlight: 4, Timeout: 20 * time.Second,
	}))
}
