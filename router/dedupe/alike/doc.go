// Package alike says how much two texts have in common: the Jaccard similarity
// of their shingles, which are runs of five words, or of five characters in
// scripts that put no space between words.
//
// A text becomes a [Shape]: its band keys, by which an index finds candidates
// (MinHash with locality-sensitive hashing: A. Broder, "On the resemblance and
// containment of documents", 1997), and a [Sketch], by which candidates are
// verified. Nothing here does I/O or keeps state; router/dedupe does, which is
// its importer.
package alike
