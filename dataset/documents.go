package dataset

import (
	"crypto/ed25519"
	"fmt"
	"time"
)

// addDocuments writes everything about the version that is not the version
// itself. It depends on the manifest, the sites and the notices alone, so equal
// specs give equal bytes.
func (p *publication) addDocuments(m *Manifest) error {
	raw, err := encodeNotices(p.notices)
	if err != nil {
		return err
	}
	if err := p.addBytes(m, NoticesFile, raw); err != nil {
		return err
	}
	if err := p.addJSON(m, SitesFile, p.sites); err != nil {
		return err
	}
	if err := p.addSample(m); err != nil {
		return err
	}
	about := p.about(m)
	if err := p.addJSON(m, ProvenanceFile, about.provenance()); err != nil {
		return err
	}
	summary := about.trainingSummary()
	if err := p.addJSON(m, SummaryFile, summary); err != nil {
		return err
	}
	if err := p.addBytes(m, SummaryText, summary.text()); err != nil {
		return err
	}
	if err := p.addBytes(m, CardFile, card(about)); err != nil {
		return err
	}
	// The Croissant file names every other file with its digest.
	if err := p.addJSON(m, CroissantFile, about.croissant()); err != nil {
		return err
	}
	return p.addBytes(m, SumsFile, sums(m.Files))
}

// about is what documents are made of.
type about struct {
	*Manifest
	sites   map[string]int64
	notices []Notice
	key     string // address of the router's key
	url     string
	former  *Manifest // nil for version 1
}

func (p *publication) about(m *Manifest) *about {
	a := &about{Manifest: m, sites: p.sites, notices: p.notices, key: Address(p.key.Public().(ed25519.PublicKey)), url: p.spec.URL, former: p.formerManifest}
	if a.url == "" {
		a.url = fmt.Sprintf("urn:fallow:%s:%s", a.key, m.Dataset)
	}
	return a
}

// semantic is the version after Semantic Versioning as Croissant reads it: the
// first number grows when rows were taken out, the second when rows came.
func (a *about) semantic() string {
	major, last := 1, 0
	for _, n := range a.notices {
		if n.Rows > 0 && n.Version != last {
			major, last = major+1, n.Version
		}
	}
	return fmt.Sprintf("%d.%d.0", major, a.Version-max(1, last))
}

// taken is how many rows of former versions takedowns took out.
func (a *about) taken() (rows int64) {
	for _, n := range a.notices {
		rows += n.Rows
	}
	return rows
}

// rate is a share of what was kept and dropped, in percent.
func (a *about) rate(dropped int64) string {
	all := a.Rows + a.Duplicates.Exact + a.Duplicates.Near
	return fmt.Sprintf("%.2f %%", 100*float64(dropped)/float64(max(1, all)))
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }
