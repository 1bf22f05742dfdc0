package trap

import (
	"strings"

	"github.com/cespare/xxhash/v2"
)

// skeletonWords is how many words of a text are looked at.
const skeletonWords = 1000

// skeleton stands for what a page says, less what a generator fills in: the words
// of the page's own address and, where the address is suspicious, numbers and the
// names of months and days; elsewhere numbers may be all that matters. Two pages
// with one skeleton say the same; somebody who makes them so on purpose only
// keeps their own site from being crawled.
func skeleton(url, title, text string, suspicious bool) uint64 {
	own := make(map[string]struct{})
	for w := range strings.FieldsFuncSeq(strings.ToLower(url), between) {
		own[w] = struct{}{}
	}
	h := xxhash.New()
	n := 0
	for _, part := range []string{title, text[:min(len(text), 8*skeletonWords)]} {
		for w := range strings.FieldsFuncSeq(part, between) {
			if n++; n > skeletonWords {
				break
			}
			w = strings.ToLower(w)
			if _, known := own[w]; known || suspicious && (strings.ContainsAny(w, "0123456789") || isDate(w)) {
				continue
			}
			_, _ = h.WriteString(w)
			_, _ = h.Write([]byte{0})
		}
	}
	return h.Sum64()
}

// between reports whether r stands between words. Bytes above ASCII are letters.
func between(r rune) bool {
	return r < 0x80 && (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z')
}

// dateWords are English; in other languages numbers alone are left out.
const dateWords = ` january february march april may june july august september october november december jan feb mar apr jun jul aug sep sept oct nov dec monday tuesday wednesday thursday friday saturday sunday mon tue wed thu fri sat sun am pm today yesterday tomorrow `

func isDate(w string) bool {
	return len(w) >= 2 && len(w) <= 9 && strings.Contains(dateWords, " "+w+" ")
}
