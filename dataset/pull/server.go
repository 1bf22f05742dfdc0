package pull

import (
	"context"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/fallow-network/fallow/dataset"
)

// server is where files of one version come from.
type server struct {
	options Options
	client  *http.Client
	base    *url.URL // of the version's files, ends with a slash
	dataset *url.URL // of the dataset in a router's API, nil elsewhere
	version int      // that base names, 0 if it names none
}

// maxListing bounds the answer that lists versions.
const maxListing = 16 << 20

// newServer reads an address. One of a dataset is resolved to its latest
// version.
func newServer(ctx context.Context, address string, o Options) (*server, error) {
	if !strings.Contains(address, "://") {
		address = "http://" + address
	}
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || u.User != nil {
		return nil, fmt.Errorf("%.200q is not the address of a version: give http(s)://HOST/… as the router's API has it", address)
	}
	u.RawQuery, u.Fragment = "", ""
	s := &server{options: o, client: newClient(u, o)}
	before, rest, api := strings.Cut(u.Path, "/api/v1/datasets/")
	if !api {
		s.base = u.JoinPath("/")
		if strings.HasSuffix(u.Path, "/"+dataset.ManifestFile) {
			s.base = u.JoinPath("..", "/")
		}
		return s, nil
	}
	parts := strings.Split(strings.Trim(rest, "/"), "/")
	s.dataset = u.JoinPath()
	s.dataset.Path = before + "/api/v1/datasets/" + parts[0]
	if len(parts) == 1 || len(parts) == 2 && parts[1] == "versions" {
		newest, err := s.latest(ctx)
		if err != nil {
			return nil, err
		}
		if newest == nil {
			return nil, fmt.Errorf("%w: dataset %s has no version yet", ErrServer, parts[0])
		}
		return newest, nil
	}
	if parts[1] != "versions" {
		return nil, fmt.Errorf("%.200q: expected …/datasets/NAME or …/datasets/NAME/versions/N", address)
	}
	n, err := strconv.Atoi(strings.TrimPrefix(parts[2], "v"))
	if err != nil || n < 1 {
		return nil, fmt.Errorf("%.200q is no number of a version", parts[2])
	}
	return s.at(n), nil
}

// at is the same server at another version.
func (s *server) at(version int) *server {
	there := *s
	there.version = version
	there.base = s.dataset.JoinPath("versions", strconv.Itoa(version), "files", "/")
	return &there
}

func newClient(u *url.URL, o Options) *http.Client {
	transport := &http.Transport{
		Proxy: http.ProxyFromEnvironment, DialContext: (&net.Dialer{Timeout: o.Limits.Idle}).DialContext,
		TLSHandshakeTimeout: o.Limits.Idle, ResponseHeaderTimeout: o.Limits.Idle, IdleConnTimeout: o.Limits.Idle,
		MaxResponseHeaderBytes: 64 << 10, MaxIdleConnsPerHost: o.Parallel, DisableCompression: true, ForceAttemptHTTP2: true,
	}
	return &http.Client{Transport: transport, CheckRedirect: func(to *http.Request, via []*http.Request) error {
		if !o.Redirects && (to.URL.Host != u.Host || to.URL.Scheme != u.Scheme) {
			return fmt.Errorf("%w: it sends us to %s://%s; pass --redirects if you trust it", ErrServer, to.URL.Scheme, to.URL.Host)
		}
		if len(via) >= 5 {
			return fmt.Errorf("%w: too many redirects", ErrServer)
		}
		return nil
	}}
}

func (s *server) close() { s.client.CloseIdleConnections() }

// get asks for a file from byte from on. The caller closes the body.
func (s *server) get(ctx context.Context, u *url.URL, from int64) (*http.Response, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, err
	}
	r.Header.Set("User-Agent", "fallow-data")
	if s.options.Token != "" {
		r.Header.Set("Authorization", "Bearer "+s.options.Token) // net/http drops it on the way to another host
	}
	if from > 0 {
		r.Header.Set("Range", fmt.Sprintf("bytes=%d-", from))
	}
	return s.client.Do(r)
}

// small reads a whole answer of at most limit bytes, trying again where that
// may help.
func (s *server) small(ctx context.Context, u *url.URL, limit int64) ([]byte, error) {
	for attempt := 0; ; attempt++ {
		raw, wait, err := s.smallOnce(ctx, u, limit)
		if err == nil || !retriable(err) || errors.Is(err, syscall.ECONNREFUSED) || attempt >= s.options.Limits.Retries {
			return raw, err
		}
		if e := s.pause(ctx, attempt, wait); e != nil {
			return nil, errors.Join(err, e)
		}
	}
}

func (s *server) smallOnce(ctx context.Context, u *url.URL, limit int64) (raw []byte, wait time.Duration, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	response, err := s.get(ctx, u, 0)
	if err != nil {
		return nil, 0, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, retryAfter(response), refusal(response)
	}
	idle := time.AfterFunc(s.options.Limits.Idle, cancel)
	defer idle.Stop()
	body := &bounded{r: response.Body, left: limit, alive: func() { idle.Reset(s.options.Limits.Idle) }}
	raw, err = io.ReadAll(body)
	if err == nil && body.left < 0 {
		err = fmt.Errorf("%w: %s is larger than %d bytes", ErrServer, u, limit)
	}
	return raw, 0, err
}

// bounded reads at most left bytes and one more, which makes left negative.
type bounded struct {
	r     io.Reader
	left  int64
	alive func()
}

func (b *bounded) Read(p []byte) (int, error) {
	if b.left < 0 {
		return 0, io.EOF
	}
	n, err := b.r.Read(p[:min(int64(len(p)), b.left+1)])
	b.left -= int64(n)
	if n > 0 {
		b.alive()
	}
	return n, err
}

func (s *server) manifest(ctx context.Context) ([]byte, error) {
	return s.small(ctx, s.base.JoinPath(dataset.ManifestFile), s.options.Limits.Manifest)
}

// latest is the newest version of the dataset; nil if the server is no router
// or has none.
func (s *server) latest(ctx context.Context) (*server, error) {
	if s.dataset == nil {
		return nil, nil
	}
	u := s.dataset.JoinPath("versions")
	u.RawQuery = "limit=1"
	raw, err := s.small(ctx, u, maxListing)
	if err != nil {
		return nil, err
	}
	var page struct {
		Versions []struct {
			Version int `json:"version"`
		} `json:"versions"`
	}
	if err := json.Unmarshal(raw, &page); err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrServer, u, err)
	}
	if len(page.Versions) == 0 {
		return nil, nil
	}
	if page.Versions[0].Version < 1 {
		return nil, fmt.Errorf("%w: %s names version %d", ErrServer, u, page.Versions[0].Version)
	}
	return s.at(page.Versions[0].Version), nil
}

// former is the signed manifest of an earlier version.
func (s *server) former(ctx context.Context, version int, m *dataset.Manifest) (*dataset.Manifest, error) {
	if version >= m.Version {
		return nil, fmt.Errorf("since version %d: this is version %d", version, m.Version)
	}
	if s.dataset == nil {
		return nil, fmt.Errorf("since version %d: only a router's API (…/api/v1/datasets/%s) has other versions", version, m.Dataset)
	}
	raw, err := s.at(version).manifest(ctx)
	if err != nil {
		return nil, fmt.Errorf("since version %d: %w", version, err)
	}
	former, err := dataset.ParseManifest(raw)
	if err == nil && (former.Router != m.Router || former.Dataset != m.Dataset || former.Version != version) {
		err = fmt.Errorf("%w: its manifest is of %s version %d by %s", ErrServer, former.Dataset, former.Version, former.Router)
	}
	if err != nil {
		return nil, fmt.Errorf("since version %d: %w", version, err)
	}
	return former, nil
}

// notices reads what was taken down up to this version, by its signed manifest.
func (s *server) notices(ctx context.Context, key ed25519.PublicKey) ([]dataset.Notice, error) {
	raw, err := s.manifest(ctx)
	if err != nil {
		return nil, err
	}
	m, err := dataset.ParseManifest(raw)
	if err != nil {
		return nil, err
	}
	if key != nil && m.Router != dataset.Address(key) {
		return nil, fmt.Errorf("%w: the newest version, by %s", ErrKey, m.Router)
	}
	for _, f := range m.Files {
		if f.Path != dataset.NoticesFile {
			continue
		}
		raw, err := s.small(ctx, s.file(f.Path), f.Bytes)
		if err != nil {
			return nil, err
		}
		if digest(raw) != f.SHA256 {
			return nil, fmt.Errorf("%w: %s", ErrDigest, f.Path)
		}
		return dataset.ParseNotices(raw)
	}
	return nil, nil
}

// file is the address of a file of the version.
func (s *server) file(name string) *url.URL {
	u := s.base
	for part := range strings.SplitSeq(name, "/") {
		u = u.JoinPath(url.PathEscape(part))
	}
	return u
}
