package memo_test

import (
	"strings"
	"testing"

	"github.com/fallow-network/fallow/relay/wire"
	"github.com/fallow-network/fallow/router/settle/memo"
)

func examples() []memo.Memo {
	rate := memo.Rate{Units: 3, Points: 1000}
	c := memo.Commitment{Root: [32]byte{1}, File: [32]byte{2}, Nodes: 3, Points: 4, PointsEver: 5, Royalties: 6, RoyaltiesEver: 7}
	return []memo.Memo{
		{Kind: memo.Commit, Epoch: 12, Seq: 57, Commitment: c},
		{Kind: memo.Commit, Epoch: 12, Seq: 57, Commitment: c, Mint: wire.Key{9}, Rate: rate},
		{Kind: memo.Pay, Epoch: 12, Seq: 58, Rate: rate},
		{Kind: memo.Pay, Epoch: 12, Seq: 58, Rate: rate, Tags: map[int]string{0: "7YxAbc", 16: "9zQwErt"}},
		{Kind: memo.Refund, Seq: 59, Order: "0123ABC"},
	}
}

func TestRoundTrip(t *testing.T) {
	for _, m := range examples() {
		got, err := memo.Parse(m.String())
		if err != nil || got.String() != m.String() || got.Mint != m.Mint || len(got.Tags) != len(m.Tags) || got.Commitment != m.Commitment {
			t.Errorf("%s: %+v %v", m, got, err)
		}
	}
}

func TestRefused(t *testing.T) {
	good := examples()[3].String()
	for _, text := range []string{
		"", "fallow1", "fallow2 pay 12 58 3/1000", "fallow1 pay 12 58", "fallow1 pay 012 58 3/1000", good + " ", good + " 3=abc",
		strings.Replace(good, "16=", "300=", 1), "fallow1 pay 12 58 0/1000", "fallow1 gift 1 2 3", "fallow1 refund x y", strings.Repeat("a", 2000),
	} {
		if m, err := memo.Parse(text); err == nil {
			t.Errorf("%q is read as %+v", text, m)
		}
	}
}

func TestOwed(t *testing.T) {
	r := memo.Rate{Units: 3, Points: 1000}
	for _, c := range []struct {
		points memo.MicroPoints
		paid   []memo.Paid
		want   memo.Units
	}{
		{0, nil, 0},
		{333, nil, 0},
		{334, nil, 1},
		{1_000, []memo.Paid{{Rate: r, Units: 3}}, 0},
		{1_000, []memo.Paid{{Rate: r, Units: 5}}, -2},
		{1_000, []memo.Paid{{Rate: memo.Rate{Units: 1, Points: 10}, Units: 50}}, 1}, // 500 points are paid
		{1_000, []memo.Paid{{Rate: memo.Rate{Units: 1, Points: 10}, Units: 200}}, -3},
	} {
		if got, err := r.Owed(c.points, c.paid); err != nil || got != c.want {
			t.Errorf("%d points less %v: %d, want %d (%v)", c.points, c.paid, got, c.want, err)
		}
	}
	if _, err := (memo.Rate{Units: 1 << 40, Points: 1}).Owed(1<<40, nil); err == nil {
		t.Error("more than an amount can hold is taken")
	}
}

func FuzzParse(f *testing.F) {
	for _, m := range examples() {
		f.Add(m.String())
	}
	f.Fuzz(func(t *testing.T, text string) {
		if m, err := memo.Parse(text); err == nil && m.String() != text {
			t.Fatalf("%q is read as %q", text, m)
		}
	})
}
