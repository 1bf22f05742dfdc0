// Package e2e tests the programs as a user runs them: fallow-router, fallow-node
// and fallow-data as processes of their own, against sites and a DNS server in
// the test process. What it looks for is what a network in one process cannot
// show: kill -9, signals, exit codes, full disks, and what is printed.
//
// The tests need the build tag e2e. They start the programs in $FALLOW_BIN, an
// absolute folder, or build their own if it is not set. FALLOW_SOAK, a whole
// number, makes the campaigns that many times as long. Nobody imports it.
package e2e
