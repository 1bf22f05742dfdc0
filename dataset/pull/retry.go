package pull

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// statusError is an answer that is not the file.
type statusError struct {
	status int
	detail string
}

func (e *statusError) Error() string {
	text := fmt.Sprintf("the server answers %d %s", e.status, http.StatusText(e.status))
	if e.detail != "" {
		text += ": " + e.detail
	}
	switch e.status {
	case http.StatusUnauthorized, http.StatusForbidden:
		text += "; put a key that may read it into FALLOW_TOKEN"
	case http.StatusNotFound:
		text += "; check the dataset's name and the version"
	}
	return text
}

func (e *statusError) Unwrap() error { return ErrServer }

// refusal reads an answer that is not the file. A router says why in the form
// of RFC 9457.
func refusal(r *http.Response) error {
	raw, _ := io.ReadAll(io.LimitReader(r.Body, 4096)) // what there is of it
	var problem struct {
		Detail string `json:"detail"`
	}
	_ = json.Unmarshal(raw, &problem) // others answer otherwise
	return &statusError{r.StatusCode, printable(problem.Detail)}
}

// printable keeps a server's words from steering the terminal.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return unicode.ReplacementChar
	}, text[:min(len(text), 300)])
}

// retriable says whether trying again may help: not what the server decided, nor
// what the disk or the user did.
func retriable(err error) bool {
	var status *statusError
	switch {
	case errors.As(err, &status):
		return status.status == http.StatusTooManyRequests || status.status >= 500
	case errors.Is(err, ErrServer), errors.Is(err, ErrDigest), errors.Is(err, errDisk):
		return false
	default:
		return true
	}
}

// pause waits before attempt is followed by the next, or until ctx ends.
func (s *server) pause(ctx context.Context, attempt int, asked time.Duration) error {
	l := s.options.Limits
	wait := min(l.MaxPause, max(asked, l.Pause<<min(attempt, 10)))
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// retryAfter is what a server asks for, in seconds; its other form is not worth
// reading for a client that caps it anyway.
func retryAfter(r *http.Response) time.Duration {
	seconds, err := strconv.Atoi(r.Header.Get("Retry-After"))
	if err != nil || seconds < 0 || seconds > 3600 {
		return 0
	}
	return time.Duration(seconds) * time.Second
}
