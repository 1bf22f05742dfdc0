// Package settle pays closed epochs out on a blockchain: it plans who gets how
// much, and carries each batch of payouts through signed, stored, sent to final
// or dead, so that no crash, no lying endpoint and no restored backup pays
// anybody twice or loses a payout. SETTLEMENT.md beside it tells how.
//
// It knows no chain: Chain is implemented by router/solana. It computes no
// points, that is router/ledger's; router/store keeps the rows behind DB. It
// never holds a key: Signer does.
package settle
