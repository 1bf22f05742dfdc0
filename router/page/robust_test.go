package page_test

import (
	"strings"
	"testing"
	"time"

	"github.com/fallow-network/fallow/router/page"
)

// Documents made to cost much cost no more than their size: megabytes are read
// within a time that only a quadratic reader would need longer for.
func TestHostileDocuments(t *testing.T) {
	t.Parallel()
	of := func(part string) string { return strings.Repeat(part, (512<<10)/len(part)) }
	long := func(part string) string { return strings.Repeat(part, (10<<20-10)/len(part)) }
	for name, body := range map[string]string{
		"one tag": "<p " + long("a=b "), "one value": "<p a='" + long("x"), "one name": "<" + long("a"), "one text": of("a b "), "one comment": "<!--" + of("- "),
		"angles": of("<"), "ends": of("</"), "opens": of("<a "), "nested": of("<div>"), "nested menus": of("<nav>"), "closed": of("</nav>"),
		"hidden scripts": of("<script><!--</script>"), "scripts": of("<script></scripty>"), "half comments": of("<!-"), "declarations": of("<!x>"),
		"links": of("<a href=/&x>"), "odd links": of("<a href='/\r&notit;'>"), "slashes": of("<nav a=/>"), "repeated": "<nav " + of("a=b ") + "a=/>",
		"references": of("&notin"), "marks": "a" + of("\u0301"), "spaces": of("\u00a0 "), "metas": of("<meta name=a content=b>"), "bases": of("<base href=x>"),
		"linked data": of("<script type=application/ld+json>[</script>"), "licences": of("<a rel=license href=x>"), "titles": of("<title></title>"),
		"mails": of("a@"), "numbers": of("+1 2 "), "nulls": of("\x00"), "preformatted": "<pre>" + of("\r \n"),
	} {
		t.Run(name, func(t *testing.T) {
			began := time.Now()
			p, err := page.Parse(page.Input{Body: []byte(body), ContentType: "text/html; charset=utf-8", URL: "https://site.test/"}, page.Options{Mode: page.Fast})
			if err != nil {
				t.Fatal(err)
			}
			checkText(t, p.Text, true)
			if took := time.Since(began); took > 2*time.Minute { // usually a tenth of a second
				t.Errorf("took %s", took)
			}
		})
	}
}
