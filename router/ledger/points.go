package ledger

import "fmt"

// MicroPoints is an amount of credit in millionths of a point. Amounts are
// never negative; the type is signed because SQL and Parquet have no other.
type MicroPoints int64

// Point is one point.
const Point MicroPoints = 1_000_000

// String is m in points with all six decimals: "12.345678".
func (m MicroPoints) String() string {
	sign, v := "", uint64(m)
	if m < 0 {
		sign, v = "-", -v
	}
	return fmt.Sprintf("%s%d.%06d", sign, v/uint64(Point), v%uint64(Point))
}
