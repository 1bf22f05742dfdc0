package tunnel

import "github.com/prometheus/client_golang/prometheus"

// Metrics are the counters of tunnels. Make one per registry.
type Metrics struct{ opened *prometheus.CounterVec }

// NewMetrics registers them with r.
func NewMetrics(r prometheus.Registerer) *Metrics {
	m := &Metrics{opened: prometheus.NewCounterVec(prometheus.CounterOpts{
		Namespace: "fallow", Subsystem: "tunnel", Name: "opened_total",
		Help: "Tunnels asked of nodes, by the node's answer (ok, or a reason code).",
	}, []string{"result"})}
	r.MustRegister(m.opened)
	return m
}
