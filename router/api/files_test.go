package api_test

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/fallow-network/fallow/router/api"
)

const shardPath = "/api/v1/datasets/docs/versions/1/files/data/shard.parquet"

func TestFile(t *testing.T) {
	s := serve(t, newFake(t), nil)
	whole, body := s.ask(t, "GET", shardPath, "")
	if whole.StatusCode != 200 || body != string(shard) || whole.Header.Get("Content-Type") != "application/vnd.apache.parquet" {
		t.Fatalf("%s, %d bytes, %s", whole.Status, len(body), whole.Header.Get("Content-Type"))
	}
	tag := whole.Header.Get("ETag")
	if tag == "" || strings.HasPrefix(tag, "W/") {
		t.Errorf("etag %q", tag)
	}
	head, body := s.ask(t, "HEAD", shardPath, "")
	if head.StatusCode != 200 || body != "" || head.ContentLength != int64(len(shard)) || head.Header.Get("ETag") != tag || head.Header.Get("Accept-Ranges") != "bytes" {
		t.Errorf("head: %s %v", head.Status, head.Header)
	}
	part, body := s.ask(t, "GET", shardPath, "", "Range", "bytes=999995-999997", "If-Range", tag)
	if part.StatusCode != 206 || body != "567" || part.Header.Get("Content-Range") != "bytes 999995-999997/1000000" {
		t.Errorf("range: %s %q %s", part.Status, body, part.Header.Get("Content-Range"))
	}
	if tail, body := s.ask(t, "GET", shardPath, "", "Range", "bytes=-8"); tail.StatusCode != 206 || body != "23456789" {
		t.Errorf("tail: %s %q", tail.Status, body)
	}
	if beyond, _ := s.ask(t, "GET", shardPath, "", "Range", "bytes=2000000-"); beyond.StatusCode != 416 {
		t.Errorf("beyond: %s", beyond.Status)
	}
	if same, _ := s.ask(t, "GET", shardPath, "", "If-None-Match", tag); same.StatusCode != 304 {
		t.Errorf("same: %s", same.Status)
	}
	if epoch, body := s.ask(t, "GET", "/api/v1/epochs/1/file", ""); epoch.StatusCode != 200 || body != `{"epoch":1}` {
		t.Errorf("epoch file: %s %s", epoch.Status, body)
	}
}

// Nothing outside of a version's folder can be read, whatever the path says.
func TestTraversal(t *testing.T) {
	f := newFake(t)
	folder := filepath.Join(f.dir, "docs", "v1")
	for name, to := range map[string]string{"link": filepath.Join(f.dir, "secret"), "up": "../../secret", "dir": f.dir} {
		if err := os.Symlink(to, filepath.Join(folder, name)); err != nil {
			t.Fatal(err)
		}
	}
	s := serve(t, f, nil)
	files := "/api/v1/datasets/docs/versions/1/files/"
	for _, path := range []string{
		files + "../../../secret", files + "..%2f..%2fsecret", files + "..%5c..%5csecret", files + "%2e%2e/%2e%2e/secret", files + "data/../../../secret",
		files + "data%2f..%2f..%2f..%2fsecret", files + "%2fetc%2fpasswd", files + "/etc/passwd", files + "link", files + "up", files + "dir/secret", files + "data",
		files, files + "data/", files + ".", files + "data/shard.parquet%00", files + "C:%5csecret",
		"/api/v1/datasets/..%2f..%2f/versions/1/files/secret", "/api/v1/datasets/docs/versions/..%2f..%2f/files/secret",
		"/api/v1/datasets/docs/versions/-1/files/manifest.json", "/api/v1/datasets/docs/versions/2/files/manifest.json",
	} {
		response, body := s.ask(t, "GET", path, "")
		if response.StatusCode == 200 || strings.Contains(body, "secret") && !strings.Contains(body, "<a href") || strings.Contains(body, f.dir) {
			t.Errorf("%s: %s %.200s", path, response.Status, body)
		}
	}
	if strings.Contains(s.logs.String(), "level=ERROR") {
		t.Errorf("logged as a fault: %s", s.logs)
	}
}

// A reader that stands still loses its connection.
func TestStalledDownload(t *testing.T) {
	f := newFake(t)
	big := filepath.Join(f.dir, "docs", "v1", "big")
	if err := os.WriteFile(big, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(big, 1<<30); err != nil {
		t.Fatal(err)
	}
	s := serve(t, f, func(c *api.Config) { c.FileIdle = 200 * time.Millisecond })
	conn, err := net.Dial("tcp", strings.TrimPrefix(s.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprint(conn, "GET /api/v1/datasets/docs/versions/1/files/big HTTP/1.1\r\nHost: localhost\r\n\r\n")
	deadline := time.Now().Add(10 * time.Second)
	for {
		if _, body := s.ask(t, "GET", "/metrics", ""); strings.Contains(body, `requests_total{route="GET /api/v1/datasets/{name}/versions/{version}/files/{path...}",status="200"} 1`) {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("the download is still under way")
		}
		time.Sleep(20 * time.Millisecond)
	}
}
