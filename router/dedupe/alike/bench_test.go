package alike_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/fallow-network/fallow/router/dedupe/alike"
)

func words(r *rand.Rand, n int) []string {
	list := make([]string, n)
	for i := range list {
		list[i] = fmt.Sprintf("w%d", r.IntN(20000))
	}
	return list
}

func BenchmarkNew(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 1))
	text := strings.Join(words(r, 500), " ")
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		alike.New(text)
	}
}

// BenchmarkNewCyrillic is BenchmarkNew beyond ASCII.
func BenchmarkNewCyrillic(b *testing.B) {
	text := strings.Repeat("Привет большой и удивительный мир номер один снова, ", 40)
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		alike.New(text)
	}
}
