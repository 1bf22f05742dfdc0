package frontier

import (
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2"
)

// get reads and decodes one row.
func get[T any](db *pebble.DB, key []byte, decode func([]byte) (T, error)) (val T, found bool, err error) {
	raw, closer, err := db.Get(key)
	if errors.Is(err, pebble.ErrNotFound) {
		return val, false, nil
	}
	if err != nil {
		return val, false, fmt.Errorf("read row %x: %w", key, err)
	}
	val, err = decode(raw)
	if err != nil {
		err = fmt.Errorf("row %x: %w", key, err)
	}
	return val, true, errors.Join(err, closer.Close())
}

// scan calls visit for the rows of [from, to) in order until it returns false.
// Key and value are only valid during the call.
func scan(db *pebble.DB, from, to []byte, visit func(key, val []byte) (bool, error)) error {
	it, err := db.NewIter(&pebble.IterOptions{LowerBound: from, UpperBound: to})
	if err != nil {
		return fmt.Errorf("scan rows from %x: %w", from, err)
	}
	for ok := it.First(); ok; ok = it.Next() {
		if goOn, err := visit(it.Key(), it.Value()); err != nil || !goOn {
			return errors.Join(err, it.Close())
		}
	}
	if err := it.Close(); err != nil {
		return fmt.Errorf("scan rows from %x: %w", from, err)
	}
	return nil
}
