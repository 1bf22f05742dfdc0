package dataset

import (
	"fmt"
	"os"
)

// scanFile calls yield for every row of a file with the named columns alone
// filled. Leaves are not checked: that takes all columns. It never panics and
// allocates within limits, whatever the file holds.
func scanFile[T any](path string, t *table[T], columns []string, yield func(row int64, r *T) error) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	r, err := openTable(t, f, info.Size(), DefaultLimits())
	if err != nil {
		return fmt.Errorf("scan %s: %w", path, err)
	}
	defer r.close()
	r.only = map[string]bool{}
	for _, name := range columns {
		r.only[name] = true
	}
	err = r.read(func(number int64, row *T, _ bool) error { return yield(number, row) })
	if err != nil {
		err = fmt.Errorf("scan %s: %w", path, err)
	}
	return err
}
