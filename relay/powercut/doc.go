// Package powercut holds a test and nothing else: it cuts the power while receipts
// flow. A writer with a node's real files works on a file system of its own; it is
// stopped, the disk is copied as it is at that instant, without what the kernel has
// yet to write, and the copy is what the node finds when it starts again.
package powercut
