// Package export writes a version of a dataset in the formats of others: Dolma's
// JSON lines, and the archives of the web, WARC and WET. What a format cannot
// say is left out; the version itself stays the thing that is proved.
package export

import (
	"context"
	"encoding/json"
	"io"

	"github.com/fallow-network/fallow/dataset"
)

// dolmaDocument is a document as Dolma's toolkit reads it.
type dolmaDocument struct {
	ID       string        `json:"id"`
	Text     string        `json:"text"`
	Source   string        `json:"source"`
	Added    string        `json:"added"`   // when it came into the dataset
	Created  string        `json:"created"` // when the page was fetched: when it was written nobody knows
	Metadata dolmaMetadata `json:"metadata"`
}

type dolmaMetadata struct {
	URL           string           `json:"url"`
	Title         string           `json:"title,omitempty"`
	Host          string           `json:"host"`
	Site          string           `json:"site"`
	Language      string           `json:"language"`
	Script        string           `json:"language_script"`
	LanguageScore float64          `json:"language_score"`
	TokenCount    int64            `json:"token_count"`
	License       string           `json:"license,omitempty"`
	Robots        string           `json:"robots"`
	AITrain       string           `json:"ai_train,omitempty"`
	Signals       []dataset.Signal `json:"signals,omitempty"`
	Dump          string           `json:"dump"`
	Leaf          string           `json:"leaf"` // to prove the row by
}

// Dolma writes the selected rows as JSON lines for Dolma's toolkit.
func Dolma(ctx context.Context, v *dataset.Version, s dataset.Selection, to io.Writer) error {
	lines := json.NewEncoder(to)
	lines.SetEscapeHTML(false)
	s.Columns = nil
	added := v.Manifest.Created.UTC().Format(dolmaTime)
	return v.Select(ctx, s, func(_ string, r *dataset.Record) error {
		return lines.Encode(dolmaDocument{
			ID: r.ID, Text: r.Text, Source: "fallow/" + v.Manifest.Dataset, Added: added, Created: r.FetchedAt.UTC().Format(dolmaTime),
			Metadata: dolmaMetadata{
				URL: r.URL, Title: r.Title, Host: r.Host, Site: r.Site, Language: r.Language, Script: r.LanguageScript, LanguageScore: r.LanguageScore,
				TokenCount: r.TokenCount, License: r.License, Robots: r.Robots, AITrain: r.AITrain, Signals: r.Signals, Dump: r.Dump, Leaf: r.Leaf.String(),
			},
		})
	})
}

// dolmaTime is how Dolma writes times.
const dolmaTime = "2006-01-02T15:04:05.000Z"
