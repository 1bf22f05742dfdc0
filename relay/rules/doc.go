// Package rules is what the home user allows: consent, pause, sites and caps,
// kept in one file that survives restarts, and the answer to one question: may
// this run now, and if not, why not and when again.
//
// It fails closed: without a readable file there are no rules, and without rules
// nothing runs. It does not enforce anything itself; package relay asks before
// every tunnel and listens for changes. Only relay and its commands import it.
package rules
