package dataset

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// trainingSummary is what somebody who trains a model on the version needs for
// the public summary of training content that Article 53(1)(d) of Regulation
// (EU) 2024/1689 asks of providers, in the order of the AI Office's template of
// July 2025. What only the provider can say is left to the provider.
type trainingSummary struct {
	Template string `json:"template"`
	Dataset  string `json:"dataset"`
	Version  int    `json:"version"`

	// Section 1.3 of the template.
	Modality   string           `json:"modality"`
	Records    int64            `json:"records"`
	TextBytes  int64            `json:"text_bytes"`
	Tokens     int64            `json:"tokens_estimated"`
	SizeClass  string           `json:"size_class"`
	Languages  map[string]int64 `json:"languages"`
	LastData   string           `json:"latest_data"` // date of acquisition of the last of it
	Collected  [2]string        `json:"collected"`   // first and last fetch
	Crawler    string           `json:"crawler"`
	Purpose    string           `json:"purpose"`
	Behaviour  string           `json:"behaviour"`
	Sites      int64            `json:"sites"`
	TopSites   []siteShare      `json:"top_sites"` // the largest tenth
	Measure    string           `json:"top_sites_measure"`
	OptOuts    optOuts          `json:"opt_outs"`
	Removal    removalSummary   `json:"removal"`
	NotCovered []string         `json:"not_covered"`
}

type siteShare struct {
	Site    string `json:"site"`
	Records int64  `json:"records"`
}

type optOuts struct {
	Measures      string           `json:"measures"`
	RefusedRobots int64            `json:"addresses_not_fetched_robots"`
	RefusedOptOut int64            `json:"pages_left_out_opt_out"`
	AITrain       map[string]int64 `json:"records_by_ai_train"`
}

type removalSummary struct {
	Orders  int    `json:"orders"`
	Rows    int64  `json:"rows"`
	Contact string `json:"contact"`
}

const optOutMeasures = "Before every fetch the site's robots.txt (RFC 9309) is obeyed, with its groups for AI crawlers; after it, opt-out signals in headers, page and well-known files (X-Robots-Tag and robots meta, AIPREF Content-Usage, Content-Signal, TDMRep, ai.txt, RSL) are read. Every decision is stored with its row."

func (a *about) trainingSummary() *trainingSummary {
	return &trainingSummary{
		Template: "Public Summary of Training Content, AI Office, July 2025: sections 1.3, 2.3 and 3",
		Dataset:  a.Dataset, Version: a.Version, Modality: "text", Records: a.Rows, TextBytes: a.TextBytes, Tokens: a.Tokens, SizeClass: tokenClass(a.Tokens),
		Languages: a.Languages, LastData: a.LastFetched.UTC().Format("2006-01"), Collected: [2]string{stamp(a.FirstFetched), stamp(a.LastFetched)},
		Crawler: "FallowBot, by " + a.Generator, Purpose: a.Purpose,
		Behaviour: "GET and HEAD only; one request a second and site at most over the whole network; an honest user agent with a contact; no log-ins, no CAPTCHAs, no paywalls; a site's refusal is obeyed by all.",
		Sites:     a.Sites, TopSites: largestTenth(a.sites), Measure: "records",
		OptOuts: optOuts{Measures: optOutMeasures, RefusedRobots: a.Counts.RefusedRobots, RefusedOptOut: a.Counts.RefusedOptOut, AITrain: a.AITrain},
		Removal: removalSummary{Orders: a.Takedowns, Rows: a.Removed, Contact: a.Contact},
		NotCovered: []string{
			"sections 1.1 and 1.2 (provider, model) and data of other sources: the provider's",
			"the largest domains are ordered by records, not by bytes",
			"no filter for unlawful content beyond removal on request",
		},
	}
}

// tokenClass is the template's class of a size of text.
func tokenClass(tokens int64) string {
	switch {
	case tokens < 1e9:
		return "less than 1 billion tokens"
	case tokens < 10e12:
		return "1 billion to 10 trillion tokens"
	default:
		return "more than 10 trillion tokens"
	}
}

// largestTenth are the sites with most records: a tenth of all, at least one.
func largestTenth(sites map[string]int64) []siteShare {
	list := make([]siteShare, 0, len(sites))
	for site, n := range sites {
		list = append(list, siteShare{site, n})
	}
	slices.SortFunc(list, func(x, y siteShare) int {
		return cmp.Or(cmp.Compare(y.Records, x.Records), strings.Compare(x.Site, y.Site))
	})
	return list[:(len(list)+9)/10]
}

// summarySites is how many sites the text lists; the JSON has them all.
const summarySites = 100

// text is the summary for people.
func (s *trainingSummary) text() []byte {
	var out bytes.Buffer
	line := func(format string, args ...any) { fmt.Fprintf(&out, format+"\n", args...) }
	line("# Training content of %s, version %d\n", s.Dataset, s.Version)
	line("For the public summary that Article 53(1)(d) of Regulation (EU) 2024/1689 asks of whoever trains a general-purpose model:")
	line("what this dataset contributes to sections 1.3, 2.3 and 3 of the template of the AI Office (July 2025). The same in `%s`.\n", SummaryFile)
	line("## 1.3 Training data\n")
	line("| | |\n|---|---|")
	line("| modality | %s |\n| size | %s (about %d tokens, %d bytes of text, %d records) |", s.Modality, s.SizeClass, s.Tokens, s.TextBytes, s.Records)
	line("| latest date of acquisition | %s |\n| languages | %s |\n", s.LastData, strings.Join(namesOf(s.Languages), ", "))
	line("## 2.3 Data crawled from the web\n")
	line("| | |\n|---|---|")
	line("| crawler | %s |\n| purpose | %s |\n| behaviour | %s |\n| period | %s to %s |\n| sites | %d, all in `%s` |\n", cell(s.Crawler), cell(s.Purpose), s.Behaviour, s.Collected[0], s.Collected[1], s.Sites, SitesFile)
	line("The largest tenth of the sites, by records")
	if len(s.TopSites) > summarySites {
		line("(the first %d of %d; all in `%s`)", summarySites, len(s.TopSites), SummaryFile)
	}
	line("\n| site | records |\n|---|---|")
	for _, site := range s.TopSites[:min(summarySites, len(s.TopSites))] {
		line("| %s | %d |", cell(site.Site), site.Records)
	}
	line("\n## 3.1 Reservation of rights\n")
	line("%s Not fetched because of robots.txt: %d addresses. Left out because of other opt-outs: %d pages.\n", s.OptOuts.Measures, s.OptOuts.RefusedRobots, s.OptOuts.RefusedOptOut)
	line("## 3.2 Removal of content\n")
	line("%d orders were carried out, which cost %d rows. Removals: %s\n", s.Removal.Orders, s.Removal.Rows, s.Removal.Contact)
	line("## Not covered\n")
	for _, gap := range s.NotCovered {
		line("- %s", gap)
	}
	return out.Bytes()
}

func namesOf(counts map[string]int64) []string {
	var names []string
	for _, c := range topCounts(counts) {
		names = append(names, c.Name)
	}
	return names
}

// cell makes text safe inside a Markdown table.
func cell(s string) string {
	return strings.NewReplacer("|", `\|`, "\n", " ", "\r", " ", "<", "&lt;", "`", "'").Replace(s)
}
