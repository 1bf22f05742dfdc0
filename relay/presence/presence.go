// Package presence tells what the machine is doing, as far as a program without
// privileges can cheaply tell: whether somebody uses it, what it runs on, and
// which way its traffic leaves.
//
// It observes and decides nothing; package rules does. What a system gives no
// answer to is Unknown, with the reason, and never guessed. Nothing it finds
// leaves the machine. Looking sends no packet. Package relay imports it to look,
// package rules for the words.
package presence

import (
	"time"
)

// Answer is yes, no, or that it cannot be told here.
type Answer string

// The answers.
const (
	Unknown Answer = "unknown"
	No      Answer = "no"
	Yes     Answer = "yes"
)

// Finding is an answer and what it rests on, for the user: what was seen, or why
// it cannot be told.
type Finding struct {
	Answer Answer `json:"answer"`
	Why    string `json:"why"`
}

// Use is whether somebody uses the machine.
type Use struct {
	Finding
	// Last is when there was last a sign of it; zero if there was none yet.
	Last time.Time `json:"last,omitzero"`
	// Sign says which, "keyboard or mouse" or "its own traffic".
	Sign string `json:"sign,omitempty"`
}

// Network is the network the machine is in.
type Network struct {
	// ID is a digest of the gateway's hardware address and address. It is the
	// same whenever the machine is there again, and no proof against somebody
	// who copies both. Empty if it cannot be told.
	ID   string `json:"id,omitempty"`
	Name string `json:"name,omitempty"` // for people
	Why  string `json:"why,omitempty"`  // why ID is empty
	// Pending says that ID is empty only because the machine has yet to speak
	// with its gateway.
	Pending bool `json:"pending,omitempty"`
}

// Snapshot is everything there is to tell at one moment. In the zero Snapshot
// nothing is known.
type Snapshot struct {
	At      time.Time `json:"at,omitzero"`
	InUse   Use       `json:"in_use"`
	Battery Finding   `json:"battery"` // it runs on battery
	Metered Finding   `json:"metered"` // the connection is paid by volume
	VPN     Finding   `json:"vpn"`     // traffic to the web leaves through a VPN
	Managed Finding   `json:"managed"` // the machine is an organisation's
	Network Network   `json:"network"`
}

// system is what an operating system tells; each has its own file.
type system interface {
	// input is when a keyboard or mouse was last used, zero if not yet while
	// looking on. Answer is Unknown or No, the latter for "it can be told".
	input(now time.Time) (time.Time, Finding)
	// line is all bytes that went through an interface, both directions.
	line(name string) (bytes uint64, ok bool)
	battery() Finding
	metered(ways []way) Finding
	vpn(ways []way) Finding
	managed() Finding
	network() Network
}

func yes(why string) Finding    { return Finding{Yes, why} }
func no(why string) Finding     { return Finding{No, why} }
func cannot(why string) Finding { return Finding{Unknown, "cannot tell here: " + why} }
