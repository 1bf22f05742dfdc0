package crawl

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"lukechampine.com/blake3"

	"github.com/fallow-network/fallow/dataset"
	"github.com/fallow-network/fallow/relay/wire"
	"github.com/fallow-network/fallow/router/crawl/frontier"
	"github.com/fallow-network/fallow/router/crawl/gate"
	"github.com/fallow-network/fallow/router/crawl/job"
	"github.com/fallow-network/fallow/router/dedupe"
	"github.com/fallow-network/fallow/router/dedupe/alike"
	"github.com/fallow-network/fallow/router/page"
	"github.com/fallow-network/fallow/router/page/personal"
)

// kept is a page that becomes a record unless it is a duplicate.
type kept struct {
	record dataset.Record
	doc    dedupe.Document
	raw    *dataset.Raw // the answer, if the job keeps it
	node   wire.Key     // that carried it
}

// read turns an answer into a page: its links go to the frontier, its text to
// the dataset.
func (c *Crawler) read(r *run, item frontier.Item, got *carried, d gate.Decision, tally Tally) visit {
	v := visit{tally: tally}
	in := page.Input{Body: got.Body, ContentType: got.ContentType, URL: item.URL, LinkHeaders: got.Header.Values("Link")}
	p, err := page.Parse(in, c.cfg.Page)
	fields := c.collect(r, item, in)
	switch {
	case fields != nil && errors.Is(err, page.ErrUnsupported):
		p, err = fields.page(mimeOf(got.ContentType)), nil
		fallthrough
	case fields != nil && err == nil:
		fields.addTo(p)
	}
	if errors.Is(err, page.ErrUnsupported) && r.job.Scope != job.ScopeList {
		if feed, ok := c.readFeed(r, item, got, v); ok {
			return feed
		}
	}
	if err != nil {
		v.tally.Skipped, v.counts = one("unreadable"), true
		return v
	}
	v.said = &said{p.Title, p.Text}
	metas := make([]gate.Meta, len(p.Metas))
	for i, m := range p.Metas {
		metas[i] = gate.Meta{Name: m.Name, Content: m.Content}
	}
	signals, verdict := gate.PageSignals(c.cfg.Gate.ProductToken, got.Header, metas)
	if !verdict.NoFollow {
		v.found = c.linked(r, item, p.Links, &v.tally)
	}
	train := gate.Combine(d.AITrain, verdict.AITrain)
	switch {
	case verdict.NoIndex:
		v.tally.Skipped = one("noindex")
	case train == gate.TrainingRefused && r.job.Options.Use == job.UseTraining:
		v.tally.Skipped = one(trainingRefused)
	case c.publish.TakenDown(r.job.Dataset, item.URL, item.Host):
		v.tally.Skipped = one("taken_down") // ordered while it was being fetched
	case notFound(p.Title, p.Text):
		v.tally.Skipped, v.wasted, v.found = one("soft_404"), true, nil
	case p.Text == "":
		v.tally.Skipped = one("empty")
	case got.TLSVersion == "":
		// A node could have written it.
		v.tally.Skipped = one("plain_http")
	default:
		c.keepPage(r, item, got, &v, func() *kept {
			k := c.record(r, item, got, p, d, append(signals, d.Signals...), train)
			if fields != nil {
				k.record.Collector, k.record.Fields = fields.label, fields.fields
			}
			return k
		}, p.Text)
	}
	return v
}

// trainingRefused is why a page is no record of a dataset that may train models.
const trainingRefused = "training_refused"

// keepPage makes a page a record, unless a recrawl finds it as it was, and notes
// what to remember of its address.
func (c *Crawler) keepPage(r *run, item frontier.Item, got *carried, v *visit, record func() *kept, text string) {
	digest := dedupe.Digest(text)
	m := visited(got.before, item.URL, got.Header, hex.EncodeToString(digest[:]), got.FetchedAt)
	v.mark = &m
	if got.before != nil && got.before.Digest == m.Digest {
		v.tally.Skipped = one(unchanged)
		return
	}
	v.kept = record()
}

func (c *Crawler) record(r *run, item frontier.Item, got *carried, p *page.Page, d gate.Decision, signals []gate.Signal, train gate.Training) *kept {
	private := personal.Count(p.Text)
	if r.job.Redact {
		p.Text, _ = personal.Redact(p.Text)
		p.Title, _ = personal.Redact(p.Title)
	}
	id, digest := recordID(r.job.Dataset, r.job.ID, item.URL), dedupe.Digest(p.Text)
	record := dataset.Record{
		Text: p.Text, ID: id, Dump: r.job.Dataset + "/" + r.job.ID, URL: item.URL,
		Date:     got.FetchedAt.UTC().Format("2006-01-02T15:04:05Z"),
		FilePath: fmt.Sprintf("fallow://%s/%s", r.job.Dataset, r.job.ID),
		Language: p.Language.Code, LanguageScript: p.Language.Script, LanguageScore: p.Language.Score,
		TokenCount: p.TokenEstimate, MinhashClusterSize: 1,
		Host: item.Host, Site: item.Site, SURT: item.SURT, Title: p.Title,
		FetchedAt: got.FetchedAt, Status: int32(got.Status), MIME: p.MIME, Charset: p.Charset,
		TextDigest: digest, NodeCountry: got.country, Job: r.job.ID, Lease: got.lease,
		Robots: string(d.Reason), RobotsRule: d.Rule, AITrain: string(train),
		Extractor: p.Extractor, ExtractorVersion: p.ExtractorVersion,
		Transport: "https", TLSVersion: got.TLSVersion, TLSCertSHA256: got.TLSCert,
		License: p.Licence.ID, LicenseSource: p.Licence.Source,
		PIIEmail: int32(private[personal.Email]), PIIPhone: int32(private[personal.Phone]),
		PIIIBAN: int32(private[personal.IBAN]), PIINationalID: int32(private[personal.NationalID]),
		BodySHA256: sha256.Sum256(got.Body), BodyBytes: int64(len(got.Body)), Epoch: int64(c.fleet.Epoch()),
	}
	for _, s := range signals[:min(len(signals), gate.MaxSignals)] {
		record.Signals = append(record.Signals, dataset.Signal{Source: string(s.Source), Text: s.Text})
	}
	k := &kept{record: record, node: got.node, doc: dedupe.Document{
		Dataset: r.job.Dataset, ID: id, Text: p.Text, Digest: digest, Site: item.Site,
	}}
	if r.job.Near < 1 {
		k.doc.Near, k.doc.Shape = r.job.Near, alike.New(p.Text)
	}
	if r.job.KeepRaw {
		k.raw = &dataset.Raw{
			ID: id, URL: item.URL, FetchedAt: got.FetchedAt, Status: record.Status, Protocol: got.Proto, MIME: p.MIME,
			Header: headerText(got.Header), Body: got.Body,
		}
	}
	return k
}

// notKept are the lines of a header that a dataset does not hold: cookies are
// between us and the site, and the others describe the body before its content
// coding was undone.
var notKept = map[string]bool{"Set-Cookie": true, "Content-Encoding": true, "Content-Length": true, "Transfer-Encoding": true}

// maxHeaderText is the most a dataset stores of one header.
var maxHeaderText = dataset.DefaultLimits().FieldBytes

// headerText is a header as lines, sorted by name; lines above maxHeaderText in
// all are left out.
func headerText(h http.Header) string {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(h)) {
		for _, value := range h[name] {
			line := strings.ToValidUTF8(name+": "+value, "?") + "\r\n"
			if !notKept[name] && b.Len()+len(line) <= maxHeaderText {
				b.WriteString(line)
			}
		}
	}
	return b.String()
}

// recordID is the same whenever a job fetches an address, so that a page
// fetched again after a crash is the same record.
func recordID(parts ...string) string {
	sum := blake3.Sum256([]byte(strings.Join(parts, "\x00")))
	return "fallow:" + hex.EncodeToString(sum[:16])
}
