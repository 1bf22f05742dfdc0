package optout

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// ErrBusy says that somebody should try again a little later.
var ErrBusy = errors.New("too many proofs are being looked at")

// NoProofError says where no proof was found.
type NoProofError struct {
	Statement Statement
	DNS, File string // what was found instead, in words
}

// Error says what was looked at and what is missing.
func (e *NoProofError) Error() string {
	return fmt.Sprintf("no proof for %s: DNS %s: %s; %s: %s", e.Statement.Host, e.Statement.DNSName, e.DNS, e.Statement.FileURL, e.File)
}

// Prove looks for an owner's statement about host, in DNS and then on the site,
// and acts on it: an opt-out holds, and is durable, when Prove returns; an opt-in
// withdraws it. Where both are found the opt-out counts. Errors are ErrHost,
// ErrBusy, *NoProofError, or the database's.
func (r *Registry) Prove(ctx context.Context, host string) (Entry, error) {
	s, err := r.Statement(host)
	if err != nil {
		return Entry{}, err
	}
	leave, err := r.enter(host)
	if err != nil {
		return Entry{}, err
	}
	defer leave()
	looking, cancel := context.WithTimeout(ctx, r.limits.Prove)
	defer cancel()
	out, proof, err := r.look(looking, s)
	if err != nil {
		return Entry{}, err
	}
	return r.apply(ctx, host, out, proof)
}

// enter takes a place among those who look.
func (r *Registry) enter(host string) (leave func(), err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.now()
	if last, known := r.looked.Get(host); known && now.Sub(last) < r.limits.PerHost {
		return nil, fmt.Errorf("%w: %s was looked at just now, try again in %s", ErrBusy, host, (r.limits.PerHost - now.Sub(last)).Round(time.Second))
	}
	if hour := now.Unix() / 3600; hour != r.hour {
		r.hour, r.looks = hour, 0
	}
	if r.looks >= r.limits.PerHour {
		return nil, fmt.Errorf("%w: try again in an hour", ErrBusy)
	}
	select {
	case r.slots <- struct{}{}:
	default:
		return nil, fmt.Errorf("%w: try again in a minute", ErrBusy)
	}
	r.looks++
	r.looked.Add(host, now)
	return func() { <-r.slots }, nil
}

func (r *Registry) look(ctx context.Context, s Statement) (out bool, proof Proof, err error) {
	none := &NoProofError{Statement: s}
	texts, err := r.see.TXT(ctx, s.DNSName)
	switch found, in := said(texts[:min(len(texts), r.limits.MaxProof)], s); {
	case found:
		return true, ProofDNS, nil
	case in:
		return false, ProofDNS, nil
	case err != nil:
		none.DNS = "cannot be looked up now"
	case len(texts) == 0:
		none.DNS = "there is no such record"
	default:
		none.DNS = "there is a record, with another text"
	}
	text, err := r.see.File(ctx, s.Host, WellKnown)
	switch found, in := said(strings.Split(text, "\n"), s); {
	case found:
		return true, ProofFile, nil
	case in:
		return false, ProofFile, nil
	case errors.Is(err, context.DeadlineExceeded):
		none.File = "could not be read in time"
	case err != nil:
		none.File = err.Error()
	case text == "":
		none.File = "there is no such file"
	default:
		none.File = "there is a file, with another text"
	}
	return false, "", none
}

// said reports which of the two statements stands in lines.
func said(lines []string, s Statement) (out, in bool) {
	has := func(want string) bool {
		return slices.ContainsFunc(lines, func(line string) bool { return strings.TrimSpace(line) == want })
	}
	return has(s.OptOut), has(s.OptIn)
}

// apply stores what was proved and then lets it hold. A weaker proof does not
// take the place of a stronger one, nor withdraw it.
func (r *Registry) apply(ctx context.Context, host string, out bool, proof Proof) (Entry, error) {
	r.proving.Lock()
	defer r.proving.Unlock()
	r.mu.RLock()
	e, known := r.hosts[host]
	r.mu.RUnlock()
	weaker := known && e.Proof == ProofDNS && proof == ProofFile
	switch {
	case out && known && (weaker || e.Proof == proof):
		return e, nil
	case !out && !known:
		return Entry{Host: host, Proof: proof, Withdrawn: r.now()}, nil
	case !out && weaker:
		return Entry{}, &NoProofError{
			Statement: Statement{Host: host, DNSName: "_fallow." + host, FileURL: "https://" + host + WellKnown},
			DNS:       "there is no statement that withdraws the one by DNS",
			File:      "withdraws, but the opt-out was made by DNS",
		}
	case out:
		if !known {
			e.Since = r.now()
		}
		e.Host, e.Proof = host, proof
	default:
		e.Withdrawn = r.now()
	}
	if err := r.db.SaveOptOut(ctx, e); err != nil {
		return Entry{}, fmt.Errorf("store the opt-out of %s: %w", host, err)
	}
	r.mu.Lock()
	if out {
		r.hosts[host] = e
	} else {
		delete(r.hosts, host)
	}
	r.mu.Unlock()
	r.log.Info("opt-out", "host", host, "holds", out, "proof", string(proof))
	return e, nil
}
