// Package ledger turns receipts into points: it splits an epoch's pool over the
// nodes by a published formula, keeps every amount an integer, and writes the
// epoch file from which anybody recomputes all of it. FORMULA.md beside it is
// the specification.
//
// It moves no money and counts no bytes: router/settle pays statements out,
// router/meter collects the receipts, router/store keeps the rows behind DB.
// The router's packages import it, and so does fallow-data, for ReadFile and
// Verify alone.
package ledger
