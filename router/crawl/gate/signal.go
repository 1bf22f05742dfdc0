package gate

import "strings"

// Training is what a site says about training AI models on a page. It is
// stored in a record's ai_train column as it stands.
type Training string

// The three things a site can say. A refusal is "n" and never means that the
// page may not be fetched: it keeps the record out of training datasets.
const (
	TrainingUnstated Training = ""
	TrainingAllowed  Training = "y"
	TrainingRefused  Training = "n"
)

// Bounds of the evidence kept for one decision or page.
const (
	// MaxSignalText is the greatest length of Signal.Text and Decision.Rule in
	// bytes; longer text is cut at a rune and ends in an ellipsis.
	MaxSignalText = 256
	// MaxSignals is the greatest number of signals kept for one decision or
	// page. A refusal beyond it still decides Training.
	MaxSignals = 32
)

// Signal is one statement of a site about the use of a page.
type Signal struct {
	// Source names where it stood, one of the Source constants.
	Source Source
	// Text is the statement, at most MaxSignalText bytes of valid UTF-8.
	Text string
	// Training is what the statement says about AI training; unstated where it
	// is evidence only (noindex, noimageai, search=no).
	Training Training
}

// Source names the place of a Signal; stored with records, never renamed.
type Source string

// The places the gate reads.
const (
	SourceRobotsUsage   Source = "robots_content_usage"  // AIPREF rule in robots.txt
	SourceRobotsSignal  Source = "robots_content_signal" // Cloudflare rule in robots.txt
	SourceRobotsLicense Source = "robots_license"        // RSL License line in robots.txt
	SourceRobotsAIAgent Source = "robots_ai_crawler"     // group of a known AI crawler
	SourceTDMRepFile    Source = "tdmrep_file"           // /.well-known/tdmrep.json
	SourceAITxt         Source = "ai_txt"                // /ai.txt
	SourceUsageHeader   Source = "header_content_usage"  // AIPREF
	SourceSignalHeader  Source = "header_content_signal" // Cloudflare
	SourceTDMHeader     Source = "header_tdm_reservation"
	SourceLicenseHeader Source = "header_link_license" // RSL
	SourceRobotsHeader  Source = "header_x_robots_tag"
	SourceTDMMeta       Source = "meta_tdm_reservation"
	SourceRobotsMeta    Source = "meta_robots"
)

// Combine is the one policy over all that a site said: a refusal anywhere
// refuses, else a permission anywhere permits, else nothing was said.
func Combine(said ...Training) Training {
	result := TrainingUnstated
	for _, t := range said {
		switch t {
		case TrainingRefused:
			return TrainingRefused
		case TrainingAllowed:
			result = TrainingAllowed
		case TrainingUnstated:
		}
	}
	return result
}

// evidence gathers the signals of one decision or page within MaxSignals.
type evidence struct {
	signals  []Signal
	training Training
}

func (e *evidence) add(source Source, text string, training Training) {
	e.training = Combine(e.training, training)
	if len(e.signals) == MaxSignals {
		return
	}
	e.signals = append(e.signals, Signal{Source: source, Text: bounded(text), Training: training})
}

// bounded makes outside text fit to be kept: valid UTF-8, no control
// characters, at most MaxSignalText bytes.
func bounded(text string) string {
	const ellipsis = "…"
	cut := len(text) > MaxSignalText
	if cut {
		text = text[:MaxSignalText-len(ellipsis)]
	}
	text = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == '\uFFFD' {
			return -1
		}
		return r
	}, strings.TrimSpace(text))
	if cut {
		text += ellipsis
	}
	return text
}
