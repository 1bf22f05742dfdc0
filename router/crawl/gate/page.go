package gate

import (
	"net/http"
	"strings"
)

// Bounds of what is read of one page's header and meta elements.
const (
	maxValues     = 64      // values of one header field, or meta elements of interest
	maxValueBytes = 4 << 10 // of one value
)

// Meta is one <meta name content> element of a page.
type Meta struct{ Name, Content string }

// Verdict is what a page's own signals say.
type Verdict struct {
	// NoIndex: the page asks not to be kept; it must not become a record.
	NoIndex bool
	// NoFollow: the links of the page must not be followed.
	NoFollow bool
	// AITrain is what the page says about training.
	AITrain Training
}

// PageSignals reads the opt-out signals in a page's response header and meta
// elements. token is our product token ("FallowBot"): what is addressed to
// another robot is passed over, unless that is a known AI crawler and it is
// shut out, which counts as a refusal of training.
func PageSignals(token string, h http.Header, metas []Meta) ([]Signal, Verdict) {
	p := pageReader{token: strings.ToLower(token)}
	p.header(h, "X-Robots-Tag", func(v string) { p.robots(SourceRobotsHeader, "", v) })
	p.header(h, "Content-Usage", func(v string) { p.evidence.add(SourceUsageHeader, v, training(v)) })
	p.header(h, "Content-Signal", func(v string) { p.evidence.add(SourceSignalHeader, v, training(v)) })
	p.header(h, "Tdm-Reservation", func(v string) { p.reservation(SourceTDMHeader, v) })
	p.header(h, "Link", func(v string) {
		if strings.Contains(strings.ToLower(v), "application/rsl+xml") {
			p.evidence.add(SourceLicenseHeader, v, TrainingRefused) // unread terms permit nothing
		}
	})
	read := 0
	for _, m := range metas {
		if read == maxValues {
			break
		}
		if p.meta(strings.ToLower(strings.TrimSpace(m.Name)), head(m.Content)) {
			read++
		}
	}
	p.verdict.AITrain = p.evidence.training
	return p.evidence.signals, p.verdict
}

type pageReader struct {
	token    string
	evidence evidence
	verdict  Verdict
}

func (p *pageReader) header(h http.Header, name string, read func(value string)) {
	values := h.Values(name)
	for _, value := range values[:min(len(values), maxValues)] {
		read(head(value))
	}
}

// meta reads one element and reports whether its name is one of ours.
func (p *pageReader) meta(name, content string) bool {
	switch {
	case name == "robots":
		p.robots(SourceRobotsMeta, "", content)
	case name == p.token, aiCrawlerNames[name] != "":
		p.robots(SourceRobotsMeta, name, content)
	case name == "tdm-reservation":
		p.reservation(SourceTDMMeta, content)
	default:
		return false
	}
	return true
}

func (p *pageReader) reservation(source Source, value string) {
	if said := reservation(value); said != TrainingUnstated {
		p.evidence.add(source, "tdm-reservation: "+value, said)
	}
}

// robots applies the directives of one X-Robots-Tag or meta value.
func (p *pageReader) robots(source Source, scope, value string) {
	training, heard := TrainingUnstated, false
	for agent, word := range directives(scope, value) {
		d, known := pageDirectives[word]
		if !known {
			continue
		}
		switch {
		case agent == "" || agent == p.token:
			p.verdict.NoIndex = p.verdict.NoIndex || d.noIndex
			p.verdict.NoFollow = p.verdict.NoFollow || d.noFollow
			training = Combine(training, d.training)
		case aiCrawlerNames[agent] != "" && (d.noIndex || d.training == TrainingRefused):
			training = TrainingRefused
		default:
			continue
		}
		heard = true
	}
	if !heard {
		return
	}
	if scope != "" {
		value = scope + ": " + value
	}
	p.evidence.add(source, value, training)
}

// head bounds an outside value before it is parsed.
func head(value string) string { return value[:min(len(value), maxValueBytes)] }
