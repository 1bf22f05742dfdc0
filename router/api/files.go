package api

import (
	"fmt"
	"net/http"
	"os"
	"path"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
)

// errNoFile hides why a file cannot be had: a path that leads out of its folder
// is to look like one that leads nowhere.
var errNoFile = NotFound("there is no such file")

// serve answers GET and HEAD under pattern with a file, with ranges and ETag.
// The operation goes into the OpenAPI document; its path differs from pattern
// where that has a wildcard.
func (s *Server) serve(op huma.Operation, pattern string, open func(r *http.Request) (*os.File, error)) {
	op.Method = http.MethodGet
	op.Parameters = pathParameters(op.Path)
	op.Responses = map[string]*huma.Response{
		"200":     {Description: "The file"},
		"206":     {Description: "The range asked for"},
		"304":     {Description: "Not modified"},
		"416":     {Description: "No such range"},
		"default": {Description: "Error", Content: map[string]*huma.MediaType{problemType: {Schema: &huma.Schema{Ref: errorRef}}}},
	}
	s.api.OpenAPI().AddOperation(&op)
	s.mux.HandleFunc(http.MethodGet+" "+pattern, func(w http.ResponseWriter, r *http.Request) {
		f, err := open(r)
		if err != nil {
			writeError(w, s.refusal(r.Context(), op.OperationID, err))
			return
		}
		defer f.Close()
		info, err := f.Stat()
		if err != nil || !info.Mode().IsRegular() {
			writeError(w, s.refusal(r.Context(), op.OperationID, errNoFile))
			return
		}
		h := w.Header()
		h.Set("Content-Type", contentType(info.Name()))
		h.Set("Content-Disposition", "attachment")
		h.Set("Cache-Control", "private, no-cache") // may be kept, to be asked for again by ETag
		h.Set("ETag", etag(info))
		http.ServeContent(&patient{w, s.cfg.FileIdle}, r, "", info.ModTime(), f)
	})
}

// etag is a strong one: a published file is never written again, only replaced.
func etag(info os.FileInfo) string {
	return fmt.Sprintf(`"%x-%x"`, info.Size(), info.ModTime().UnixNano())
}

func contentType(name string) string {
	switch path.Ext(name) {
	case ".parquet":
		return "application/vnd.apache.parquet"
	case ".json":
		return "application/json"
	case ".md":
		return "text/markdown; charset=utf-8"
	}
	return "application/octet-stream"
}

// patient gives every chunk of a download its own time, so that a large file
// may take long and a reader that stands still may not.
type patient struct {
	http.ResponseWriter
	idle time.Duration
}

// chunkBytes is what has to get through within the idle time.
const chunkBytes = 256 << 10

func (p *patient) Unwrap() http.ResponseWriter { return p.ResponseWriter }

// Write implements io.Writer.
func (p *patient) Write(b []byte) (int, error) {
	written := 0
	for len(b) > 0 {
		chunk := b[:min(len(b), chunkBytes)]
		if err := http.NewResponseController(p.ResponseWriter).SetWriteDeadline(time.Now().Add(p.idle)); err != nil {
			return written, err
		}
		n, err := p.ResponseWriter.Write(chunk)
		written += n
		if err != nil {
			return written, err
		}
		b = b[n:]
	}
	return written, nil
}

// pathParameters documents the {names} of a path.
func pathParameters(path string) []*huma.Param {
	var params []*huma.Param
	for part := range strings.SplitSeq(path, "/") {
		if name, ok := strings.CutPrefix(part, "{"); ok {
			params = append(params, &huma.Param{
				Name: strings.TrimSuffix(name, "}"), In: "path", Required: true, Schema: &huma.Schema{Type: huma.TypeString},
			})
		}
	}
	return params
}
