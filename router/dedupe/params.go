package dedupe

import "strings"

// Parameters that say who came and how, never what is shown. The list is short on
// purpose: a name stays off it unless sites agree on its meaning, because a
// parameter removed in error merges different pages. Names are compared in lower
// case.
var trackers = map[string]string{
	"gclid":             "Google Ads click",
	"gclsrc":            "Google Ads click source",
	"gbraid":            "Google Ads click, app to web",
	"wbraid":            "Google Ads click, web to app",
	"dclid":             "Google Display click",
	"srsltid":           "Google Merchant listing click",
	"_ga":               "Google Analytics visitor across domains",
	"_gl":               "Google Analytics visitor across domains",
	"fbclid":            "Facebook click",
	"igshid":            "Instagram share",
	"msclkid":           "Microsoft Ads click",
	"twclid":            "X click",
	"ttclid":            "TikTok click",
	"li_fat_id":         "LinkedIn visitor",
	"yclid":             "Yandex Direct click",
	"ysclid":            "Yandex search click",
	"mc_cid":            "Mailchimp campaign",
	"mc_eid":            "Mailchimp recipient",
	"mkt_tok":           "Marketo recipient",
	"_hsenc":            "HubSpot recipient",
	"_hsmi":             "HubSpot mail",
	"__hstc":            "HubSpot visitor",
	"__hssc":            "HubSpot visit",
	"vero_id":           "Vero recipient",
	"oly_enc_id":        "Omeda recipient",
	"oly_anon_id":       "Omeda visitor",
	"phpsessid":         "PHP session",
	"jsessionid":        "Java session",
	"cfid":              "ColdFusion session",
	"cftoken":           "ColdFusion session",
	"asp.net_sessionid": "ASP.NET session",
}

// Beginnings of parameter names that mean the same whatever follows.
var trackerPrefixes = []string{
	"utm_",         // campaign, in the convention of Urchin and Google Analytics
	"pk_",          // campaign, Piwik
	"mtm_",         // campaign, Matomo
	"hsa_",         // HubSpot Ads
	"aspsessionid", // ASP session, a random suffix
}

// sessionMark begins the session that Java servers put at the end of the path.
const sessionMark = ";jsessionid="

func tracks(param string) bool {
	name, _, _ := strings.Cut(param, "=")
	name = strings.ToLower(name)
	if trackers[name] != "" {
		return true
	}
	for _, prefix := range trackerPrefixes {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return false
}

// dropParams removes the tracking parameters of a query and leaves the rest as it
// was, byte by byte.
func dropParams(query string) string {
	if query == "" {
		return ""
	}
	var b strings.Builder
	dropped := false
	for param := range strings.SplitSeq(query, "&") {
		if tracks(param) {
			dropped = true
			continue
		}
		if b.Len() > 0 {
			b.WriteByte('&')
		}
		b.WriteString(param)
	}
	if !dropped {
		return query
	}
	return b.String()
}

// dropSession removes the session from a path, up to the next segment or path
// parameter. A parsed path is ASCII, so that lower case keeps its length.
func dropSession(path string) string {
	for strings.Contains(path, ";") {
		i := strings.Index(strings.ToLower(path), sessionMark)
		if i < 0 {
			return path
		}
		rest := path[i+len(sessionMark):]
		end := strings.IndexAny(rest, "/;")
		if end < 0 {
			end = len(rest)
		}
		path = path[:i] + rest[end:]
	}
	return path
}
