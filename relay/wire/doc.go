// Package wire is everything a node and a router must agree on byte for byte:
// the protocol ids, the messages and their framing, the bounds on each, and the
// two signed statements the network lives on, Lease and Receipt.
//
// It is the leaf both parties import. It does no I/O of its own beyond the
// reader or writer it is handed, keeps no state, and knows neither what a node
// nor what a router does with a message. PROTOCOL.md beside it is the
// specification; where the two differ, the code is wrong.
package wire

//go:generate ../../build/generate
