package api_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/fallow-network/fallow/router/api"
)

// Whatever is posted, the answer is a job or a problem of the caller's, small
// and well-formed.
func FuzzNewJob(f *testing.F) {
	s := serve(f, newFake(f), nil)
	for _, seed := range []string{
		goodJob, ``, `{}`, `null`, `[]`, `{"seeds":{}}`, `{"dataset":1e999,"purpose":[],"seeds":"x"}`, `{"seeds":[null]}`,
		strings.Repeat(`[`, 10_000), `{"dataset":"d","dataset":"e","purpose":"\ud800","seeds":["https://a.example/\u0000"]}`,
		`{"dataset":"d","purpose":"p","max_pages":9223372036854775808,"seeds":["https://a.example/"]}`,
	} {
		f.Add(seed, "application/json")
	}
	f.Add(goodJob, "text/plain")
	f.Add("a=b", "multipart/form-data; boundary=x")
	f.Fuzz(func(t *testing.T, body, contentType string) {
		if strings.ContainsAny(contentType, "\r\n\x00") || strings.ContainsFunc(contentType, func(r rune) bool { return r < ' ' || r == 127 }) {
			return
		}
		response, text := s.ask(t, "POST", "/api/v1/jobs", body, "Content-Type", contentType)
		if response.StatusCode == http.StatusCreated {
			return
		}
		var e api.Error
		if err := json.Unmarshal([]byte(text), &e); err != nil || e.Code != api.CodeInvalid || response.StatusCode >= 500 || len(text) > 16_000 {
			t.Fatalf("%s %.500s: %v", response.Status, text, err)
		}
	})
}
