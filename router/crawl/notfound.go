package crawl

import "strings"

// notFoundText is how long a page may be that only says it is not there.
const notFoundText = 1_000

// notFoundTitles begin the titles of such pages, in lower case.
var notFoundTitles = []string{
	"404", "not found", "page not found", "error 404", "file not found", "this page could not be found", "page introuvable",
	"seite nicht gefunden", "página no encontrada", "pagina non trovata", "pagina niet gevonden", "страница не найдена", "ページが見つかりません", "页面不存在",
}

// notFound reports whether a page that was answered with success says by its title
// that it does not exist, and little else. Such a page is no record, and its links
// are not followed.
func notFound(title, text string) bool {
	if len(text) > notFoundText {
		return false
	}
	title = strings.ToLower(strings.TrimSpace(title))
	for _, t := range notFoundTitles {
		if rest, ok := strings.CutPrefix(title, t); ok && (rest == "" || strings.ContainsRune(" -–—|:!.", []rune(rest)[0])) {
			return true
		}
	}
	return false
}
