// Package job is what a buyer or operator asks to be crawled: the request, its
// checks, the states it moves through and which addresses belong to it.
//
// It does no I/O and knows neither the frontier nor the store; both, and the
// API, import it.
package job

import (
	"crypto/rand"
	"encoding/base32"
	"strings"
	"time"
)

// Job is one request to crawl, as it is stored.
type Job struct {
	ID       string    // NewID's; never reused
	Dataset  string    // the dataset its records go to
	Purpose  string    // shown to home users and in the dataset, so in plain words
	Scope    Scope     // which found addresses are followed
	MaxPages int64     // fetches at most, seeds included
	Country  string    // ISO 3166-1 alpha-2 wish for the node's country, "" = any
	Seeds    []string  // absolute http(s) addresses; nil where a list of jobs leaves them out
	KeepRaw  bool      // the answers go to the dataset too, as raw files
	Redact   bool      // personal data in titles and texts is replaced by its kind
	Near     float64   // similarity from which pages are near duplicates; 1: only exact ones are dropped
	Options  Options   //
	State    State     //
	Reason   string    // why it is paused, failed or cancelled; else ""
	Created  time.Time // UTC, whole milliseconds, as the other two
	Updated  time.Time // last change of State
	Finished time.Time // zero until State is final
}

// Scope says which of the addresses found on a page a job follows.
type Scope string

// The scopes, from narrow to wide.
const (
	ScopeList   Scope = "list"   // the seeds and nothing else
	ScopePrefix Scope = "prefix" // what lies below a seed's path on its host
	ScopeHost   Scope = "host"   // the seeds' hosts
	ScopeSite   Scope = "site"   // the seeds' registrable domains
)

// Valid says whether s is one of the four scopes.
func (s Scope) Valid() bool {
	switch s {
	case ScopeList, ScopePrefix, ScopeHost, ScopeSite:
		return true
	}
	return false
}

// idBytes makes 80 random bits: a collision among a billion jobs has a chance
// below one in a million, and the store refuses it.
const idBytes = 10

// NewID is a fresh job id: "j-" and 16 lower-case base32 characters.
func NewID() string {
	var b [idBytes]byte
	_, _ = rand.Read(b[:]) // never fails since Go 1.24: it ends the program instead
	return "j-" + strings.ToLower(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(b[:]))
}

// New checks spec against l and makes a queued job of it, created at now.
func New(spec Spec, l Limits, now time.Time) (Job, error) {
	spec = spec.withDefaults(l)
	if err := spec.Validate(l); err != nil {
		return Job{}, err
	}
	at := now.UTC().Truncate(time.Millisecond)
	return Job{
		ID:       NewID(),
		Dataset:  spec.Dataset,
		Purpose:  spec.Purpose,
		Scope:    spec.Scope,
		MaxPages: spec.MaxPages,
		Country:  spec.Country,
		Seeds:    spec.Seeds,
		KeepRaw:  spec.KeepRaw,
		Redact:   spec.Redact,
		Near:     spec.Near,
		Options:  spec.Options,
		State:    StateQueued,
		Created:  at,
		Updated:  at,
	}, nil
}
