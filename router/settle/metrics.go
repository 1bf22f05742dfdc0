package settle

import "github.com/prometheus/client_golang/prometheus"

// Metrics are the settlement's. Make one per registry.
type Metrics struct {
	running  prometheus.Gauge
	held     *prometheus.GaugeVec
	treasury prometheus.Gauge
	lamports prometheus.Gauge
	batches  *prometheus.CounterVec
	payouts  prometheus.Counter
	units    prometheus.Counter
	attempts prometheus.Counter
	dead     prometheus.Counter
	failed   prometheus.Counter
	retries  prometheus.Counter
	found    prometheus.Counter
	failures prometheus.Counter
}

// NewMetrics registers the settlement's metrics with r.
func NewMetrics(r prometheus.Registerer) *Metrics {
	gauge := func(name, help string) prometheus.Gauge {
		return prometheus.NewGauge(prometheus.GaugeOpts{Namespace: "fallow", Subsystem: "settle", Name: name, Help: help})
	}
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Namespace: "fallow", Subsystem: "settle", Name: name, Help: help})
	}
	m := &Metrics{
		running: gauge("running", "1 while a settlement runs."),
		held: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Namespace: "fallow", Subsystem: "settle", Name: "held_units", Help: "Base units put off by the newest plan, by reason.",
		}, []string{"reason"}),
		treasury: gauge("treasury_units", "Base units in the treasury when it was last planned."),
		lamports: gauge("treasury_lamports", "Lamports of the treasury when it was last planned."),
		batches: prometheus.NewCounterVec(prometheus.CounterOpts{
			Namespace: "fallow", Subsystem: "settle", Name: "batches_final_total", Help: "Batches made final, by kind.",
		}, []string{"kind"}),
		payouts:  counter("payouts_final_total", "Payouts made final."),
		units:    counter("paid_units_total", "Base units paid, in final payouts."),
		attempts: counter("attempts_total", "Transactions signed."),
		dead:     counter("attempts_dead_total", "Transactions proven never to land."),
		failed:   counter("attempts_failed_total", "Transactions that landed without effect."),
		retries:  counter("rpc_retries_total", "Questions to the chain asked again."),
		found:    counter("batches_found_total", "Batches read back from the chain that the database did not know."),
		failures: counter("runs_stopped_total", "Runs that stopped with an error."),
	}
	for _, kind := range []Kind{KindCommit, KindPay, KindRefund} {
		m.batches.WithLabelValues(string(kind))
	}
	r.MustRegister(m.running, m.held, m.treasury, m.lamports, m.batches, m.payouts, m.units, m.attempts, m.dead, m.failed, m.retries, m.found, m.failures)
	return m
}

func (m *Metrics) plan(p Plan) {
	m.treasury.Set(float64(p.View.Units))
	m.lamports.Set(float64(p.View.Lamports))
	m.held.Reset()
	for _, h := range p.Held {
		m.held.WithLabelValues(string(h.Reason)).Add(float64(h.Units))
	}
}

func (m *Metrics) paid(b Batch) {
	m.batches.WithLabelValues(string(b.Kind)).Inc()
	m.payouts.Add(float64(len(b.Payouts)))
	m.units.Add(float64(b.Sum()))
}
