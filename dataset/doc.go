// Package dataset turns crawled records into files a lab can load, trust and
// prove: Parquet shards whose every row carries a Merkle leaf, immutable
// versions of a dataset in the folder layout of the Hugging Face hub, a
// manifest signed by the router, and the check of all of it.
//
// The layout is written down in SCHEMA.md, which is generated from the tables
// in schema.go; a test fails when the two disagree.
//
// It knows nothing of how records came to be. It imports neither party
// (relay, router) and anyone may import it. It is the only package that
// imports Apache Arrow's Parquet code, whose reader panics on broken files:
// nothing here lets such a panic out.
package dataset

//go:generate go test -run TestSchemaDocument -update .
