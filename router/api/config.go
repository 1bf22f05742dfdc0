package api

import "time"

// Config is what a Server is told. Start from DefaultConfig.
type Config struct {
	Listen    string // host:port, loopback only; port 0 lets the system choose; default 127.0.0.1:4180
	Public    string // host:port of the page for owners of sites, for everybody; "" serves it on Listen alone
	Version   string // of the program
	UserAgent string // the crawler's, for its public page
	Contact   string // where site owners reach the operator: a URL or mailto: address; "" in lab mode
	Lab       bool   // said on the public page and in /version

	MaxJobBytes  int64         // body that asks for a job; default 16 MiB and 64 KiB for what is not seeds
	MaxBodyBytes int64         // any other body; default 64 KiB
	MaxRequests  int           // requests at once, answered "limited" beyond; default 256
	MaxConns     int           // connections at once, beyond that they queue; default 512
	ReadHeader   time.Duration // for a request's header; default 5 s
	ReadBody     time.Duration // for a request in all; default 30 s
	Write        time.Duration // for an answer, files aside; default 60 s
	FileIdle     time.Duration // a download that stands still for so long ends; default 60 s
	Idle         time.Duration // a connection without request is closed; default 2 min
	Drain        time.Duration // for requests under way at the end; default 5 s
}

// DefaultConfig returns the defaults.
func DefaultConfig() Config {
	return Config{
		Listen: "127.0.0.1:4180", Version: "dev", UserAgent: "FallowBot/dev",
		MaxJobBytes: 16<<20 + 64<<10, MaxBodyBytes: 64 << 10, MaxRequests: 256, MaxConns: 512,
		ReadHeader: 5 * time.Second, ReadBody: 30 * time.Second, Write: time.Minute,
		FileIdle: time.Minute, Idle: 2 * time.Minute, Drain: 5 * time.Second,
	}
}
