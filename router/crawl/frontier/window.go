package frontier

import (
	"slices"
	"strings"
)

// window is the head of an ordered range of rows on disk, kept in memory.
//
// Every row of the range whose key is at most bound is in rows, or was taken out
// by pop. Rows above bound are on disk only, and exist only if more is set. So a
// row that is written to disk is also inserted here, and insert decides which
// side of the bound it is on.
type window[T any] struct {
	rows  []row[T] // ascending
	limit int      // of len(rows)
	bound string
	more  bool
}

type row[T any] struct {
	key string
	val T
}

// unread is a window on a range of which nothing was read yet.
func unread[T any](limit int) window[T] { return window[T]{limit: limit, more: true} }

// empty is a window on a range that has no rows on disk that could be popped.
func empty[T any](limit int) window[T] { return window[T]{limit: limit} }

func (w *window[T]) starved() bool { return len(w.rows) == 0 && w.more }

func (w *window[T]) exhausted() bool { return len(w.rows) == 0 && !w.more }

func (w *window[T]) pop() row[T] {
	head := w.rows[0]
	w.rows[0] = row[T]{}
	w.rows = w.rows[1:]
	return head
}

func (w *window[T]) insert(key string, val T) {
	if w.more && key > w.bound {
		return
	}
	at, _ := w.find(key)
	w.rows = slices.Insert(w.rows, at, row[T]{key, val})
	if len(w.rows) > w.limit {
		w.rows = slices.Delete(w.rows, w.limit, len(w.rows))
		w.bound, w.more = w.rows[w.limit-1].key, true
	}
}

// remove takes out the row with this key if it is in memory.
func (w *window[T]) remove(key string) {
	if at, ok := w.find(key); ok {
		w.rows = slices.Delete(w.rows, at, at+1)
	}
}

func (w *window[T]) find(key string) (int, bool) {
	return slices.BinarySearchFunc(w.rows, key, func(r row[T], key string) int {
		return strings.Compare(r.key, key)
	})
}
