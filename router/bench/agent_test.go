package bench_test

import (
	"context"
	"crypto/x509"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

// buildAgent is fallow-node as it is shipped, and a data directory with consent.
func buildAgent(b *testing.B) (program, data string) {
	b.Helper()
	dir := b.TempDir()
	program, data = filepath.Join(dir, "fallow-node"), filepath.Join(dir, "node")
	build := exec.CommandContext(b.Context(), "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", program,
		"github.com/fallow-network/fallow/relay/cmd/fallow-node")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		b.Fatalf("build fallow-node: %v\n%s", err, out)
	}
	if info, err := os.Stat(program); err == nil {
		b.ReportMetric(float64(info.Size())/1e6, "MB-binary")
	}
	tell(b, program, "consent", "accept", "--yes", "--data", data)
	return program, data
}

func tell(b *testing.B, program string, args ...string) {
	b.Helper()
	if out, err := exec.CommandContext(b.Context(), program, args...).CombinedOutput(); err != nil {
		b.Fatalf("%v: %v\n%s", args, err, out)
	}
}

// runAgent runs it in a lab until the benchmark ends.
func runAgent(b *testing.B, program, data string, args ...string) *process {
	b.Helper()
	cmd := exec.CommandContext(context.WithoutCancel(b.Context()), program, append([]string{"run", "--data", data, "--lab"}, args...)...)
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		_ = cmd.Process.Signal(os.Interrupt)
		_ = cmd.Wait()
	})
	return &process{b: b, cmd: cmd, name: "fallow-node"}
}

// BenchmarkIdleAgent is what fallow-node costs a home while it has nothing to
// do: the program as it is shipped, with one router, pinged as on the real
// network.
func BenchmarkIdleAgent(b *testing.B) {
	const watched = 20 * time.Second
	program, data := buildAgent(b)
	var ready routerReady
	start(b, "router", routerConfig{Dir: filepath.Join(b.TempDir(), "router"), Patient: true}, &ready)
	agent := runAgent(b, program, data, "--router", ready.Nodes[0])
	clientOf(b, ready, 1)
	wait(b, 5*time.Second)
	idle := watch(agent)
	wait(b, watched)
	b.ReportMetric(100*(idle.now()-idle.began)/watched.Seconds(), "%-core")
	all, anonymous := agent.memory()
	b.ReportMetric(all/(1<<20), "MB-RSS")
	b.ReportMetric(anonymous/(1<<20), "MB-anon")
}

// BenchmarkBusyAgent is the same program while it carries 50 MB/s, held there by its
// own cap: the most memory it has, and the CPU it takes for each MB.
func BenchmarkBusyAgent(b *testing.B) {
	const watched = 15 * time.Second
	program, data := buildAgent(b)
	tell(b, program, "rules", "set", "--mbit", "400", "--data", data)
	ca := filepath.Join(b.TempDir(), "ca.pem")
	var site siteReady
	start(b, "site", siteConfig{CA: ca, Pages: 1}, &site)
	pem, err := os.ReadFile(ca)
	if err != nil {
		b.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	end := newRouterEnd(b, roots)
	agent := runAgent(b, program, data, "--router", end.addresses()[0], "--dns", site.DNS)
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		if _, sharing := end.fleet.Count(); sharing > 0 {
			break
		}
		if time.Now().After(deadline) {
			b.Fatal("the agent does not come")
		}
	}
	l := &line{site: site, client: end.client(b, end.fleet.Connected()[0].Key), atOnce: inTunnel, after: func() {}}
	b.Cleanup(l.client.CloseIdleConnections)

	const bytes = 1 << 20
	url := site.URL + "bytes/1048576"
	ctx, cancel := context.WithTimeout(b.Context(), watched)
	defer cancel()
	var mu sync.Mutex
	carried := 0
	spent := watch(agent)
	began := time.Now()
	var workers sync.WaitGroup
	for range inTunnel {
		workers.Go(func() {
			for ctx.Err() == nil && l.get(ctx, url) == nil {
				mu.Lock()
				carried += bytes
				mu.Unlock()
			}
		})
	}
	most, mostAnon := 0.0, 0.0
	for ctx.Err() == nil {
		all, anonymous := agent.memory()
		most, mostAnon = max(most, all), max(mostAnon, anonymous)
		time.Sleep(100 * time.Millisecond)
	}
	workers.Wait()
	took := time.Since(began).Seconds()
	b.ReportMetric(float64(carried)/1e6/took, "MB/s")
	b.ReportMetric(1000*(spent.now()-spent.began)/(float64(carried)/1e6), "ms-CPU/MB")
	b.ReportMetric(most/(1<<20), "MB-RSS-peak")
	b.ReportMetric(mostAnon/(1<<20), "MB-anon-peak")
}
