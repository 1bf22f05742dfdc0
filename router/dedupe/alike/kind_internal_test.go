package alike

import (
	"testing"
	"unicode"
)

// What is looked up is what Unicode's tables say.
func TestKinds(t *testing.T) {
	t.Parallel()
	for r := rune(0); r <= unicode.MaxRune; r += 1 + r/0x30000*7 {
		if kindOf(r) != kindByTables(r) || lower(r) != unicode.ToLower(r) {
			t.Errorf("%U is %d and %U", r, kindOf(r), lower(r))
		}
	}
}
