package api_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/fallow-network/fallow/router/api"
)

const goodJob = `{"dataset":"docs","purpose":"to search","seeds":["https://a.example/"]}`

func TestJobs(t *testing.T) {
	s := serve(t, newFake(t), nil)
	ctx := t.Context()
	response, body := s.ask(t, "POST", "/api/v1/jobs", goodJob)
	var created api.JobID
	if err := json.Unmarshal([]byte(body), &created); err != nil || response.StatusCode != http.StatusCreated || created.ID == "" {
		t.Fatalf("%s %s", response.Status, body)
	}
	if got := response.Header.Get("Location"); got != "/api/v1/jobs/"+created.ID {
		t.Errorf("location %q", got)
	}
	j, err := s.client.Job(ctx, created.ID)
	if err != nil || j.Dataset != "docs" || j.Scope != "host" || !slices.Equal(j.Seeds, []string{"https://a.example/"}) || j.Final() {
		t.Fatalf("%+v %v", j, err)
	}
	if j, err = s.client.PauseJob(ctx, j.ID); err != nil || j.State != "paused" {
		t.Fatalf("pause: %+v %v", j, err)
	}
	if _, err = s.client.PauseJob(ctx, j.ID); code(err) != api.CodeConflict {
		t.Fatalf("paused twice: %v", err)
	}
	if j, err = s.client.ResumeJob(ctx, j.ID); err != nil || j.State != "running" {
		t.Fatalf("resume: %+v %v", j, err)
	}
	if j, err = s.client.CancelJob(ctx, j.ID); err != nil || !j.Final() {
		t.Fatalf("cancel: %+v %v", j, err)
	}
	if _, err = s.client.Job(ctx, "j-../../x y"); code(err) != api.CodeNotFound {
		t.Fatalf("unknown job: %v", err)
	}
}

func code(err error) api.Code {
	var e *api.Error
	if !errors.As(err, &e) {
		return ""
	}
	return e.Code
}

func TestPages(t *testing.T) {
	s := serve(t, newFake(t), nil)
	ctx := t.Context()
	for range 5 {
		if _, err := s.client.Submit(ctx, api.NewJob{Dataset: "d", Purpose: "p", Seeds: []string{"https://a.example/"}}); err != nil {
			t.Fatal(err)
		}
	}
	var seen []string
	for after := ""; ; {
		page, err := s.client.Jobs(ctx, api.Page{After: after, Limit: 2})
		if err != nil || len(page.Jobs) > 2 {
			t.Fatalf("%d jobs, %v", len(page.Jobs), err)
		}
		for _, j := range page.Jobs {
			seen = append(seen, j.ID)
		}
		if after = page.Next; after == "" {
			break
		}
	}
	var want []string
	for _, j := range slices.Backward(s.jobs) {
		want = append(want, j.ID)
	}
	if !slices.Equal(seen, want) {
		t.Errorf("pages show %v, want %v", seen, want)
	}

	nodes, err := s.client.Nodes(ctx, api.Page{Limit: 2})
	if err != nil || nodes.Connected != 3 || nodes.Sharing != 2 || len(nodes.Nodes) != 2 || nodes.Next != "B" {
		t.Errorf("%+v %v", nodes, err)
	}
	epochs, err := s.client.Epochs(ctx, api.Page{Limit: 1})
	if err != nil || len(epochs.Epochs) != 1 || epochs.Next != "2" || epochs.Epochs[0].Pool != 1<<60 {
		t.Errorf("%+v %v", epochs, err)
	}
	statements, err := s.client.Statements(ctx, 1, api.Page{After: "A", Limit: 10})
	if err != nil || len(statements.Statements) != 1 || statements.Statements[0].Amount != 5 || statements.Next != "" {
		t.Errorf("%+v %v", statements, err)
	}
	datasets, err := s.client.Datasets(ctx, api.Page{Limit: 1})
	if err != nil || len(datasets.Datasets) != 1 || datasets.Next != "docs" {
		t.Errorf("%+v %v", datasets, err)
	}
	versions, err := s.client.Versions(ctx, "docs", api.Page{Limit: 3})
	if err != nil || len(versions.Versions) != 1 {
		t.Errorf("%+v %v", versions, err)
	}
	if e, err := s.client.CloseEpoch(ctx); err != nil || e.Number != 2 {
		t.Errorf("%+v %v", e, err)
	}
}

// Amounts are strings in JSON, and lists are never null.
func TestJSONShape(t *testing.T) {
	s := serve(t, newFake(t), nil)
	if _, body := s.ask(t, "GET", "/api/v1/epochs/1", ""); !strings.Contains(body, `"pool":"1152921504606846976"`) {
		t.Error(body)
	}
	for path, want := range map[string]string{"/api/v1/jobs": `{"jobs":[]}`, "/api/v1/datasets?after=zzz": `{"datasets":[]}`, "/api/v1/epochs?after=1": `{"epochs":[]}`} {
		if _, body := s.ask(t, "GET", path, ""); strings.TrimSpace(body) != want {
			t.Errorf("%s: %s, want %s", path, body, want)
		}
	}
}

func TestErrors(t *testing.T) {
	s := serve(t, newFake(t), nil)
	for _, c := range []struct {
		method, path, body string
		status             int
		code               api.Code
		says               string
	}{
		{"POST", "/api/v1/jobs", ``, 400, api.CodeInvalid, "body is required"},
		{"POST", "/api/v1/jobs", `{`, 400, api.CodeInvalid, "unexpected end"},
		{"POST", "/api/v1/jobs", `[]`, 422, api.CodeInvalid, "expected object"},
		{"POST", "/api/v1/jobs", `null`, 422, api.CodeInvalid, ""},
		{"POST", "/api/v1/jobs", `{"dataset":"docs"}`, 422, api.CodeInvalid, "required property seeds"},
		{"POST", "/api/v1/jobs", `{"dataset":"docs","purpose":"p","seeds":null}`, 422, api.CodeInvalid, "body.seeds"},
		{"POST", "/api/v1/jobs", `{"dataset":"docs","purpose":"p","seeds":["x"],"sedes":1}`, 422, api.CodeInvalid, "sedes"},
		{"POST", "/api/v1/jobs", `{"dataset":"docs","purpose":"p","seeds":["ftp://x/"]}`, 400, api.CodeInvalid, "http"},
		{"POST", "/api/v1/jobs", `{"dataset":"Docs!","purpose":"p","seeds":["https://x.example/"]}`, 400, api.CodeInvalid, "only a-z"},
		{"POST", "/api/v1/jobs", `{"dataset":"docs","purpose":"p","max_pages":-1,"seeds":["https://x.example/"]}`, 422, api.CodeInvalid, "max_pages"},
		{"POST", "/api/v1/jobs", `{"dataset":"docs","purpose":"p","scope":"web","seeds":["https://x.example/"]}`, 422, api.CodeInvalid, "list, prefix"},
		{"GET", "/api/v1/jobs/j-none", "", 404, api.CodeNotFound, "no job"},
		{"POST", "/api/v1/jobs/j-none/pause", "", 404, api.CodeNotFound, "no job"},
		{"GET", "/api/v1/jobs?limit=501", "", 422, api.CodeInvalid, "query.limit"},
		{"GET", "/api/v1/jobs?limt=5", "", 422, api.CodeInvalid, "unknown query"},
		{"GET", "/api/v1/epochs?after=x", "", 400, api.CodeInvalid, "no such place"},
		{"GET", "/api/v1/epochs/0", "", 422, api.CodeInvalid, "number"},
		{"GET", "/api/v1/epochs/9", "", 404, api.CodeNotFound, "no epoch 9"},
		{"GET", "/api/v1/epochs/2/file", "", 409, api.CodeConflict, "open"},
		{"GET", "/api/v1/epochs/x/file", "", 400, api.CodeInvalid, "number"},
		{"GET", "/api/v1/datasets/none/versions", "", 404, api.CodeNotFound, "no dataset"},
		{"GET", "/api/v1/datasets/..%2F/versions", "", 404, api.CodeNotFound, "no dataset"},
		{"GET", "/nothing", "", 404, api.CodeNotFound, "openapi.json"},
		{"DELETE", "/api/v1/jobs", "", 405, api.CodeInvalid, "GET, HEAD, POST"},
	} {
		t.Run(c.method+c.path, func(t *testing.T) {
			response, body := s.ask(t, c.method, c.path, c.body)
			var e api.Error
			if err := json.Unmarshal([]byte(body), &e); err != nil {
				t.Fatalf("%s: %v", body, err)
			}
			if response.StatusCode != c.status || e.Status != c.status || e.Code != c.code || !strings.Contains(e.Error(), c.says) {
				t.Errorf("%d %s, want %d %s with %q", response.StatusCode, body, c.status, c.code, c.says)
			}
			if got := response.Header.Get("Content-Type"); got != "application/problem+json" {
				t.Errorf("content type %q", got)
			}
		})
	}
}

// What went wrong inside is in the log and nowhere else.
func TestInternalTextStaysInside(t *testing.T) {
	f := newFake(t)
	f.broken = fmt.Errorf("read epoch: %w", errSecret)
	s := serve(t, f, nil)
	for _, path := range []string{"/api/v1/epochs", "/api/v1/epochs/1", "/api/v1/epochs/1/statements"} {
		response, body := s.ask(t, "GET", path, "")
		if response.StatusCode != 500 || strings.Contains(body, "secret") || !strings.Contains(body, `"code":"internal"`) {
			t.Errorf("%s: %s %s", path, response.Status, body)
		}
	}
	if !strings.Contains(s.logs.String(), "secret") {
		t.Error("the log does not say what went wrong")
	}
}

func TestHealth(t *testing.T) {
	f := newFake(t)
	s := serve(t, f, nil)
	if err := s.client.Ready(t.Context()); err != nil {
		t.Error(err)
	}
	f.ready = errors.New("the disk is full")
	if err := s.client.Ready(t.Context()); code(err) != api.CodeUnavailable || !strings.Contains(err.Error(), "disk is full") {
		t.Errorf("not ready: %v", err)
	}
	if response, body := s.ask(t, "GET", "/healthz", ""); response.StatusCode != 200 {
		t.Errorf("%s %s", response.Status, body)
	}
	if _, body := s.ask(t, "GET", "/version", ""); !strings.Contains(body, `"version":"dev"`) {
		t.Error(body)
	}
	if _, body := s.ask(t, "GET", "/metrics", ""); !strings.Contains(body, `fallow_api_requests_total{route="GET /readyz",status="503"} 1`) {
		t.Error(body)
	}
}

func TestOpenAPI(t *testing.T) {
	s := serve(t, newFake(t), nil)
	response, body := s.ask(t, "GET", "/openapi.json", "")
	var doc struct {
		OpenAPI    string                    `json:"openapi"`
		Paths      map[string]map[string]any `json:"paths"`
		Components struct {
			Schemas map[string]struct {
				Properties map[string]any `json:"properties"`
			} `json:"schemas"`
		} `json:"components"`
	}
	if err := json.Unmarshal([]byte(body), &doc); err != nil || response.StatusCode != 200 || !strings.HasPrefix(doc.OpenAPI, "3.1") {
		t.Fatalf("%v %s", err, response.Status)
	}
	for _, path := range []string{
		"/api/v1/jobs", "/api/v1/jobs/{id}", "/api/v1/jobs/{id}/cancel", "/api/v1/nodes", "/api/v1/epochs/close", "/api/v1/epochs/{number}/statements",
		"/api/v1/epochs/{number}/file", "/api/v1/datasets/{name}/versions", "/api/v1/datasets/{name}/versions/{version}/files/{path}", "/readyz",
	} {
		if doc.Paths[path] == nil {
			t.Errorf("%s is not documented", path)
		}
	}
	if doc.Components.Schemas["ErrorModel"].Properties["code"] == nil {
		t.Error("errors are documented without their code")
	}
	if strings.Contains(body, "http://") || strings.Contains(body, "cdn") {
		t.Error("the document points elsewhere")
	}
}

func TestCrawlerPage(t *testing.T) {
	s := serve(t, newFake(t), nil)
	response, body := s.ask(t, "GET", "/crawler", "")
	for _, want := range []string{
		"User-agent: FallowBot", "FallowBot/1.0 (&#43;https://crawler.example/)", `href="https://crawler.example/why?a=1&amp;b=2"`,
	} {
		if !strings.Contains(body, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if policy := response.Header.Get("Content-Security-Policy"); !strings.Contains(policy, "default-src 'none'") || strings.Contains(policy, "unsafe") {
		t.Errorf("policy %q", policy)
	}
	hostile := serve(t, newFake(t), func(c *api.Config) { c.Contact, c.Lab = "javascript:alert(1)//<script>", true })
	if _, body := hostile.ask(t, "GET", "/crawler", ""); strings.Contains(body, "<script>") || strings.Contains(body, "href=\"javascript") || !strings.Contains(body, "lab mode") {
		t.Error(body)
	}
}
