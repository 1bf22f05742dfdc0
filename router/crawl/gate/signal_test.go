package gate_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/fallow-network/fallow/router/crawl/gate"
)

func hasSignal(signals []gate.Signal, source gate.Source, text string) bool {
	for _, s := range signals {
		if s.Source == source && strings.Contains(s.Text, text) {
			return true
		}
	}
	return text == "" && source == "" && len(signals) == 0
}

// Shutting a robot out says something of training only when that is what its
// operator says it gathers for.
func TestOnlyTrainingCrawlersCount(t *testing.T) {
	for want, agents := range map[gate.Training]string{
		"n": "GPTBot ClaudeBot anthropic-ai Claude-Web Google-Extended CCBot Applebot-Extended Meta-ExternalAgent FacebookBot " +
			"Amazonbot Bytespider MistralAI-Training cohere-training-data-crawler Ai2Bot-Dolma Kangaroo",
		"": "OAI-SearchBot ChatGPT-User Claude-SearchBot Claude-User Googlebot GoogleOther Google-CloudVertexBot Applebot bingbot " +
			"meta-externalfetcher meta-webindexer facebookexternalhit Amzn-SearchBot Amzn-User MistralAI-User MistralAI-Index " +
			"PerplexityBot Perplexity-User YandexAdditional YandexAdditionalBot cohere-ai DuckAssistBot TikTokSpider Diffbot",
	} {
		for agent := range strings.FieldsSeq(agents) {
			d := decide(t, robots("User-agent: *\nAllow: /\nUser-agent: "+agent+"\nDisallow: /\n"), "/a")
			if d.AITrain != want || !d.Allowed {
				t.Errorf("%s: training %q, want %q", agent, d.AITrain, want)
			}
		}
	}
	if d := decide(t, robots("User-agent: Kangaroo Bot\nDisallow: /\n"), "/a"); d.AITrain != "n" {
		t.Error("a token with more words after it is not known")
	}
}

func TestRobotsSignals(t *testing.T) {
	const all = "User-agent: *\nAllow: /\n"
	tests := []struct {
		name, robots, path string
		training           gate.Training
		source             gate.Source
		text               string
	}{
		{"silence", all, "/a", "", "", ""},
		{"AIPREF refuses", all + "Content-Usage: train-ai=n", "/a", "n", gate.SourceRobotsUsage, "train-ai=n"},
		{"AIPREF permits", all + "Content-Usage: train-ai=y", "/a", "y", gate.SourceRobotsUsage, "train-ai=y"},
		{"AIPREF about search only", all + "Content-Usage: search=n", "/a", "", gate.SourceRobotsUsage, "search=n"},
		{"AIPREF broad refusal", all + "Content-Usage: bots=n", "/a", "n", gate.SourceRobotsUsage, "bots=n"},
		{"AIPREF named before broad", all + "Content-Usage: bots=n, train-ai=y", "/a", "y", gate.SourceRobotsUsage, "bots"},
		{"AIPREF path", all + "Content-Usage: /art train-ai=n", "/art/1", "n", gate.SourceRobotsUsage, "/art train-ai=n"},
		{"AIPREF other path", all + "Content-Usage: /art train-ai=n", "/a", "", "", ""},
		{"AIPREF longest path", all + "Content-Usage: train-ai=n\nContent-Usage: /free train-ai=y", "/free/1", "y", gate.SourceRobotsUsage, "/free"},
		{"AIPREF same path, refusal wins", all + "Content-Usage: train-ai=y\nContent-Usage: train-ai=n", "/a", "n", gate.SourceRobotsUsage, "train-ai=n"},
		{"AIPREF of another group", all + "User-agent: x\nContent-Usage: train-ai=n\nDisallow: /", "/a", "", "", ""},
		{"Content-Signal refuses", all + "Content-Signal: search=yes, ai-train=no", "/a", "n", gate.SourceRobotsSignal, "ai-train=no"},
		{"Content-Signal permits", all + "Content-Signal: search=yes,ai-train=yes", "/a", "y", gate.SourceRobotsSignal, ""},
		{"Content-Signal before any group", "Content-Signal: ai-train=no\n" + all, "/a", "n", gate.SourceRobotsSignal, ""},
		{"broken list still refuses", all + "Content-Usage: ;;=,\"x, train-ai = N ;p=1,", "/a", "n", gate.SourceRobotsUsage, ""},
		{"refusal beside permission", all + "Content-Usage: train-ai=y\nContent-Signal: ai-train=no", "/a", "n", gate.SourceRobotsSignal, ""},
		{"RSL", "License: https://site.test/rsl.xml\n" + all, "/a", "n", gate.SourceRobotsLicense, "rsl.xml"},
		{"AI crawler shut out", all + "User-agent: GPTBot\nUser-agent: ccbot\nDisallow: /", "/a", "n", gate.SourceRobotsAIAgent, "Disallow: / (line 5) for CCBot, GPTBot"},
		{"AI crawler shut out elsewhere", all + "User-agent: GPTBot\nDisallow: /x", "/a", "", "", ""},
		{"AI crawler let in again", all + "User-agent: GPTBot\nDisallow: /\nAllow: /a", "/a", "", "", ""},
		{"AI crawler welcome says nothing", all + "User-agent: GPTBot\nAllow: /", "/a", "", "", ""},
		{"search crawler shut out", all + "User-agent: Googlebot\nDisallow: /", "/a", "", "", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d := decide(t, robots(tt.robots), tt.path)
			if !d.Allowed {
				t.Error("a signal about training forbade the fetch")
			}
			if d.AITrain != tt.training || !hasSignal(d.Signals, tt.source, tt.text) {
				t.Errorf("training %q signals %+v, want %q from %s with %q", d.AITrain, d.Signals, tt.training, tt.source, tt.text)
			}
		})
	}
}

func TestSideFiles(t *testing.T) {
	const tdmrep, aitxt = "https://site.test/.well-known/tdmrep.json", "https://site.test/ai.txt"
	tests := []struct {
		name, file, body, path string
		training               gate.Training
		source                 gate.Source
		text                   string
	}{
		{"reserved", tdmrep, `[{"location":"/","tdm-reservation":1,"tdm-policy":"https://x"}]`, "/a", "n", gate.SourceTDMRepFile, "location: / tdm-reservation: 1"},
		{"not reserved", tdmrep, `[{"location":"/*","tdm-reservation":0}]`, "/a", "y", gate.SourceTDMRepFile, ""},
		{"most specific", tdmrep, `[{"location":"/free/*","tdm-reservation":0},{"location":"/","tdm-reservation":1}]`, "/free/a", "y", gate.SourceTDMRepFile, "/free/"},
		{"quoted number", tdmrep, `[{"location":"/","tdm-reservation":"1"}]`, "/a", "n", gate.SourceTDMRepFile, ""},
		{"no array", tdmrep, "\ufeff {\"location\":\"/\",\"tdm-reservation\":1}", "/a", "n", gate.SourceTDMRepFile, ""},
		{"bad entry beside a good one", tdmrep, `[3,{"location":7},{"location":"/","tdm-reservation":1}]`, "/a", "n", gate.SourceTDMRepFile, ""},
		{"not JSON", tdmrep, `<html>`, "/a", "", "", ""},
		{"ai.txt refuses", aitxt, "User-Agent: *\nDisallow: /\n", "/a", "n", gate.SourceAITxt, "Disallow: /"},
		{"ai.txt by ending", aitxt, "User-Agent: *\nDisallow: *.html\nAllow: *.jpg\n", "/a.html", "n", gate.SourceAITxt, "*.html"},
		{"ai.txt permits", aitxt, "User-Agent: *\nAllow: /\n", "/a", "y", gate.SourceAITxt, ""},
		{"ai.txt is a web page", aitxt, "<p>\nUser-agent: *\nDisallow: /", "/a", "", "", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := &sites{}
			s.set(tt.file, gate.Response{Status: 200, Body: []byte(tt.body)})
			d := decide(t, s, tt.path)
			if !d.Allowed || d.AITrain != tt.training || !hasSignal(d.Signals, tt.source, tt.text) {
				t.Errorf("training %q signals %+v, want %q from %s with %q", d.AITrain, d.Signals, tt.training, tt.source, tt.text)
			}
		})
	}
}

// The files beside robots.txt are themselves subject to it.
func TestSideFilesObeyRobots(t *testing.T) {
	s := robots("User-agent: *\nDisallow: /\nAllow: /b")
	if d := decide(t, s, "/b"); !d.Allowed {
		t.Fatal("not allowed")
	}
	if len(s.asked) != 1 {
		t.Errorf("asked for %q", s.asked)
	}
}

func TestPageSignals(t *testing.T) {
	header := func(pairs ...string) http.Header {
		h := http.Header{}
		for i := 0; i < len(pairs); i += 2 {
			h.Add(pairs[i], pairs[i+1])
		}
		return h
	}
	meta := func(name, content string) []gate.Meta { return []gate.Meta{{Name: name, Content: content}} }
	tests := []struct {
		name     string
		header   http.Header
		metas    []gate.Meta
		noIndex  bool
		noFollow bool
		training gate.Training
		signals  int
	}{
		{name: "silence", metas: meta("description", "noindex")},
		{name: "noindex", header: header("X-Robots-Tag", "noindex"), noIndex: true, signals: 1},
		{name: "none", header: header("X-Robots-Tag", "NONE"), noIndex: true, noFollow: true, signals: 1},
		{name: "noai", header: header("X-Robots-Tag", "noai, noimageai"), training: "n", signals: 1},
		{name: "noimageai is evidence", header: header("X-Robots-Tag", "noimageai"), signals: 1},
		{name: "several headers", header: header("X-Robots-Tag", "noindex", "X-Robots-Tag", "nofollow"), noIndex: true, noFollow: true, signals: 2},
		{name: "for us", header: header("X-Robots-Tag", "fallowbot: noindex, nofollow"), noIndex: true, noFollow: true, signals: 1},
		{name: "for another", header: header("X-Robots-Tag", "googlebot: noindex, nofollow, noai")},
		{name: "for another, then us", header: header("X-Robots-Tag", "googlebot: noindex, FallowBot: nofollow"), noFollow: true, signals: 1},
		{name: "for all, then another", header: header("X-Robots-Tag", "nofollow, googlebot: noindex"), noFollow: true, signals: 1},
		{name: "for an AI crawler", header: header("X-Robots-Tag", "GPTBot: noindex"), training: "n", signals: 1},
		{name: "date with commas and colons", header: header("X-Robots-Tag", "unavailable_after: Wed, 25 Jun 2025 15:00:00 PST, noindex"), noIndex: true, signals: 1},
		{name: "snippet length", header: header("X-Robots-Tag", "max-snippet:0, max-image-preview: none"), signals: 0},
		{name: "all", header: header("X-Robots-Tag", "all, index, follow")},
		{name: "meta robots", metas: meta(" ROBOTS ", "noindex,nofollow"), noIndex: true, noFollow: true, signals: 1},
		{name: "meta by spaces", metas: meta("robots", "noindex nofollow"), noIndex: true, noFollow: true, signals: 1},
		{name: "meta for us", metas: meta("FallowBot", "noai"), training: "n", signals: 1},
		{name: "meta for an AI crawler", metas: meta("CCBot", "noindex"), training: "n", signals: 1},
		{name: "meta for another", metas: meta("googlebot", "noindex")},
		{name: "AIPREF header", header: header("Content-Usage", "train-ai=n"), training: "n", signals: 1},
		{name: "AIPREF header permits", header: header("Content-Usage", "train-ai=y, search=n"), training: "y", signals: 1},
		{name: "Content-Signal header", header: header("Content-Signal", "ai-train=no"), training: "n", signals: 1},
		{name: "TDM header", header: header("tdm-reservation", "1"), training: "n", signals: 1},
		{name: "TDM header 0", header: header("tdm-reservation", "0"), training: "y", signals: 1},
		{name: "TDM header nonsense", header: header("tdm-reservation", "perhaps")},
		{name: "TDM meta", metas: meta("tdm-reservation", "1"), training: "n", signals: 1},
		{name: "RSL link", header: header("Link", `<https://x/l.xml>; rel="license"; type="application/rsl+xml"`), training: "n", signals: 1},
		{name: "other link", header: header("Link", `<https://x/s.css>; rel="preload"`)},
		{name: "refusal outweighs", header: header("Content-Usage", "train-ai=y", "X-Robots-Tag", "noai"), training: "n", signals: 2},
		{name: "hostile", header: header("X-Robots-Tag", strings.Repeat("\x00\xff:,*:,", 10_000)+"noindex")},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			signals, v := gate.PageSignals("FallowBot", tt.header, tt.metas)
			want := gate.Verdict{NoIndex: tt.noIndex, NoFollow: tt.noFollow, AITrain: tt.training}
			if v != want || len(signals) != tt.signals {
				t.Errorf("got %+v and %+v, want %+v and %d signals", v, signals, want, tt.signals)
			}
		})
	}
}

func TestCombine(t *testing.T) {
	for said, want := range map[string]gate.Training{"": "", " ": "", "y": "y", " y": "y", "yn": "n", "n ": "n", "ny": "n"} {
		var all []gate.Training
		for _, c := range said {
			all = append(all, gate.Training(strings.TrimSpace(string(c))))
		}
		if got := gate.Combine(all...); got != want {
			t.Errorf("Combine(%q) = %q, want %q", said, got, want)
		}
	}
}
