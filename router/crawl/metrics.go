package crawl

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/fallow-network/fallow/router/crawl/fetch"
)

// Metrics are the crawl's counters. Make one per registry.
type Metrics struct {
	pages     *prometheus.CounterVec
	failed    *prometheus.CounterVec
	forbidden prometheus.Counter
	bytes     prometheus.Counter
	commits   prometheus.Counter
}

// NewMetrics registers them with r.
func NewMetrics(r prometheus.Registerer) *Metrics {
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Namespace: "fallow", Subsystem: "crawl", Name: name, Help: help})
	}
	vec := func(name, help, label string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "fallow", Subsystem: "crawl", Name: name, Help: help}, []string{label})
	}
	m := &Metrics{
		pages:     vec("pages_total", "Addresses that sites answered, by what became of them.", "result"),
		failed:    vec("failures_total", "Addresses given up, by kind of failure.", "kind"),
		forbidden: counter("forbidden_total", "Addresses not fetched because robots.txt forbids it."),
		bytes:     counter("body_bytes_total", "Bytes of page bodies as sent by sites."),
		commits:   counter("commits_total", "Commits to datasets."),
	}
	for _, kind := range fetch.Kinds() {
		m.failed.WithLabelValues(string(kind))
	}
	r.MustRegister(m.pages, m.failed, m.forbidden, m.bytes, m.commits)
	return m
}

func (m *Metrics) count(t Tally) {
	m.pages.WithLabelValues("record").Add(float64(t.Records))
	m.pages.WithLabelValues("duplicate").Add(float64(t.Exact + t.Near))
	for _, n := range t.Skipped {
		m.pages.WithLabelValues("skipped").Add(float64(n))
	}
	for kind, n := range t.Failed {
		m.failed.WithLabelValues(kind).Add(float64(n))
	}
	m.forbidden.Add(float64(t.Forbidden))
	m.bytes.Add(float64(t.Bytes))
}
