package dataset

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"time"
)

// What a Croissant file says it conforms to.
const (
	croissantSpec = "http://mlcommons.org/croissant/1.1"
	raiSpec       = "http://mlcommons.org/croissant/RAI/1.0"
)

// object is a JSON-LD object; encoding sorts its names.
type object = map[string]any

// croissant describes the version after MLCommons Croissant 1.1, with PROV-O
// for where it comes from and ODRL for what it may be used for.
func (a *about) croissant() object {
	return object{
		"@context": croissantContext(), "@type": "sc:Dataset", "conformsTo": []string{croissantSpec, raiSpec},
		"name": a.Dataset, "description": a.sentence(), "license": licenseOf(a.License), "url": a.url,
		"creator": a.router(), "publisher": a.router(), "datePublished": stamp(a.Created), "dateModified": stamp(a.Created),
		"version": a.semantic(), "alternateName": fmt.Sprintf("%s/v%d", a.Dataset, a.Version), "isLiveDataset": false,
		"inLanguage": a.languages(), "keywords": []string{"web", "text", "language modeling", "fallow"},
		"citeAs":                           fmt.Sprintf("@misc{fallow-%s-v%d, title = {%s, version %d}, year = {%d}, note = {Merkle root %s}}", a.Dataset, a.Version, a.Dataset, a.Version, a.Created.Year(), a.Root),
		"temporalCoverage":                 stamp(a.FirstFetched) + "/" + stamp(a.LastFetched),
		"distribution":                     a.distribution(),
		"recordSet":                        []object{recordSet("records", "One row for each page that was kept.", "shards", recordsTable(), "text", "url"), recordSet("duplicates", "Pages that were dropped, and what was kept instead.", "duplicates", duplicatesTable()), recordSet("removed", "Hashes of rows that were taken down.", "removed", removedTable())},
		"usageInfo":                        a.terms(),
		"prov:wasGeneratedBy":              a.activity(),
		"prov:wasAttributedTo":             object{"@type": "prov:SoftwareAgent", "@id": "urn:fallow:" + a.key, "prov:label": a.Generator},
		"prov:wasDerivedFrom":              a.derivedFrom(),
		"rai:dataCollection":               "Crawl of public web pages through home connections; TLS ends at the router, so that no home could read or alter a page. robots.txt and opt-out signals are obeyed for every fetch.",
		"rai:dataLimitations":              []string{"Text extraction is automatic: it loses tables and formulas and sometimes keeps navigation.", "Languages, token counts and sites are estimates by rule.", "What a crawl finds depends on where it begins."},
		"rai:personalSensitiveInformation": "Pages can name people. The columns pii_email, pii_phone, pii_iban and pii_national_id count what patterns find; nothing is masked.",
		"rai:dataReleaseMaintenancePlan":   "Versions never change. Removals make a new version; notices.json and removed.parquet tell holders of earlier ones.",
	}
}

func (a *about) sentence() string {
	text := strings.TrimSpace(a.Description + " " + a.Purpose)
	if text == "" {
		text = "Web pages as text."
	}
	return text
}

func croissantContext() object {
	own := object{
		"@language": "en", "@vocab": "https://schema.org/", "sc": "https://schema.org/", "cr": "http://mlcommons.org/croissant/",
		"rai": "http://mlcommons.org/croissant/RAI/", "dct": "http://purl.org/dc/terms/", "prov": "http://www.w3.org/ns/prov#", "odrl": "http://www.w3.org/ns/odrl/2/",
		"conformsTo": "dct:conformsTo", "data": object{"@id": "cr:data", "@type": "@json"}, "dataType": object{"@id": "cr:dataType", "@type": "@vocab"},
		"examples": object{"@id": "cr:examples", "@type": "@json"},
	}
	for _, name := range []string{
		"arrayShape", "citeAs", "column", "equivalentProperty", "extract", "field", "fileObject", "fileProperty", "fileSet", "format", "includes",
		"isArray", "isLiveDataset", "jsonPath", "key", "md5", "parentField", "path", "recordSet", "references", "regex", "repeated", "replace",
		"samplingRate", "separator", "source", "subField", "transform",
	} {
		own[name] = "cr:" + name
	}
	return own
}

// licenseOf is the address of a licence, or what there is to say without one.
func licenseOf(id string) any {
	known := map[string]string{
		"cc0-1.0": "CC0-1.0", "cc-by-4.0": "CC-BY-4.0", "cc-by-sa-4.0": "CC-BY-SA-4.0", "cc-by-nc-4.0": "CC-BY-NC-4.0", "odc-by": "ODC-By-1.0",
		"odbl": "ODbL-1.0", "pddl": "PDDL-1.0", "apache-2.0": "Apache-2.0", "mit": "MIT",
	}
	if spdx, ok := known[id]; ok {
		return "https://spdx.org/licenses/" + spdx
	}
	return object{"@type": "CreativeWork", "name": "see each page", "description": "Every page belongs to its author. The columns url, license, robots, ai_train and signals say where it came from and what its site allowed."}
}

func (a *about) router() object {
	r := object{"@type": "Organization", "name": "Fallow router " + a.key, "identifier": a.key}
	if strings.Contains(a.Contact, "://") {
		r["url"] = a.Contact
	} else if mail, ok := strings.CutPrefix(a.Contact, "mailto:"); ok {
		r["email"] = mail
	}
	return r
}

func (a *about) languages() []string {
	seen := map[string]bool{}
	for code := range a.Languages {
		if language, _, _ := strings.Cut(code, "_"); language != "und" {
			seen[language] = true
		}
	}
	list := slices.Sorted(maps.Keys(seen))
	if list == nil {
		list = []string{}
	}
	return list
}

// distribution names every file with its digest, and the sets they form.
func (a *about) distribution() []object {
	list := []object{{"@type": "cr:FileSet", "@id": "shards", "name": "shards", "description": "The records.", "encodingFormat": parquetType, "includes": "data/**/*.parquet"}}
	for _, f := range a.Files {
		id := f.Path
		switch f.Path {
		case DuplicatesFile:
			id = "duplicates"
		case RemovedFile:
			id = "removed"
		}
		o := object{"@type": "cr:FileObject", "@id": id, "name": f.Path, "contentUrl": f.Path, "contentSize": fmt.Sprintf("%d B", f.Bytes), "sha256": f.SHA256, "encodingFormat": mediaType(f.Path)}
		if s := a.shard(f.Path); s != nil {
			o["prov:wasGeneratedBy"] = object{"@type": "prov:Activity", "prov:label": "crawl", "prov:startedAtTime": stamp(s.FirstFetched), "prov:endedAtTime": stamp(s.LastFetched)}
			if s.Origin != "" {
				o["prov:wasRevisionOf"] = object{"@id": "urn:sha256:" + s.Origin}
			}
		}
		list = append(list, o)
	}
	return list
}

const parquetType = "application/vnd.apache.parquet"

func mediaType(name string) string {
	switch path.Ext(name) {
	case ".parquet":
		return parquetType
	case ".json":
		return "application/json"
	case ".md":
		return "text/markdown"
	default:
		return "text/plain"
	}
}

// recordSet describes the columns of a table.
func recordSet[T any](id, description, from string, t *table[T], sample ...string) object {
	var fields []object
	source := func(column string) object {
		kind := "fileObject"
		if from == "shards" {
			kind = "fileSet"
		}
		return object{kind: object{"@id": from}, "extract": object{"column": column}}
	}
	for _, c := range t.columns {
		field := object{"@type": "cr:Field", "@id": id + "/" + c.name, "name": c.name, "description": c.sentence(), "dataType": c.croissantType(), "source": source(c.name)}
		if c.kind == kindSignals {
			delete(field, "dataType")
			field["isArray"], field["arrayShape"] = true, "-1"
			field["subField"] = []object{
				{"@type": "cr:Field", "@id": id + "/" + c.name + "/source", "name": "source", "dataType": "sc:Text"},
				{"@type": "cr:Field", "@id": id + "/" + c.name + "/text", "name": "text", "dataType": "sc:Text"},
			}
		}
		fields = append(fields, field)
	}
	set := object{"@type": "cr:RecordSet", "@id": id, "name": id, "description": description, "field": fields}
	if len(sample) > 0 {
		set["key"] = object{"@id": id + "/id"}
	}
	return set
}

func (c *column[T]) sentence() string {
	if c.unit == "" {
		return c.about
	}
	return c.about + " (" + c.unit + ")"
}

func (c *column[T]) croissantType() string {
	switch c.kind {
	case kindInt64, kindInt32:
		return "sc:Integer"
	case kindFloat:
		return "sc:Float"
	case kindTime:
		return "sc:DateTime"
	case kindText:
		if c.name == "url" || c.name == "dropped_url" {
			return "sc:URL"
		}
		return "sc:Text"
	default:
		return "sc:Text" // digests and bytes: Croissant has no type for them
	}
}

// terms are what the version may be used for, in ODRL.
func (a *about) terms() object {
	return object{
		"@type": "odrl:Set", "@id": "#terms",
		"odrl:permission": []object{{"odrl:action": object{"@id": "odrl:use"}, "description": "Text and data mining of what sites did not opt out of."}},
		"odrl:prohibition": []object{{
			"odrl:action": "train-ai", "description": "Training AI on rows whose column ai_train is n.",
			"odrl:refinement": object{"odrl:leftOperand": "records/ai_train", "odrl:operator": object{"@id": "odrl:eq"}, "odrl:rightOperand": "n"},
		}},
		"odrl:obligation": []object{{"odrl:action": object{"@id": "odrl:delete"}, "description": "Drop rows that removed.parquet of a later version names."}},
	}
}

func (a *about) activity() object {
	return object{
		"@type": "prov:Activity", "prov:label": "web crawl", "description": a.Purpose,
		"prov:startedAtTime": stamp(a.FirstFetched), "prov:endedAtTime": a.LastFetched.UTC().Format(time.RFC3339),
	}
}

func (a *about) derivedFrom() []object {
	list := []object{{"@id": SitesFile, "prov:label": fmt.Sprintf("%d sites, listed in %s; each row names its page in the column url", a.Sites, SitesFile)}}
	if a.former != nil {
		list = append(list, object{"@id": fmt.Sprintf("urn:fallow:%s:%s:v%d", a.key, a.Dataset, a.former.Version), "prov:label": fmt.Sprintf("version %d, root %s", a.former.Version, a.former.Root)})
	}
	return list
}
