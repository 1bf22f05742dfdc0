package crawl

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"

	"lukechampine.com/blake3"

	"github.com/fallow-network/fallow/dataset"
	"github.com/fallow-network/fallow/router/crawl/frontier"
	"github.com/fallow-network/fallow/router/crawl/gate"
	"github.com/fallow-network/fallow/router/dedupe"
	"github.com/fallow-network/fallow/router/page"
)

// kept is a page that becomes a record unless it is a duplicate.
type kept struct {
	record dataset.Record
	doc    dedupe.Document
}

// read turns an answer into a page: its links go to the frontier, its text to
// the dataset.
func (c *Crawler) read(r *run, item frontier.Item, got *carried, d gate.Decision, tally Tally) visit {
	v := visit{tally: tally}
	p, err := page.Parse(page.Input{Body: got.Body, ContentType: got.ContentType, URL: item.URL}, c.cfg.Page)
	if err != nil {
		v.tally.Skipped = one("unreadable")
		return v
	}
	metas := make([]gate.Meta, len(p.Metas))
	for i, m := range p.Metas {
		metas[i] = gate.Meta{Name: m.Name, Content: m.Content}
	}
	signals, verdict := gate.PageSignals(c.cfg.Gate.ProductToken, got.Header, metas)
	if !verdict.NoFollow {
		v.found = c.linked(r, item, p.Links)
	}
	switch {
	case verdict.NoIndex:
		v.tally.Skipped = one("noindex")
	case p.Text == "":
		v.tally.Skipped = one("empty")
	case got.TLSVersion == "":
		// A node could have written it.
		v.tally.Skipped = one("plain_http")
	default:
		v.kept = c.record(r, item, got, p, d, append(signals, d.Signals...), gate.Combine(d.AITrain, verdict.AITrain))
	}
	return v
}

func (c *Crawler) record(r *run, item frontier.Item, got *carried, p *page.Page, d gate.Decision, signals []gate.Signal, train gate.Training) *kept {
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
		BodySHA256: sha256.Sum256(got.Body), BodyBytes: int64(len(got.Body)),
	}
	for _, s := range signals[:min(len(signals), gate.MaxSignals)] {
		record.Signals = append(record.Signals, dataset.Signal{Source: string(s.Source), Text: s.Text})
	}
	return &kept{record: record, doc: dedupe.Document{Dataset: r.job.Dataset, ID: id, Text: p.Text, Digest: digest}}
}

// recordID is the same whenever a job fetches an address, so that a page
// fetched again after a crash is the same record.
func recordID(parts ...string) string {
	sum := blake3.Sum256([]byte(strings.Join(parts, "\x00")))
	return "fallow:" + hex.EncodeToString(sum[:16])
}
