package alike_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/fallow-network/fallow/router/dedupe/alike"
)

func similarity(a, b string) float64 {
	x, y := alike.New(a), alike.New(b)
	if x == nil || y == nil {
		return -1
	}
	return alike.Similarity(x.Sketch, y.Sketch)
}

// TestSpellingDoesNotCount: case, punctuation and space make no other shingle.
func TestSpellingDoesNotCount(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	for name, list := range map[string][2][]string{
		"words":    {words(r, 60), nil},
		"cyrillic": {strings.Fields(strings.Repeat("Привет большой и удивительный мир номер один снова ", 9)), nil},
		"accents":  {strings.Fields(strings.Repeat("Ärger übermäßig größer déjà naïve façade ", 9)), nil},
	} {
		for i := range list[0] { // make them all different
			list[0][i] += fmt.Sprint(i)
		}
		plain := strings.Join(list[0], " ")
		loud := strings.ToUpper(strings.Join(list[0], ", — "))
		if s := similarity(plain, loud); s != 1 && !strings.Contains(plain, "ß") {
			t.Errorf("%s: %v", name, s)
		}
	}
}

// TestScriptsWithoutSpaces: one character is one token where no spaces are
// written, and a line break in between is nothing.
func TestScriptsWithoutSpaces(t *testing.T) {
	for name, text := range map[string]string{
		"chinese":  "统计学是收集分析解释和呈现数据的科学它广泛应用于自然科学社会科学以及工商业和政府的情报决策之上",
		"japanese": "日本語の文章には単語と単語のあいだに空白がありませんので文字ごとに見ることにしていますよ",
		"thai":     "ภาษาไทยเขียนติดกันโดยไม่เว้นวรรคระหว่างคำดังนั้นจึงต้องนับทีละตัวอักษรในข้อความนี้เพื่อเปรียบเทียบ",
		"khmer":    "ភាសាខ្មែរសរសេរជាប់គ្នាដោយមិនដកឃ្លារវាងពាក្យដូច្នេះត្រូវរាប់តួអក្សរម្តងមួយៗក្នុងអត្ថបទនេះ",
		"burmese":  "မြန်မာဘာသာစကားကိုစာလုံးများကြားတွင်နေရာလွတ်မထားဘဲရေးသားသောကြောင့်အက္ခရာတစ်လုံးချင်းစီရေတွက်ရသည်",
	} {
		runes := []rune(text)
		at := 20
		for !unicode.IsLetter(runes[at]) {
			at++
		}
		broken := string(runes[:at]) + "\n" + string(runes[at:])
		if s := similarity(text, broken); s != 1 {
			t.Errorf("%s: %v with a line break", name, s)
		}
		if s := similarity(text, text+"。"+string(runes[:8])); s < 0.8 || s == 1 {
			t.Errorf("%s: %v with an addition", name, s)
		}
	}
}

// TestSimilarityByHand: 40 words have 36 shingles; one changed in the middle
// leaves 31 in common of 41.
func TestSimilarityByHand(t *testing.T) {
	r := rand.New(rand.NewPCG(2, 2))
	list := words(r, 40)
	for i := range list {
		list[i] = fmt.Sprint("word", i)
	}
	a := strings.Join(list, " ")
	list[20] = "other"
	if s := similarity(a, strings.Join(list, " ")); s != 31./41 {
		t.Errorf("got %v, want %v", s, 31./41)
	}
	if alike.New(strings.Join(list[:35], " ")) != nil || alike.New("") != nil || alike.New(strings.Repeat("all the same five words ", 50)) != nil {
		t.Error("a text of fewer than 32 shingles has a shape")
	}
}

// TestLongTextsAreSampledFairly: of texts longer than a sketch the estimate stays
// within a few of its standard errors, and a sketch within its bound.
func TestLongTextsAreSampledFairly(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 3))
	for _, aim := range []float64{0.5, 0.7, 0.8, 0.95} {
		for _, n := range []int{900, 3000, 40_000} {
			a := words(r, n)
			for i := range a {
				a[i] = fmt.Sprint(a[i], "x", i)
			}
			own := int(float64(n) * (1 - aim) / (1 + aim))
			b := slices.Clone(a)
			for i := range own {
				b[i] = fmt.Sprint("own", i)
			}
			truth := float64(n-4-own) / float64(n-4+own)
			got := similarity(strings.Join(a, " "), strings.Join(b, " "))
			if math.Abs(got-truth) > 0.06 {
				t.Errorf("%d words: %.3f, truth %.3f", n, got, truth)
			}
		}
	}
}

func TestSketchBytes(t *testing.T) {
	r := rand.New(rand.NewPCG(4, 4))
	for _, n := range []int{40, 900, 5000} {
		s := alike.New(strings.Join(words(r, n), " ")).Sketch
		raw := s.Append(nil)
		if len(raw) > 1+4*alike.MaxSketch {
			t.Errorf("%d words: %d bytes", n, len(raw))
		}
		back, err := alike.ParseSketch(raw)
		if err != nil || back.Cut != s.Cut || !slices.Equal(back.Hashes, s.Hashes) {
			t.Errorf("%d words: %v, other sketch", n, err)
		}
	}
}

func FuzzParseSketch(f *testing.F) {
	f.Add([]byte{0, 0, 0, 0, 1, 0, 0, 0, 2})
	f.Add([]byte{1})
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, raw []byte) {
		s, err := alike.ParseSketch(raw)
		if err == nil && !slices.Equal(s.Append(nil), raw) {
			t.Error("bytes change in passing")
		}
		if v := alike.Similarity(s, s); err == nil && len(s.Hashes) > 0 && v != 1 {
			t.Errorf("similar to itself: %v", v)
		}
	})
}

// FuzzShape: whatever a page holds, two shapes of one text are the same, and
// similarity is symmetric and between 0 and 1.
func FuzzShape(f *testing.F) {
	f.Add("a text", "another\xff text", uint8(20))
	f.Add("漢字", "か\u3099", uint8(90))
	f.Add("\u0300\u0300", "e\u0301", uint8(200))
	f.Fuzz(func(t *testing.T, a, b string, times uint8) {
		for i := range int(times) {
			a += fmt.Sprint(" ", i, b)
			b += fmt.Sprint(a[:min(len(a), 9)], i)
			if len(a) > 1<<16 {
				break
			}
		}
		x, y := alike.New(a), alike.New(b)
		if x == nil || y == nil {
			return
		}
		s := alike.Similarity(x.Sketch, y.Sketch)
		if s < 0 || s > 1 || s != alike.Similarity(y.Sketch, x.Sketch) || alike.Similarity(x.Sketch, x.Sketch) != 1 {
			t.Errorf("similarity %v", s)
		}
		if x.SharesTemplate(x.Sketch) || alike.New(a).Bands != x.Bands {
			t.Error("a text differs from itself")
		}
	})
}
