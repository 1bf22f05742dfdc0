package earnings

import (
	"fmt"
	"strings"
	"time"

	"github.com/fallow-network/fallow/relay/wire"
)

// Own is what the node itself knows of an epoch: the receipts it holds, which both
// ends have signed.
type Own struct {
	Bytes         uint64 `json:"bytes"`    // in countersigned receipts of jobs
	Receipts      int    `json:"receipts"` // how many jobs those are
	OnlineSeconds uint64 `json:"online_seconds"`
	Held          bool   `json:"held"` // whether there is any receipt at all
}

// OwnOf adds up what of receipts belongs to an epoch of a router.
func OwnOf(receipts []wire.Receipt, router wire.Key, epoch uint64) (own Own) {
	for _, r := range receipts {
		if r.Router != router || r.Epoch != epoch {
			continue
		}
		own.Held = true
		if r.Job == "" {
			own.OnlineSeconds = r.OnlineSeconds
			continue
		}
		own.Bytes += r.Bytes()
		own.Receipts++
	}
	return own
}

// Severity is whether a difference should trouble the user.
type Severity string

// The severities.
const (
	Explained Severity = "explained" // as it should be; the sentence says why
	Against   Severity = "against"   // not as it should be: to the node's disadvantage, or unproven
)

// Difference is one thing in which a statement and the node's own counts differ,
// or that explains the amount.
type Difference struct {
	What     string   `json:"what"`
	Severity Severity `json:"severity"`
	Sentence string   `json:"sentence"`
}

// Compare explains s by what the node counted itself and by its statement of the
// epoch before, if it has that.
func Compare(s *Statement, own Own, before *Statement) []Difference {
	var all []Difference
	note := func(what string, severity Severity, format string, args ...any) {
		all = append(all, Difference{what, severity, fmt.Sprintf(format, args...)})
	}
	s.compareBytes(own, note)
	switch {
	case !own.Held:
	case s.OnlineSeconds < own.OnlineSeconds && own.OnlineSeconds > uint64(s.End.Sub(s.Start)/time.Second):
		note("online", Explained, "The router counts %s online, the receipt %s: the epoch was no longer than that.", seconds(s.OnlineSeconds), seconds(own.OnlineSeconds))
	case s.OnlineSeconds < own.OnlineSeconds:
		note("online", Against, "The router counts %s online, but this node holds a receipt for %s, signed by the router.", seconds(s.OnlineSeconds), seconds(own.OnlineSeconds))
	case s.OnlineSeconds > own.OnlineSeconds:
		note("online", Explained, "The router counts %s online, %s more than the last receipt this node countersigned: the end of the epoch came in between. It is counted for you.",
			seconds(s.OnlineSeconds), seconds(s.OnlineSeconds-own.OnlineSeconds))
	}
	if s.Amount != s.Carriage+s.Availability+s.Correction {
		note("amount", Against, "The parts the router names, %s for carriage, %s for availability and %s of corrections, are not the %s points it proves.",
			s.Carriage, s.Availability, s.Correction, s.Amount)
	}
	if before != nil && before.Epoch+1 == s.Epoch && before.Cumulative+s.Amount != s.Cumulative {
		note("cumulative", Against, "Up to epoch %d you had %s points; with the %s of epoch %d the router should say %s in all, but says %s.",
			before.Epoch, before.Cumulative, s.Amount, s.Epoch, before.Cumulative+s.Amount, s.Cumulative)
	}
	if s.Correction > 0 {
		note("correction", Explained, "%s points correct an earlier epoch, after a challenge that the operator upheld.", s.Correction)
	}
	if s.BytesLate > 0 {
		note("bytes_late", Explained, "%s were carried in earlier epochs and proven by receipts that came after those had closed. They are paid in this one.", size(s.BytesLate))
	}
	if before != nil && s.Royalty > s.RoyaltyEver-min(before.RoyaltyEver, s.RoyaltyEver) {
		note("royalty", Against, "Up to epoch %d you had %d base units of royalties; the router says %d with the %d of epoch %d.",
			before.Epoch, before.RoyaltyEver, s.RoyaltyEver, s.Royalty, s.Epoch)
	}
	if s.Standing < 1000 {
		note("standing", Explained, "Your standing was %d of 1000, which lowers the points of this epoch%s. It mends by itself while nothing is held against the node.", s.Standing, because(s.Reasons))
	}
	return all
}

func (s *Statement) compareBytes(own Own, note func(string, Severity, string, ...any)) {
	switch {
	case !own.Held && s.BytesSigned > 0:
		note("bytes_signed", Explained, "This node holds no receipts of the epoch any more, so the router's count of %s cannot be compared.", size(s.BytesSigned))
	case s.BytesSigned < own.Bytes:
		note("bytes_signed", Against, "The router counts %s as agreed, but this node holds receipts for %s, signed by the router: %s are missing. Show them to its operator.",
			size(s.BytesSigned), size(own.Bytes), size(own.Bytes-s.BytesSigned))
	case own.Held && s.BytesSigned > own.Bytes:
		note("bytes_signed", Explained, "The router counts %s as agreed, %s more than this node holds receipts for: some were lost here, as when a disk is restored from a backup. They are paid all the same.",
			size(s.BytesSigned), size(s.BytesSigned-own.Bytes))
	}
	if s.BytesUnsigned > 0 {
		note("bytes_unsigned", Explained, "%s were carried without a countersignature, because the connection ended before the last receipt. The router's count is paid.", size(s.BytesUnsigned))
	}
	if s.BytesDisputed > 0 {
		note("bytes_disputed", Explained, "%s are in receipts this node did not agree to; the router's count is paid, and both counts are published with the epoch. See: fallow-node journal", size(s.BytesDisputed))
	}
}

func because(reasons []wire.Reason) string {
	if len(reasons) == 0 {
		return ""
	}
	names := make([]string, len(reasons))
	for i, r := range reasons {
		names[i] = r.String()
	}
	return " (" + strings.Join(names, ", ") + ")"
}

func seconds(n uint64) string {
	return (time.Duration(min(n, 1<<33)) * time.Second).String()
}

// size is a number of bytes in full, since differences may be small.
func size(n uint64) string { return fmt.Sprintf("%d bytes", n) }
