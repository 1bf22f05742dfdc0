package page

import (
	"net/url"
	"slices"
	"strings"
)

// Licence is the licence a document names for itself: a hint for who looks
// further, not a grant.
type Licence struct {
	// ID is an SPDX identifier where the address or name is that of a licence we
	// know, else what the document says, an address as a rule. At most 200 bytes;
	// empty when it names none, or several that differ.
	ID string
	// Source is where it stood: "link" (rel=license, or a link to Creative
	// Commons), "json-ld", "meta" or "header"; empty with ID.
	Source string
}

// licenceSources in the order in which they are believed; a mere link to Creative
// Commons comes last, for it may speak of a picture.
const (
	licenceLink = iota
	licenceJSON
	licenceMeta
	licenceHeader
	licenceMention
	licenceSources
)

var licenceSourceNames = [licenceSources]string{"link", "json-ld", "meta", "header", "link"}

// licenceBytes is the longest licence kept.
const licenceBytes = 200

// licences gathers what a document says of its licence.
type licences struct {
	found  [licenceSources]string
	differ [licenceSources]bool
}

// add takes an address or a name from one source.
func (l *licences) add(source int, said string) {
	said = strings.TrimSpace(said)
	if said == "" || len(said) > licenceBytes {
		return
	}
	id := licenceID(said)
	if source == licenceMention && !strings.HasPrefix(id, "CC") {
		return // another page of theirs
	}
	switch before := l.found[source]; {
	case before == "":
		l.found[source] = id
	case before != id:
		l.differ[source] = true
	}
}

// best is the licence of the source most believed, if that speaks of one alone.
func (l *licences) best() Licence {
	for source, id := range l.found {
		if id == "" {
			continue
		}
		if l.differ[source] {
			return Licence{}
		}
		return Licence{oneLine([]byte(id), licenceBytes), licenceSourceNames[source]}
	}
	return Licence{}
}

// creativeCommons reports whether an address may be that of a licence of theirs.
func creativeCommons(address string) bool {
	return strings.Contains(address, "creativecommons.org/")
}

// licenceMetas are names of metas that hold a licence.
var licenceMetas = []string{"license", "licence", "dcterms.license", "dc.rights.license", "dc.license", "cc:license"}

func namesLicence(name string) bool { return slices.Contains(licenceMetas, name) }

// licenceID is the SPDX identifier of what a document says, or what it says.
func licenceID(said string) string {
	u, err := url.Parse(said)
	if err != nil || u.Host == "" {
		return said
	}
	host := strings.TrimPrefix(strings.ToLower(u.Host), "www.")
	path := strings.Split(strings.ToLower(strings.Trim(u.Path, "/")), "/")
	switch host {
	case "creativecommons.org":
		if id := ccID(path); id != "" {
			return id
		}
	case "spdx.org", "opensource.org":
		if len(path) == 2 && (path[0] == "licenses" || path[0] == "license") {
			name := strings.TrimSuffix(strings.Trim(u.Path, "/"), ".html")
			return spdxCase(name[strings.LastIndexByte(name, '/')+1:])
		}
	case "apache.org":
		if len(path) >= 2 && strings.HasPrefix(path[1], "license-2.0") {
			return "Apache-2.0"
		}
	case "gnu.org":
		if id := gnuID(path[len(path)-1]); id != "" {
			return id
		}
	}
	return said
}

// ccKinds are the licences of Creative Commons.
var ccKinds = []string{"by", "by-sa", "by-nc", "by-nd", "by-nc-sa", "by-nc-nd"}

// ccID reads /licenses/by-sa/4.0/, /publicdomain/zero/1.0/ and the like.
func ccID(path []string) string {
	if len(path) < 3 || !version(path[2]) {
		return ""
	}
	switch {
	case path[0] == "licenses" && slices.Contains(ccKinds, path[1]):
		id := "CC-" + strings.ToUpper(path[1]) + "-" + path[2]
		if len(path) > 3 && len(path[3]) == 2 && letter(path[3][0]) && letter(path[3][1]) && path[2] < "4" {
			id += "-" + strings.ToUpper(path[3]) // a port to one country's law
		}
		return id
	case path[0] == "publicdomain" && path[1] == "zero":
		return "CC0-" + path[2]
	case path[0] == "publicdomain" && path[1] == "mark":
		return "CC-PDM-" + path[2]
	}
	return ""
}

// version reports a version like 4.0.
func version(s string) bool {
	return len(s) == 3 && '0' <= s[0] && s[0] <= '9' && s[1] == '.' && '0' <= s[2] && s[2] <= '9'
}

// gnuIDs are the versions of GNU's licences by the last part of their address.
// Whether later versions are meant too the address does not say.
var gnuIDs = map[string]string{
	"gpl-3.0": "GPL-3.0-only", "gpl-2.0": "GPL-2.0-only", "lgpl-3.0": "LGPL-3.0-only", "lgpl-2.1": "LGPL-2.1-only",
	"agpl-3.0": "AGPL-3.0-only", "fdl-1.3": "GFDL-1.3-only", "fdl-1.2": "GFDL-1.2-only",
}

func gnuID(name string) string {
	name, _, _ = strings.Cut(name, ".html")
	name, _, _ = strings.Cut(name, ".en")
	return gnuIDs[name]
}

// spdxCase is a name as SPDX writes it where that is not as it came.
func spdxCase(name string) string {
	switch lower := strings.ToLower(name); lower {
	case "mit":
		return "MIT"
	case "isc":
		return "ISC"
	case "apache-2.0", "apache-2-0":
		return "Apache-2.0"
	case "bsd-2-clause":
		return "BSD-2-Clause"
	case "bsd-3-clause":
		return "BSD-3-Clause"
	}
	return name
}

// licenceHeaders reads the rel=license of Link headers (RFC 8288).
func licenceHeaders(l *licences, values []string, base *url.URL) {
	for _, value := range values {
		for part := range strings.SplitSeq(value, ",") {
			target, params, ok := strings.Cut(strings.TrimSpace(part), ">")
			if !ok || !strings.HasPrefix(target, "<") || len(part) > 2048 {
				continue
			}
			for param := range strings.SplitSeq(params, ";") {
				name, rel, _ := strings.Cut(strings.TrimSpace(param), "=")
				if !strings.EqualFold(strings.TrimSpace(name), "rel") {
					continue
				}
				if isLicence(strings.Trim(strings.TrimSpace(rel), `"`)) {
					if u, err := base.Parse(target[1:]); err == nil {
						l.add(licenceHeader, u.String())
					}
				}
			}
		}
	}
}

// isLicence reports whether a rel names a licence.
func isLicence(rel string) bool {
	for word := range strings.FieldsSeq(rel) {
		if strings.EqualFold(word, "license") || strings.EqualFold(word, "licence") {
			return true
		}
	}
	return false
}
