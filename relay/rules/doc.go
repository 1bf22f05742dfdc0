// Package rules is what the home user allows: consent, pause, schedule, sites
// and categories, caps, and when to hold back by itself (package presence tells
// what the machine is doing). They are kept in one file that survives restarts,
// and they answer one question: may this run now, and if not, which rule says so
// and when will it again.
//
// It fails closed: without a readable file there are no rules, and without rules
// nothing runs. It does not enforce anything itself; package relay asks before
// every tunnel, counts what is carried and listens for changes. Only relay and
// its commands import it.
package rules
