package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
)

// Fetch brings one page at once.
type Fetch interface {
	// Fetch passes the gate and waits for the site's pace; what the site refuses
	// is Forbidden or Limited, what cannot be had in time Unavailable.
	Fetch(ctx context.Context, ask NewFetch) (Fetched, error)
}

// NewFetch is the body that asks for one page now.
type NewFetch struct {
	URL     string   `json:"url" maxLength:"2048" doc:"Absolute http(s) address"`
	Purpose string   `json:"purpose" doc:"What it is for, in a sentence; the home user who carries it sees it"`
	Country string   `json:"country,omitempty" doc:"ISO 3166-1 alpha-2 code of the country the node should be in"`
	Formats []string `json:"formats,omitempty" nullable:"false" enum:"text,markdown,links,html" doc:"What to return of the page; text unless given"`
	Within  float64  `json:"within_seconds,omitempty" minimum:"0" maximum:"50" doc:"Seconds it may take, waiting and redirects included; 40 unless given"`
}

// Fetched is one page.
type Fetched struct {
	URL       string    `json:"url" doc:"Canonical address, after redirects"`
	Redirects []string  `json:"redirects,omitempty" doc:"Addresses that led to it"`
	Status    int       `json:"status" doc:"HTTP status"`
	MIME      string    `json:"mime"`
	Charset   string    `json:"charset"`
	Title     string    `json:"title"`
	Language  string    `json:"language,omitempty" doc:"ISO 639-3 and ISO 15924, such as deu_Latn"`
	Canonical string    `json:"canonical,omitempty" doc:"What the page calls its own address"`
	FetchedAt time.Time `json:"fetched_at"`
	Country   string    `json:"country,omitempty" doc:"Country of the node, if known"`
	Transport string    `json:"transport" enum:"https,http" doc:"Over http a node could have altered it"`
	Robots    string    `json:"robots" doc:"Decision of the gate"`
	AITrain   string    `json:"ai_train,omitempty" enum:"y,n" doc:"What the site says about training AI on the page"`
	Signals   []Said    `json:"signals,omitempty" doc:"Opt-out and usage statements as found"`

	Text     string   `json:"text,omitempty" doc:"Main text"`
	Markdown string   `json:"markdown,omitempty"`
	HTML     string   `json:"html,omitempty" doc:"The body as UTF-8"`
	Links    []string `json:"links,omitempty"`
	Metadata []Meta   `json:"metadata,omitempty" doc:"The page's meta elements"`
}

// Said is a statement of the site about the use of the page.
type Said struct {
	Source string `json:"source" doc:"Where it stood"`
	Text   string `json:"text"`
}

// Meta is one meta element.
type Meta struct {
	Name    string `json:"name"`
	Content string `json:"content"`
}

func (s *Server) addFetch() {
	handle(s, huma.Operation{
		OperationID: "fetch", Method: http.MethodPost, Path: "/api/v1/fetch", Tags: []string{"fetch"},
		Summary: "Fetch one page now",
		Description: "Passes the gate and the site's pace like every fetch. A page the site answers with an error status is an answer; " +
			"what its rules forbid, or what cannot be had in time, is a problem.",
		Errors: []int{http.StatusForbidden, http.StatusTooManyRequests, http.StatusServiceUnavailable},
	}, func(ctx context.Context, in *struct{ Body NewFetch }) (*answer[Fetched], error) {
		return ok(s.backend.Fetch.Fetch(ctx, in.Body))
	})
}
