package store

import (
	"context"
	"fmt"
)

// LimitPages makes SQLite refuse to grow past n pages, which it reports as it
// does a full disk.
func (s *Store) LimitPages(ctx context.Context, n int) error {
	_, err := s.writer.ExecContext(ctx, fmt.Sprintf("PRAGMA max_page_count = %d", n))
	return err
}
