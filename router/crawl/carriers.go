package crawl

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/cockroachdb/pebble/v2"

	"github.com/fallow-network/fallow/relay/wire"
)

// A record names the lease it was carried under, and a lease is drawn at random:
// it says nothing about its node. So the commit that brings a shard also notes
// whose its leases were, under
//
//	cn<dataset>\x00<n>      Carriers of shard n, n big-endian
const carriersPrefix = "cn"

// Carriers says which node each lease of a shard's records was given to.
type Carriers map[wire.Serial]wire.Key

// Carriage finds the carriers of a committed shard by the SHA-256 of its file.
// They are nil if none were noted, which is so for shards of older versions of
// the router.
type Carriage func(sha256 string) (Carriers, error)

func carriersKey(name string, n uint64) []byte {
	return binary.BigEndian.AppendUint64([]byte(carriersPrefix+name+"\x00"), n)
}

// note remembers whose lease it was.
func (c Carriers) note(lease wire.Serial, node wire.Key) {
	if lease != (wire.Serial{}) {
		c[lease] = node
	}
}

const carrierSize = len(wire.Serial{}) + len(wire.Key{})

// encode is one serial and one key after the other, by serial.
func (c Carriers) encode() []byte {
	raw := make([]byte, 0, len(c)*carrierSize)
	for _, lease := range slices.SortedFunc(maps.Keys(c), func(a, b wire.Serial) int { return bytes.Compare(a[:], b[:]) }) {
		node := c[lease]
		raw = append(append(raw, lease[:]...), node[:]...)
	}
	return raw
}

func decodeCarriers(raw []byte) (Carriers, error) {
	if len(raw)%carrierSize != 0 {
		return nil, fmt.Errorf("carriers of %d bytes, not a multiple of %d", len(raw), carrierSize)
	}
	c := make(Carriers, len(raw)/carrierSize)
	for entry := range slices.Chunk(raw, carrierSize) {
		lease := wire.Serial(entry[:len(wire.Serial{})])
		c[lease] = wire.Key(entry[len(lease):])
	}
	return c, nil
}

// Carriage is that of the shards a dataset holds now.
func (c *Crawler) Carriage(name string) (Carriage, error) {
	leave, err := c.enter()
	if err != nil {
		return nil, err
	}
	defer leave()
	entries, err := c.entries(name)
	if err != nil {
		return nil, err
	}
	find := c.carriage(name, entries)
	return func(sha256 string) (Carriers, error) {
		leave, err := c.enter()
		if err != nil {
			return nil, err
		}
		defer leave()
		return find(sha256)
	}, nil
}

func (c *Crawler) carriage(name string, entries []Entry) Carriage {
	numbers := make(map[string]uint64, len(entries))
	for _, e := range entries {
		if e.Shard != nil {
			numbers[e.Shard.SHA256] = e.Number
		}
	}
	return func(sha256 string) (Carriers, error) {
		n, ok := numbers[sha256]
		if !ok {
			return nil, nil
		}
		return c.carriers(name, n)
	}
}

func (c *Crawler) carriers(name string, n uint64) (_ Carriers, err error) {
	raw, closer, err := c.state.Get(carriersKey(name, n))
	if errors.Is(err, pebble.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the carriers of shard %d of %s: %w", n, name, err)
	}
	defer func() { err = errors.Join(err, closer.Close()) }()
	list, err := decodeCarriers(raw)
	if err != nil {
		return nil, fmt.Errorf("read the carriers of shard %d of %s: %w", n, name, err)
	}
	return list, nil
}
