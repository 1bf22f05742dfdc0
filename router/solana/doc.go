// Package solana is the router's only way to Solana: it implements settle.Chain
// and market's payments over JSON-RPC, and is the only importer of solana-go,
// of which it uses keys, transactions and instructions, never the senders.
//
// It decides nothing about money. What it promises is that it reads final state
// only, believes several endpoints only where they agree, signs only what a trial
// run has shown to move exactly the amounts asked for, and puts into each
// transaction the marker that lets it take effect at most once.
package solana
