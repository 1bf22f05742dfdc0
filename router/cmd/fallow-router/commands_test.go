package main

import (
	"strings"
	"testing"
)

const (
	jobJSON = `{"id":"j-a","dataset":"docs","purpose":"to search","scope":"host","max_pages":100,"seeds":["https://a.example/"],
 "state":"done","created":"2026-11-01T12:00:00Z","updated":"2026-11-01T12:00:09Z","finished":"2026-11-01T12:00:09.5Z",
 "counts":{"pages":20,"records":15,"duplicates":{"exact":3,"near":1},"skipped":{"redirect":1},"forbidden":2,"failed":{"timeout":4,"dns":5},"bytes":123456,"nodes":{"N":20}},
 "known":31,"queued":0,"in_flight":0,"result":{"dir":"/d/docs/v1","version":1,"shards":1,"rows":15,"root":"ab"}}`
	closedEpoch = `{"number":1,"state":"closed","start":"2026-11-01T12:00:00Z","end":"2026-11-01T13:00:00Z","formula":1,"pool":"1000000","allocated":"900000","unallocated":"100000","root":"cd","hash":"ef","file":"/d/epochs/epoch-000001.json","phase":"","open_challenges":0,"nodes":0,"royalties":"0"}`
	openEpoch   = `{"number":2,"state":"open","start":"2026-11-01T13:00:00Z","formula":1,"pool":"1000000","allocated":"0","unallocated":"0"}`
	lines       = `{"statements":[
 {"node":"NodeA","bytes_signed":1000,"bytes_unsigned":0,"bytes_disputed":0,"online_seconds":60,"scarcity_permille":1000,"standing_permille":1000,"carriage":"1","availability":"1","amount":"100000","cumulative":"100000"},
 {"node":"NodeB","bytes_signed":2500000,"bytes_unsigned":10,"bytes_disputed":0,"online_seconds":60,"scarcity_permille":1000,"standing_permille":750,"reasons":["stalled"],"carriage":"1","availability":"1","amount":"800000","cumulative":"800001"}]}`
	nodesJSON = `{"connected":2,"sharing":1,"nodes":[
 {"id":"NodeA","country":"DE","since":"2026-11-01T12:00:00Z","rtt_ms":12.4,"sharing":"ok","in_flight":3,"max_tunnels":64,"standing_permille":1000,"events":[],"served_ratio":1},
 {"id":"NodeB","since":"2026-11-01T12:00:00Z","sharing":"paused\u001b[2J","in_flight":0,"max_tunnels":8,"standing_permille":750,"quarantine":{"until":"2026-11-01T14:00:00Z","reason":"tls_forged"},"events":[{"at":"2026-11-01T12:00:00Z","reason":"tls_forged","permille":750}],"served_ratio":1}]}`
)

func TestOutput(t *testing.T) {
	clearEnvironment(t)
	t.Setenv("TZ", "UTC")
	api := answers{
		"GET /api/v1/jobs?limit=50":                 `{"jobs":[` + jobJSON + `]}`,
		"GET /api/v1/jobs/j-a":                      jobJSON,
		"POST /api/v1/jobs/j-a/pause":               strings.Replace(jobJSON, `"done"`, `"paused"`, 1),
		"GET /api/v1/nodes?limit=100":               nodesJSON,
		"GET /api/v1/epochs?limit=50":               `{"epochs":[` + openEpoch + `,` + closedEpoch + `]}`,
		"GET /api/v1/epochs?limit=1":                `{"epochs":[` + openEpoch + `],"next":"2"}`,
		"GET /api/v1/epochs/1":                      closedEpoch,
		"POST /api/v1/epochs/close":                 closedEpoch,
		"GET /api/v1/epochs/1/statements?limit=500": lines,
		"GET /api/v1/epochs/2/statements?limit=500": `{"statements":[]}`,
	}.serve(t)
	for _, c := range []struct {
		args string
		want string
	}{
		{"job list", `
JOB  STATE  DATASET  PAGES  RECORDS  DUPLICATES  FAILED  QUEUED  CREATED
j-a  done   docs     20     15       4           9       0       2026-11-01 12:00:00
`},
		{"job show j-a", `
job        j-a
state      done
dataset    docs
purpose    to search
scope      host, 100 pages at most
seeds      https://a.example/
created    2026-11-01 12:00:00
addresses  31 known, 0 queued, 0 in flight
pages      20 (123.5 kB)
records    15
dropped    3 exact and 1 near duplicates
skipped    1 (redirect 1)
forbidden  2 by robots.txt or opt-out, not fetched
failed     9 (dns 5, timeout 4)
version    1: 15 rows in 1 shard(s), root ab
lies in    /d/docs/v1
verify     fallow-data verify /d/docs/v1
`},
		{"job pause j-a", "\njob j-a is paused\n"},
		{"node list", `
NODE   COUNTRY  SHARING     IN FLIGHT  RTT    STANDING                                     SINCE
NodeA  DE       ok          3/64       12 ms  1000                                         2026-11-01 12:00:00
NodeB  -        paused�[2J  0/8        -      750, quarantined until 14:00:00: tls_forged  2026-11-01 12:00:00
2 connected, 1 sharing
`},
		{"epoch list", `
EPOCH  STATE   START                END                  POOL      EARNED    ROOT
2      open    2026-11-01 13:00:00  -                    1.000000  0.000000  -
1      closed  2026-11-01 12:00:00  2026-11-01 13:00:00  1.000000  0.900000  cd
`},
		{"epoch close", closedText},
		{"epoch show 1", closedText},
		{"epoch show", "\nepoch 2 is open since 2026-11-01 13:00:00; points are computed when it is closed: fallow-router epoch close --api URL\n"},
	} {
		out, errs, code := execute(t, append(strings.Fields(c.args), "--api", api)...)
		out = strings.ReplaceAll(out, api, "URL")
		if want := c.want[1:]; out != want || errs != "" || code != 0 {
			t.Errorf("%s (exit %d)\n%s%s\nwant\n%s", c.args, code, out, errs, want)
		}
	}
}

const closedText = `
epoch  1, closed
time   2026-11-01 12:00:00 to 2026-11-01 13:00:00
pool   1.000000 points, 0.900000 earned
root   cd
file   /d/epochs/epoch-000001.json
verify  fallow-data epoch verify /d/epochs/epoch-000001.json
NODE   SIGNED  UNSIGNED  ONLINE  STANDING        POINTS    EVER
NodeB  2.5 MB  10 B      60 s    750: [stalled]  0.800000  0.800001
NodeA  1.0 kB  0 B       60 s    1000            0.100000  0.100000
`

func TestJSON(t *testing.T) {
	clearEnvironment(t)
	api := answers{
		"POST /api/v1/jobs":                         `{"id":"j-a"}`,
		"GET /api/v1/jobs/j-a":                      jobJSON,
		"GET /api/v1/jobs?limit=50":                 `{"jobs":[]}`,
		"GET /api/v1/nodes?limit=100":               `{"connected":0,"sharing":0,"nodes":[]}`,
		"POST /api/v1/epochs/close":                 closedEpoch,
		"GET /api/v1/epochs/1/statements?limit=500": `{"statements":[]}`,
	}.serve(t)
	for args, want := range map[string]string{
		"job add --dataset docs --purpose x https://a.example/":        `{"id":"j-a"}`,
		"job add --wait --dataset docs --purpose x https://a.example/": `{"id":"j-a","state":"done","pages":20,"records":15,"duplicates":{"exact":3,"near":1},"skipped":{"redirect":1},"forbidden":2,"failed":{"dns":5,"timeout":4},"bytes":123456,"nodes":{"N":20},"seconds":9.5,"dataset":{"dir":"/d/docs/v1","version":1,"shards":1,"rows":15,"root":"ab"}}`,
		"job list":    `{"jobs":[]}`,
		"node list":   `{"connected":0,"sharing":0,"nodes":[]}`,
		"epoch close": strings.TrimSuffix(closedEpoch, "}") + `,"statements":[]}`,
	} {
		out, errs, code := execute(t, append(strings.Fields(args), "--json", "--api", api)...)
		if strings.TrimSuffix(out, "\n") != want || code != 0 {
			t.Errorf("%s (exit %d)\n%s%s\nwant\n%s", args, code, out, errs, want)
		}
	}
}

func TestPagesAreCollected(t *testing.T) {
	clearEnvironment(t)
	job := func(id string) string { return strings.Replace(jobJSON, "j-a", id, 1) }
	api := answers{
		"GET /api/v1/jobs?limit=500":           `{"jobs":[` + job("j-1") + `],"next":"j-1"}`,
		"GET /api/v1/jobs?after=j-1&limit=500": `{"jobs":[` + job("j-2") + `]}`,
	}.serve(t)
	out, _, code := execute(t, "job", "list", "--limit", "1000", "--api", api)
	if code != 0 || !strings.Contains(out, "j-1") || !strings.Contains(out, "j-2") {
		t.Errorf("exit %d\n%s", code, out)
	}
}

func TestHelpHasExamples(t *testing.T) {
	for _, line := range []string{
		"", "serve", "job", "job add", "job list", "job show", "job pause", "job resume", "job cancel", "node", "node list",
		"epoch", "epoch list", "epoch close", "epoch show", "dataset", "dataset list", "dataset show", "dataset publish", "dataset takedown", "config", "config check", "config print", "version",
	} {
		out, _, code := execute(t, append(strings.Fields(line), "--help")...)
		if code != 0 || !strings.Contains(out, "Examples:\n  fallow-router") {
			t.Errorf("%q (exit %d): %s", line, code, out)
		}
	}
}

func TestVersion(t *testing.T) {
	if out, _, code := execute(t, "version"); code != 0 || !strings.HasPrefix(out, "fallow-router dev (go") {
		t.Error(out)
	}
	if out, _, _ := execute(t, "version", "--json"); !strings.Contains(out, `"version":"dev"`) {
		t.Error(out)
	}
}
