package fleet

import "github.com/prometheus/client_golang/prometheus"

// Metrics are the fleet's counters. Make one per registry.
type Metrics struct {
	connected     prometheus.Gauge
	refused       *prometheus.CounterVec
	events        *prometheus.CounterVec
	countersigned prometheus.Counter
	disputed      prometheus.Counter
}

// NewMetrics registers the fleet's metrics with r.
func NewMetrics(r prometheus.Registerer) *Metrics {
	m := &Metrics{
		connected: prometheus.NewGauge(prometheus.GaugeOpts{
			Namespace: "fallow", Subsystem: "fleet", Name: "nodes", Help: "Nodes connected now.",
		}),
		refused: prometheus.NewCounterVec(prometheus.CounterOpts{
			Namespace: "fallow", Subsystem: "fleet", Name: "sessions_refused_total", Help: "Sessions not opened, by reason.",
		}, []string{"reason"}),
		events: prometheus.NewCounterVec(prometheus.CounterOpts{
			Namespace: "fallow", Subsystem: "fleet", Name: "standing_events_total", Help: "Events entered in the standing of nodes, by reason.",
		}, []string{"reason"}),
		countersigned: prometheus.NewCounter(prometheus.CounterOpts{
			Namespace: "fallow", Subsystem: "fleet", Name: "receipts_countersigned_total", Help: "Receipts that nodes countersigned.",
		}),
		disputed: prometheus.NewCounter(prometheus.CounterOpts{
			Namespace: "fallow", Subsystem: "fleet", Name: "receipts_disputed_total", Help: "Receipts that nodes disputed.",
		}),
	}
	r.MustRegister(m.connected, m.refused, m.events, m.countersigned, m.disputed)
	return m
}
