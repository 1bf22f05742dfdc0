// Package journal is the node's own evidence: every connection it made, with the
// router's signed lease as proof that the user did not ask for it, and the
// receipts the router owes by. Both stay on the user's machine.
//
// Entries form a chain of SHA-256 hashes, so damage and later edits of single
// entries show. The chain holds no secret: whoever can write the files can also
// write a whole new chain, or drop its newest end. What cannot be made up are
// the signatures of the leases and receipts in it.
//
// Only package relay, its commands and tests import it. One process at a time
// may have a directory open for writing.
package journal
