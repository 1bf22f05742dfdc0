package api

import (
	"encoding/json"
	"net/http"
	"reflect"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

// What one answer says about a bad request at most: so many defects, so many
// bytes about each, since huma repeats names and headers of the request.
const (
	maxDefects     = 16
	maxDefectBytes = 300
)

// asProblem gives huma's own refusals our form. The offending values are left
// out: they can be as large as the request.
func asProblem(_ huma.Context, _ string, v any) (any, error) {
	model, ok := v.(*huma.ErrorModel)
	if !ok {
		return v, nil
	}
	if model.Status >= http.StatusInternalServerError {
		return withStatus(model.Status, codeOf(model.Status), "the request could not be read or answered"), nil
	}
	e := withStatus(model.Status, codeOf(model.Status), model.Detail)
	for _, d := range model.Errors[:min(len(model.Errors), maxDefects)] {
		if d != nil {
			e.Errors = append(e.Errors, Defect{Message: short(d.Message), Location: short(d.Location)})
		}
	}
	return e, nil
}

func short(text string) string {
	return strings.ToValidUTF8(text[:min(len(text), maxDefectBytes)], "\ufffd")
}

// errorSchema is what huma calls the schema of errors.
const (
	errorSchema = "ErrorModel"
	errorRef    = "#/components/schemas/" + errorSchema
)

// documentErrors puts our form of errors into the OpenAPI document, where huma
// has put its own.
func documentErrors(doc *huma.OpenAPI) {
	schemas := doc.Components.Schemas
	schemas.Map()[errorSchema] = huma.SchemaFromType(schemas, reflect.TypeFor[Error]())
}

// writeError answers outside of huma.
func writeError(w http.ResponseWriter, e *Error) {
	w.Header().Set("Content-Type", problemType)
	w.WriteHeader(e.Status)
	_ = json.NewEncoder(w).Encode(e) // whoever asked is gone if this fails
}

// dispatch is the mux with problems instead of its plain-text errors.
func (s *Server) dispatch(w http.ResponseWriter, r *http.Request) {
	handler, pattern := s.mux.Handler(r)
	if pattern != "" {
		s.mux.ServeHTTP(w, r)
		return
	}
	probe := &unmatched{header: make(http.Header)}
	handler.ServeHTTP(probe, r)
	if probe.status == http.StatusMethodNotAllowed {
		w.Header().Set("Allow", probe.header.Get("Allow"))
		writeError(w, withStatus(probe.status, CodeInvalid, "this address answers "+probe.header.Get("Allow")+" only"))
		return
	}
	writeError(w, newError(CodeNotFound, "there is nothing at this address; /openapi.json lists what there is"))
}

// unmatched hears what the mux would have said.
type unmatched struct {
	header http.Header
	status int
}

func (u *unmatched) Header() http.Header         { return u.header }
func (u *unmatched) WriteHeader(status int)      { u.status = status }
func (u *unmatched) Write(p []byte) (int, error) { return len(p), nil }
