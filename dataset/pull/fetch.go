package pull

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/fallow-network/fallow/dataset"
)

// partSuffix marks a file that is not whole yet.
const partSuffix = ".part"

// errDisk marks what went wrong on this side: trying again does not help.
var errDisk = errors.New("cannot write")

// fetch brings one file, resuming and retrying. As long as bytes arrive, it is
// patient.
func (p *puller) fetch(ctx context.Context, f dataset.File) error {
	name := filepath.FromSlash(f.Path)
	if err := p.root.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return fmt.Errorf("%w %s: %w", errDisk, f.Path, err)
	}
	t := &transfer{puller: p, want: f, name: name + partSuffix}
	defer t.close()
	if err := t.open(); err != nil {
		return err
	}
	resumed := t.have > 0
	for {
		if err := t.receiveAll(ctx); err != nil {
			return fmt.Errorf("%s: %w", f.Path, err)
		}
		if t.whole() || !resumed {
			return t.finish(name)
		}
		resumed = false // what an earlier attempt left was at fault, perhaps
		if err := t.restart(); err != nil {
			return err
		}
	}
}

// receiveAll makes requests until all bytes are here.
func (t *transfer) receiveAll(ctx context.Context) error {
	for attempt := 0; t.have < t.want.Bytes; attempt++ {
		before := t.have
		wait, err := t.once(ctx)
		if err == nil {
			break
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if t.have > before {
			attempt = 0
		}
		if errors.Is(err, ErrDigest) {
			return errors.Join(err, t.restart()) // none of it is worth keeping
		}
		if !retriable(err) || attempt >= t.options.Limits.Retries {
			return err
		}
		if err := t.server.pause(ctx, attempt, wait); err != nil {
			return err
		}
	}
	return nil
}

// transfer is one file on its way.
type transfer struct {
	*puller
	want dataset.File
	name string // of what is here so far
	file *os.File
	sum  hash.Hash
	have int64
}

// open takes up what an earlier attempt left.
func (t *transfer) open() error {
	f, err := t.root.OpenFile(t.name, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return fmt.Errorf("%w %s: %w", errDisk, t.want.Path, err)
	}
	t.file, t.sum = f, sha256.New()
	if t.have, err = io.CopyBuffer(t.sum, io.LimitReader(f, t.want.Bytes+1), make([]byte, 256<<10)); err != nil {
		return fmt.Errorf("read what an earlier attempt left of %s: %w", t.want.Path, err)
	}
	if t.have > t.want.Bytes {
		return t.restart()
	}
	t.mu.Lock()
	t.result.Resumed += t.have
	t.mu.Unlock()
	t.tell(t.have, 0, false)
	return nil
}

func (t *transfer) restart() error {
	t.tell(-min(t.have, t.want.Bytes), 0, false)
	t.have = 0
	t.sum.Reset()
	if err := t.file.Truncate(0); err != nil {
		return fmt.Errorf("%w %s: %w", errDisk, t.want.Path, err)
	}
	_, err := t.file.Seek(0, io.SeekStart)
	return err
}

func (t *transfer) close() {
	if t.file != nil {
		_ = t.file.Close() // finish has closed it where that matters
	}
}

// once makes one request for what is missing.
func (t *transfer) once(ctx context.Context) (wait time.Duration, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	response, err := t.server.get(ctx, t.server.file(t.want.Path), t.have)
	if err != nil {
		return 0, err
	}
	defer response.Body.Close()
	switch response.StatusCode {
	case http.StatusOK:
		if t.have > 0 { // it does not do ranges
			if err := t.restart(); err != nil {
				return 0, err
			}
		}
	case http.StatusPartialContent:
		if first, total, ok := contentRange(response.Header.Get("Content-Range")); !ok || first != t.have || total >= 0 && total != t.want.Bytes {
			return 0, fmt.Errorf("%w: asked for bytes from %d of %d, it answers with range %.100q", ErrServer, t.have, t.want.Bytes, response.Header.Get("Content-Range"))
		}
	default:
		return retryAfter(response), refusal(response)
	}
	if n := response.ContentLength; n >= 0 && n != t.want.Bytes-t.have {
		return 0, fmt.Errorf("%w: %d bytes are missing, it announces %d", ErrDigest, t.want.Bytes-t.have, n)
	}
	return 0, t.receive(response.Body, cancel)
}

// receive stores what comes, and no byte more than was signed.
func (t *transfer) receive(from io.Reader, cancel context.CancelFunc) error {
	idle := time.AfterFunc(t.options.Limits.Idle, cancel)
	defer idle.Stop()
	body := &bounded{r: from, left: t.want.Bytes - t.have, alive: func() { idle.Reset(t.options.Limits.Idle) }}
	buf := make([]byte, 128<<10)
	for {
		n, err := body.Read(buf)
		if body.left < 0 {
			return fmt.Errorf("%w: more than the %d bytes that were signed", ErrDigest, t.want.Bytes)
		}
		if n > 0 {
			if _, err := t.file.Write(buf[:n]); err != nil {
				return fmt.Errorf("%w %s: %w; free some space, then run the same command again: it goes on where it stopped", errDisk, t.want.Path, err)
			}
			_, _ = t.sum.Write(buf[:n]) // never fails
			t.have += int64(n)
			t.mu.Lock()
			t.result.Downloaded += int64(n)
			t.mu.Unlock()
			t.tell(int64(n), 0, false)
		}
		switch {
		case errors.Is(err, io.EOF) && t.have < t.want.Bytes:
			return fmt.Errorf("the connection ended after %d of %d bytes: %w", t.have, t.want.Bytes, io.ErrUnexpectedEOF)
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
	}
}

func (t *transfer) whole() bool { return hex.EncodeToString(t.sum.Sum(nil)) == t.want.SHA256 }

// finish compares the whole file and gives it its name.
func (t *transfer) finish(name string) error {
	if !t.whole() {
		got := hex.EncodeToString(t.sum.Sum(nil))
		t.close()
		return errors.Join(fmt.Errorf("%w: %s has SHA-256 %s, signed was %s; what came is thrown away", ErrDigest, t.want.Path, got, t.want.SHA256), t.root.Remove(t.name))
	}
	err := t.file.Sync()
	err = errors.Join(err, t.file.Close())
	t.file = nil
	if err == nil {
		err = t.root.Rename(t.name, name)
	}
	if err != nil {
		return fmt.Errorf("%w %s: %w", errDisk, t.want.Path, err)
	}
	t.tell(0, 1, false)
	return nil
}

// contentRange reads "bytes FIRST-LAST/TOTAL"; total is -1 for an asterisk.
func contentRange(header string) (first, total int64, ok bool) {
	rest, ok := strings.CutPrefix(header, "bytes ")
	span, all, ok2 := strings.Cut(rest, "/")
	from, _, ok3 := strings.Cut(span, "-")
	if !ok || !ok2 || !ok3 {
		return 0, 0, false
	}
	first, err := strconv.ParseInt(from, 10, 64)
	if err != nil || first < 0 {
		return 0, 0, false
	}
	if all == "*" {
		return first, -1, true
	}
	total, err = strconv.ParseInt(all, 10, 64)
	return first, total, err == nil && total >= 0
}
