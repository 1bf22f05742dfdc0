package lab_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/fallow-network/fallow/router/lab"
)

// A magazine's pages have the size and the links asked for, differ, and are all
// reached from the front page.
func TestMagazine(t *testing.T) {
	t.Parallel()
	const pages = 150
	for _, size := range []int{60 << 10, 240 << 10} {
		magazine := lab.NewMagazine(lab.MagazineConfig{Seed: 3, Pages: pages, PageBytes: size})
		reached, bodies := map[string]bool{}, map[string]bool{}
		for queue := []string{"/p/0"}; len(queue) > 0; queue = queue[1:] {
			path := queue[0]
			if reached[path] {
				continue
			}
			reached[path] = true
			code, body := serve(t, magazine, path)
			if code != http.StatusOK || bodies[body] {
				t.Fatalf("%s answers %d or repeats a page", path, code)
			}
			bodies[body] = true
			if len(body) < size*8/10 || len(body) > size*12/10 {
				t.Errorf("%s has %d bytes, want about %d", path, len(body), size)
			}
			if _, again := serve(t, magazine, path); again != body {
				t.Errorf("%s is not the same twice", path)
			}
			distinct := map[string]bool{}
			for _, ref := range hrefs(t, []byte(body)) {
				if strings.HasPrefix(ref, "/p/") {
					distinct[ref] = true
					queue = append(queue, ref)
				}
			}
			if len(distinct) > 60 || len(distinct) < 40 {
				t.Errorf("%s has %d links to pages", path, len(distinct))
			}
			if strings.Count(body, "<") < size/120 {
				t.Errorf("%s has %d tags", path, strings.Count(body, "<"))
			}
		}
		if len(reached) != pages {
			t.Errorf("%d of %d pages can be reached", len(reached), pages)
		}
	}
	if code, _ := serve(t, lab.NewMagazine(lab.MagazineConfig{}), "/p/50"); code != http.StatusNotFound {
		t.Errorf("page beyond the last answers %d", code)
	}
}
