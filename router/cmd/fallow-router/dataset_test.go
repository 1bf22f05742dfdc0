package main

import (
	"strings"
	"testing"
)

const versionJSON = `{"dataset":"docs","version":2,"created":"2026-11-01T12:00:00Z","description":"d","purpose":"to search","license":"other","rows":15,"bytes":123456,"tokens":900,"sites":3,"duplicates":{"exact":3,"near":1},"languages":{},"root":"ab","router":"R","files":[{"path":"README.md","bytes":1,"sha256":"ff"}]}`

const showText = `
dataset    docs
latest     version 2, published 2026-11-01 12:00:00
purpose    to search
licence    other
rows       15 from 3 sites, about 900 tokens
dropped    3 exact and 1 near duplicates
root       ab
signed by  R
pull       fallow-data pull URL/api/v1/datasets/docs
VERSION  ROWS  SIZE      FILES  PUBLISHED            ROOT
2        15    123.5 kB  1      2026-11-01 12:00:00  ab
TAKEDOWN  SINCE VERSION  ROWS  SCOPE  ORDERED              REASON
1         2              4     site   2026-11-01 12:00:00  asked
`

func TestDatasetCommands(t *testing.T) {
	clearEnvironment(t)
	api := answers{
		"GET /api/v1/datasets?limit=100":              `{"datasets":[{"name":"docs","latest":` + versionJSON + `},{"name":"empty"}]}`,
		"GET /api/v1/datasets/docs/versions?limit=20": `{"versions":[` + versionJSON + `]}`,
		"GET /api/v1/datasets/docs/notices?limit=500": `{"notices":[{"number":1,"version":2,"scope":"site","reason":"asked","at":"2026-11-01T12:00:00Z","rows":4}]}`,
		"POST /api/v1/datasets/docs/versions":         versionJSON,
		"POST /api/v1/datasets/docs/takedowns":        `{"number":1,"known":false,"rows":4,"version":2,"root":"ab"}`,
		"POST /api/v1/datasets/old/takedowns":         `{"number":7,"known":true,"rows":4,"version":2,"root":"ab"}`,
		"POST /api/v1/datasets/new/takedowns":         `{"number":1,"known":false,"rows":0,"version":0}`,
	}.serve(t)
	for args, want := range map[string]string{
		"dataset list": `
DATASET  VERSION  ROWS  SITES  SIZE      PUBLISHED
docs     2        15    3      123.5 kB  2026-11-01 12:00:00
empty    -        -     -      -         -
`,
		"dataset show docs":    showText,
		"dataset publish docs": "\nversion 2 of docs is out: 15 rows, root ab\n",
		"dataset takedown docs --site a.example --reason asked":        "\ntakedown 1 of docs is in force: such pages are not fetched any more\nversion 2 is the first without them: 4 rows less\n",
		"dataset takedown old --url https://a.example/ --reason asked": "\nthat was ordered before: takedown 7 of old\nversion 2 is the first without them: 4 rows less\n",
		"dataset takedown new --pattern a.example/x/* --reason asked":  "\ntakedown 1 of new is in force: such pages are not fetched any more\nnothing is published yet\n",
		"dataset takedown docs --site a.example --reason asked --json": "\n" + `{"number":1,"known":false,"rows":4,"version":2,"root":"ab"}` + "\n",
		"dataset publish docs --json":                                  "\n" + versionJSON + "\n",
	} {
		out, errs, code := execute(t, append(strings.Fields(args), "--api", api)...)
		if out = strings.ReplaceAll(out, api, "URL"); out != want[1:] || errs != "" || code != 0 {
			t.Errorf("%s (exit %d)\n%s%s\nwant\n%s", args, code, out, errs, want)
		}
	}
	for args, says := range map[string]string{
		"dataset takedown docs --reason x":                          "one of --url, --site and --pattern",
		"dataset takedown docs --site a.example --url b --reason x": "one of --url, --site and --pattern",
		"dataset takedown docs --site a.example":                    "--reason",
		"dataset show":                                              "dataset show --help",
	} {
		if out, errs, code := execute(t, append(strings.Fields(args), "--api", api)...); code != exitUsage || !strings.Contains(errs, says) || out != "" {
			t.Errorf("%s: exit %d, %s%s", args, code, out, errs)
		}
	}
}
