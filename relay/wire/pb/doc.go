// Package pb holds the messages generated from wire.proto. Package wire, one
// folder up, frames and bounds them; only it, the node's session and the
// router's fleet and tunnels use them.
package pb
