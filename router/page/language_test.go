package page_test

import (
	"strings"
	"testing"

	"golang.org/x/net/html/charset"

	"github.com/fallow-network/fallow/router/page"
	"github.com/fallow-network/fallow/router/page/language"
)

// speech is a few sentences of our own in one language, with the encodings it
// is met in.
var speech = []struct {
	want, text string
	encodings  []string
}{
	{"eng_Latn", "Nobody had asked the harbour master to write it all down, and nobody read what he wrote until the river changed its bed that winter.", nil},
	{"deu_Latn", "Niemand hatte den Hafenmeister gebeten, alles aufzuschreiben, und niemand las es, bis der Fluss im nächsten Frühjahr sein Bett änderte und die Brücke wegriss.", []string{"windows-1252"}},
	{"fra_Latn", "Personne n'avait demandé au maître du port de tout écrire, et personne ne l'a lu avant que la rivière ne change de lit cet hiver-là, après la grande tempête.", []string{"windows-1252"}},
	{"spa_Latn", "Nadie le había pedido al jefe del puerto que lo escribiera todo, y nadie lo leyó hasta que el río cambió de cauce aquel invierno y se llevó el puente de piedra.", []string{"windows-1252"}},
	{"rus_Cyrl", "Никто не просил начальника порта записывать всё это, и никто не читал его тетрадей, пока река не изменила своё русло той зимой и не унесла старый мост.", []string{"windows-1251", "koi8-r", "iso-8859-5"}},
	{"ukr_Cyrl", "Ніхто не просив начальника порту все це записувати, і ніхто не читав його зошитів, доки річка не змінила своє русло тієї зими та не знесла старий міст.", nil},
	{"ell_Grek", "Κανείς δεν είχε ζητήσει από τον λιμενάρχη να τα γράψει όλα, και κανείς δεν τα διάβασε μέχρι που το ποτάμι άλλαξε κοίτη εκείνο τον χειμώνα.", []string{"windows-1253"}},
	{"heb_Hebr", "איש לא ביקש ממנהל הנמל לכתוב את הכול, ואיש לא קרא את מה שכתב עד שהנהר שינה את מסלולו באותו חורף וסחף את הגשר הישן.", []string{"windows-1255"}},
	{"arb_Arab", "لم يطلب أحد من مدير الميناء أن يكتب كل شيء، ولم يقرأ أحد ما كتبه حتى غيّر النهر مجراه في ذلك الشتاء وجرف الجسر القديم معه إلى البحر.", []string{"windows-1256"}},
	{"hin_Deva", "किसी ने बंदरगाह के अधिकारी से यह सब लिखने के लिए नहीं कहा था और जब तक नदी ने उस सर्दी में अपना रास्ता नहीं बदला तब तक किसी ने इसे पढ़ा भी नहीं।", nil},
	{"tha_Thai", "ไม่มีใครขอให้นายท่าเรือจดบันทึกทุกอย่าง และไม่มีใครอ่านสิ่งที่เขาเขียนจนกระทั่งแม่น้ำเปลี่ยนทางในฤดูหนาวปีนั้น", []string{"windows-874"}},
	{"jpn_Jpan", "港長にすべてを書き留めるように頼んだ人は誰もいませんでした。そしてその冬に川の流れが変わるまで、彼の帳面を読んだ人もいませんでした。", []string{"shift_jis", "euc-jp"}},
	{"cmn_Hani", "没有人要求港务长把一切都写下来，也没有人读过他写的东西，直到那年冬天河流改道，冲走了那座古老的石桥，大家才想起他的记录。", []string{"gb18030", "gbk"}},
	{"cmn_Hani", "沒有人要求港務長把一切都寫下來，也沒有人讀過他寫的東西，直到那年冬天河流改道，沖走了那座古老的石橋，大家才想起他的記錄。", []string{"big5"}},
	{"kor_Hang", "아무도 항만장에게 모든 것을 적어 달라고 부탁하지 않았고, 그해 겨울 강이 물길을 바꿀 때까지 아무도 그의 공책을 읽지 않았다.", []string{"euc-kr"}},
	{"hye_Armn", "Ոչ ոք չէր խնդրել նավահանգստի պետին գրել այդ ամենը, և ոչ ոք չկարդաց նրա տետրերը։", nil},
}

func TestDetectLanguage(t *testing.T) {
	t.Parallel()
	for _, s := range speech {
		got := language.Detect(s.text)
		if got.String() != s.want || got.Score <= 0 || got.Score > 1 {
			t.Errorf("got %s (%v), want %s: %.40s", got, got.Score, s.want, s.text)
		}
	}
	for text, want := range map[string]string{
		"": "und_Zzzz", "12345 67890 !!!": "und_Zzzz", "Oslo": "und_Latn", "東京": "und_Hani",
		// FineWeb-2's code, not the detector's.
		"Keegi ei olnud palunud sadamakaptenil seda kõike üles kirjutada, ja keegi ei lugenud tema märkmeid enne, kui jõgi muutis oma sängi.":         "ekk_Latn",
		"هیچ کس از رئیس بندر نخواسته بود که همه چیز را بنویسد و هیچ کس نوشته های او را نخواند تا این که رودخانه مسیر خود را تغییر داد.":               "fas_Arab",
		"Walang humiling sa pinuno ng daungan na isulat ang lahat ng ito, at walang bumasa ng kanyang isinulat hanggang sa nagbago ang agos ng ilog.": "fil_Latn",
		// A Japanese page with much English code on it.
		"ファイルを開く関数です。 func Open(name string) 失敗したときはエラーを返します。それ以外は使えます。": "jpn_Jpan",
	} {
		if got := language.Detect(text); got.String() != want {
			t.Errorf("%q is %s, want %s", text, got, want)
		}
	}
}

// Every way an encoding can be learnt leads to the same text.
func TestCharsets(t *testing.T) {
	t.Parallel()
	for _, s := range speech {
		text := strings.Repeat(s.text+" ", 3)
		for _, name := range append([]string{"utf-8"}, s.encodings...) {
			enc, canonical := charset.Lookup(name)
			encode := func(s string) string {
				out, err := enc.NewEncoder().String(s)
				if err != nil {
					t.Fatal(err)
				}
				return out
			}
			for way, in := range map[string][2]string{
				"header":  {"text/html; charset=" + name, "<body><p>" + encode(text)},
				"meta":    {"text/html", "<meta charset='" + name + "'><body><p>" + encode(text)},
				"pragma":  {"text/html", "<meta http-equiv='Content-Type' content='text/html; charset=" + name + "'><body><p>" + encode(text)},
				"neither": {"text/html", "<body><p>" + encode(text)},
				"late":    {"text/html", "<body><!--" + strings.Repeat(" ", 1100) + "--><p>" + encode(text)},
			} {
				p := parse(t, page.Fast, in[0], in[1])
				want := canonical
				if want == "gbk" && (way == "neither" || way == "late") {
					want = "gb18030"
				}
				if p.Text != strings.TrimSpace(text) || p.Charset != want {
					t.Errorf("%s in %s by %s: read as %s: %.60s", s.want, name, way, p.Charset, p.Text)
				}
			}
		}
	}
	for body, want := range map[string]string{
		"\ufeff<p>ü":                       "ü",
		"\xff\xfe<\x00p\x00>\x00\xfc\x00":  "ü",
		"<p>a\xffb":                        "aÿb",
		"<meta charset=utf-8><p>a\xff b":   "a\ufffd b",
		"<meta charset=utf-16><p>\xc3\xbc": "ü",
		"<meta charset=bogus><p>\xfc":      "ü",
	} {
		if p := parse(t, page.Fast, "text/html", body); p.Text != want {
			t.Errorf("%q gives %q, want %q", body, p.Text, want)
		}
	}
}
