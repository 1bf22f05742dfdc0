package crawl_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/fallow-network/fallow/dataset"
	"github.com/fallow-network/fallow/router/crawl/job"
)

// The answer of every record is kept, byte for byte, when the job asks for it,
// across commits and a restart; without asking there is none.
func TestAnswersAreKeptWhenAsked(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.site("small.fallow.test", http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		rw.Header().Set("Set-Cookie", "secret=1")
		rw.Header().Set("X-Note", "caf\xe9")
		small(30).ServeHTTP(rw, r)
	}))
	w.cfg.ShardRows = 7
	w.start()
	p := w.finish(w.submit(job.Spec{Seeds: []string{"https://small.fallow.test/"}, KeepRaw: true}))
	digests := map[string][32]byte{}
	for _, r := range w.records(p) {
		if digests[r.ID] = r.BodySHA256; r.BodyBytes == 0 || r.Epoch != 5 {
			t.Errorf("body of %d bytes, epoch %d", r.BodyBytes, r.Epoch)
		}
	}
	v, err := dataset.OpenVersion(p.Result.Dir)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	err = v.ReadRaw(func(_ string, _ int64, r *dataset.Raw) error {
		n++
		if digests[r.ID] != r.BodySHA256 || !strings.Contains(string(r.Body), "<html") {
			t.Errorf("%s is not the answer of its record", r.URL)
		}
		if r.Status != 200 || !strings.HasPrefix(r.Protocol, "HTTP/") || !strings.Contains(r.Header, "X-Note: caf?\r\n") || strings.Contains(r.Header, "secret") {
			t.Errorf("answer %d %s with header %q", r.Status, r.Protocol, r.Header)
		}
		return nil
	})
	if err != nil || n != len(digests) || n == 0 {
		t.Errorf("%d answers of %d records, %v", n, len(digests), err)
	}
	w.restart()
	p = w.finish(w.submit(job.Spec{Dataset: "other", Seeds: []string{"https://small.fallow.test/"}}))
	if v, err = dataset.OpenVersion(p.Result.Dir); err != nil {
		t.Fatal(err)
	}
	if err := v.ReadRaw(func(string, int64, *dataset.Raw) error { t.Error("an answer nobody asked for"); return nil }); err != nil {
		t.Fatal(err)
	}
}
