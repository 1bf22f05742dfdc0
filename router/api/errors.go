package api

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/fallow-network/fallow/router/crawl/job"
)

// Code says in one stable word what kind of error it is.
type Code string

// The codes. Clients branch on them, so they are never renamed.
const (
	CodeInvalid     Code = "invalid"     // the request has to change
	CodeNotFound    Code = "not_found"   // there is no such thing
	CodeConflict    Code = "conflict"    // the thing is in no state for that
	CodeLimited     Code = "limited"     // too much at once: try again later
	CodeUnavailable Code = "unavailable" // the router cannot do it now
	CodeInternal    Code = "internal"    // a fault of the router; its log says more
)

// Error is an error as it is answered, after RFC 9457, with a code. The client
// returns the same type.
type Error struct {
	Title  string   `json:"title" doc:"The status in words"`
	Status int      `json:"status" doc:"HTTP status"`
	Code   Code     `json:"code" enum:"invalid,not_found,conflict,limited,unavailable,internal" doc:"Stable; branch on this"`
	Detail string   `json:"detail" doc:"What is wrong and what to do"`
	Errors []Defect `json:"errors,omitempty" doc:"Where in the request"`
}

// Defect is one thing wrong with a request.
type Defect struct {
	Message  string `json:"message"`
	Location string `json:"location,omitempty" example:"body.max_pages"`
}

// Invalid refuses a request that has to change.
func Invalid(format string, args ...any) error { return newError(CodeInvalid, format, args...) }

// NotFound says that there is no such thing.
func NotFound(format string, args ...any) error { return newError(CodeNotFound, format, args...) }

// Conflict says that a thing is in no state for what was asked.
func Conflict(format string, args ...any) error { return newError(CodeConflict, format, args...) }

// Limited refuses what is too much now.
func Limited(format string, args ...any) error { return newError(CodeLimited, format, args...) }

// Unavailable says that the router cannot do it now.
func Unavailable(format string, args ...any) error { return newError(CodeUnavailable, format, args...) }

func newError(code Code, format string, args ...any) *Error {
	return withStatus(code.status(), code, fmt.Sprintf(format, args...))
}

func withStatus(status int, code Code, detail string) *Error {
	return &Error{Title: http.StatusText(status), Status: status, Code: code, Detail: detail}
}

func (c Code) status() int {
	switch c {
	case CodeInvalid:
		return http.StatusBadRequest
	case CodeNotFound:
		return http.StatusNotFound
	case CodeConflict:
		return http.StatusConflict
	case CodeLimited:
		return http.StatusTooManyRequests
	case CodeUnavailable:
		return http.StatusServiceUnavailable
	case CodeInternal:
	}
	return http.StatusInternalServerError
}

// codeOf is the code of a status that something below us chose.
func codeOf(status int) Code {
	switch {
	case status == http.StatusNotFound:
		return CodeNotFound
	case status == http.StatusConflict:
		return CodeConflict
	case status == http.StatusTooManyRequests:
		return CodeLimited
	case status == http.StatusServiceUnavailable:
		return CodeUnavailable
	case status >= http.StatusBadRequest && status < http.StatusInternalServerError:
		return CodeInvalid
	}
	return CodeInternal
}

// Error is the detail with its defects.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.Detail)
	for i, d := range e.Errors {
		b.WriteString([]string{": ", "; "}[min(i, 1)])
		if d.Location != "" {
			b.WriteString(d.Location + " ")
		}
		b.WriteString(d.Message)
	}
	return b.String()
}

// GetStatus and ContentType are how huma asks an error to be written.
func (e *Error) GetStatus() int { return e.Status }

// ContentType is that of RFC 9457.
func (e *Error) ContentType(string) string { return problemType }

const problemType = "application/problem+json"

// public is what of err may leave the process; ok is false if that is nothing.
func public(err error) (e *Error, ok bool) {
	switch {
	case errors.As(err, &e):
		return e, true
	case errors.Is(err, job.ErrInvalid):
		return newError(CodeInvalid, "%s", err), true
	}
	return newError(CodeInternal, "internal error; the router's log says more"), false
}

// Refused passes on that a site does not want what was asked.
func Refused(format string, args ...any) error {
	return withStatus(http.StatusForbidden, CodeInvalid, fmt.Sprintf(format, args...))
}
