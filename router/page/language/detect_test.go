package language_test

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode"

	"github.com/RadhiFadlillah/whatlanggo"

	"github.com/fallow-network/fallow/router/page/language"
)

// fineweb are whatlanggo's codes for which FineWeb-2 uses another.
var fineweb = map[string]string{
	"aka": "twi", "est": "ekk", "lav": "lvs", "kur": "kmr", "mlg": "plt", "nep": "npi",
	"ori": "ory", "orm": "gaz", "pes": "fas", "tgl": "fil", "uzb": "uzn",
}

var tables = map[string]*unicode.RangeTable{
	"Latn": unicode.Latin, "Cyrl": unicode.Cyrillic, "Arab": unicode.Arabic, "Deva": unicode.Devanagari,
	"Ethi": unicode.Ethiopic, "Hebr": unicode.Hebrew,
}

// model answers like whatlanggo does, which counts the same trigrams in maps and
// asks each language in turn.
func model(text string, table *unicode.RangeTable) (string, float64) {
	var options whatlanggo.Options
	if table == unicode.Cyrillic {
		switch {
		case strings.ContainsAny(text, "ыэ"):
			options.Blacklist = map[whatlanggo.Lang]bool{whatlanggo.Bul: true, whatlanggo.Mkd: true, whatlanggo.Srp: true, whatlanggo.Ukr: true}
		case strings.ContainsAny(text, "іїє"):
			options.Blacklist = map[whatlanggo.Lang]bool{whatlanggo.Bul: true, whatlanggo.Mkd: true, whatlanggo.Srp: true, whatlanggo.Rus: true}
		}
	}
	info := whatlanggo.DetectWithOptions(strings.Map(func(r rune) rune {
		if unicode.Is(table, r) && unicode.IsLetter(r) || unicode.IsMark(r) {
			return r
		}
		return ' '
	}, text), options)
	code := info.Lang.Iso6393()
	if better, ok := fineweb[code]; ok {
		code = better
	}
	return code, info.Confidence
}

// checkLikeModel compares with the model wherever that is sure of itself: it
// chooses between equals at random, and is never sure of short texts that only
// one language has any trigram of.
func checkLikeModel(t *testing.T, text string) {
	t.Helper()
	got := language.Detect(text)
	table := tables[got.Script]
	if table == nil {
		return
	}
	code, confidence := model(text, table)
	if confidence > 0.02 && got.Code != "und" && got.Code != code ||
		confidence > 0 && got.Score > confidence+0.011 {
		t.Fatalf("%q is %s %.2f, the model says %s %.2f", text, got, got.Score, code, confidence)
	}
}

// profiles are the trigrams of every language, to make texts of.
func profiles(t testing.TB) map[string][]string {
	raw, err := os.ReadFile("trigrams.txt")
	if err != nil {
		t.Fatal(err)
	}
	all := map[string][]string{}
	for line := range strings.Lines(string(raw)) {
		if fields := strings.Split(strings.TrimSpace(line), "\t"); len(fields) == 3 {
			runes := []rune(strings.ReplaceAll(fields[2], "_", " "))
			for i := 0; i+3 <= len(runes); i += 3 {
				all[fields[1]+"_"+fields[0]] = append(all[fields[1]+"_"+fields[0]], string(runes[i:i+3]))
			}
		}
	}
	return all
}

// TestLikeModel: texts made of every language's trigrams, and mixtures of two,
// are told as by the model, and those of one language rightly.
func TestLikeModel(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	all := profiles(t)
	var names []string
	for name := range all {
		names = append(names, name)
	}
	if len(names) != 70 {
		t.Errorf("%d profiles", len(names))
	}
	salad := func(grams []string, n int) string {
		var b strings.Builder
		for range n {
			b.WriteString(grams[min(random.IntN(len(grams)), random.IntN(len(grams)))])
			b.WriteString([]string{"", "", "", " ", ", ", "1 "}[random.IntN(6)])
		}
		return b.String()
	}
	for name, grams := range all {
		long := salad(grams, 500)
		if got := language.Detect(long); got.String() != name {
			t.Errorf("a text of the trigrams of %s is %s %.2f", name, got, got.Score)
		}
		checkLikeModel(t, long)
		for range 10 {
			checkLikeModel(t, salad(grams, 1+random.IntN(60)))
			checkLikeModel(t, salad(grams, 20)+salad(all[names[random.IntN(len(names))]], 20))
		}
	}
}

func FuzzDetect(f *testing.F) {
	for _, text := range []string{"Nobody had asked the harbour master", "Никто не просил", "a\u0301\xff b", "ȺȾİ ſK", "𐐀𐐁 字𠀀", "ªº ١٢٣"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got := language.Detect(text)
		if len(got.Code) != 3 || len(got.Script) != 4 || !(got.Score >= 0 && got.Score <= 1) || (got.Code == "und") != (got.Score == 0) {
			t.Fatalf("%q is %+v", text, got)
		}
		checkLikeModel(t, text)
	})
}

// BenchmarkDetect measures both on 2 KB of text, the sample a page is told by.
func BenchmarkDetect(b *testing.B) {
	files, err := filepath.Glob("../../../*.md")
	if err != nil || len(files) == 0 {
		b.Fatal("no text: ", err)
	}
	raw, err := os.ReadFile(files[0])
	if err != nil {
		b.Fatal(err)
	}
	english := string(raw[:2048])
	russian := strings.Repeat("Никто не просил начальника порта записывать всё это, и никто не читал его тетрадей, пока река не изменила своё русло той зимой. ", 9)[:2048]
	for _, c := range []struct {
		name, text string
		table      *unicode.RangeTable
	}{{"eng", english, unicode.Latin}, {"rus", russian, unicode.Cyrillic}} {
		b.Run(c.name+"/peer-whatlanggo", func(b *testing.B) {
			b.SetBytes(2048)
			for b.Loop() {
				model(c.text, c.table)
			}
		})
		b.Run(c.name+"/fallow", func(b *testing.B) {
			b.SetBytes(2048)
			for b.Loop() {
				language.Detect(c.text)
			}
		})
	}
}
