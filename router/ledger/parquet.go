package ledger

import (
	"encoding/json"
	"errors"
	"fmt"
	"iter"

	"github.com/fallow-network/fallow/dataset"
	"github.com/fallow-network/fallow/relay/wire"
)

// WriteParquet writes the Parquet form of f at path, whole or not at all.
func (f *File) WriteParquet(path string) error {
	head, err := canonical(f.Seal)
	if err != nil {
		return fmt.Errorf("encode epoch %d: %w", f.Head.Epoch, err)
	}
	return dataset.WriteEpoch(path, string(head), f.rows())
}

func (f *File) rows() iter.Seq2[*dataset.EpochRow, error] {
	return func(yield func(*dataset.EpochRow, error) bool) {
		var row dataset.EpochRow
		for i := range f.Statements {
			if !yield(&row, f.Statements[i].intoRow(&row)) {
				return
			}
		}
	}
}

// listText is the JSON of a list; "" for an empty one.
func listText[V any](list []V) (string, error) {
	if len(list) == 0 {
		return "", nil
	}
	text, err := json.Marshal(list)
	return string(text), err
}

func (s *Statement) intoRow(r *dataset.EpochRow) error {
	*r = dataset.EpochRow{
		Node: s.Node.String(), Country: s.Country, Standing: int32(s.Standing),
		BytesSigned: int64(s.BytesSigned), BytesUnsigned: int64(s.BytesUnsigned),
		BytesDisputed: int64(s.BytesDisputed), BytesLate: int64(s.BytesLate), OnlineSeconds: int64(s.Online()),
		Carriage: int64(s.Carriage), Availability: int64(s.Availability), Correction: int64(s.Correction),
		Amount: int64(s.Amount), AmountEver: int64(s.Ever), Royalty: int64(s.Royalty), RoyaltyEver: int64(s.RoyaltyEver),
	}
	if !s.Payout.IsZero() {
		r.Payout = s.Payout.String()
	}
	var errs [4]error
	r.Reasons, errs[0] = listText(s.Reasons)
	r.Presence, errs[1] = listText(s.Presence)
	r.CappedSites, errs[2] = listText(s.Sites)
	r.RoyaltyShares, errs[3] = listText(s.Shares)
	return errors.Join(errs[:]...)
}

func listOf[V any](text string, into *[]V) error {
	if text == "" {
		return nil
	}
	return json.Unmarshal([]byte(text), into)
}

// fromRow reads a row. What a row could say that a statement does not, in other
// words or out of bounds, does not survive: the statements' hash tells.
func (s *Statement) fromRow(r *dataset.EpochRow) (err error) {
	*s = Statement{
		Country: r.Country, Standing: int(r.Standing),
		BytesSigned: uint64(r.BytesSigned), BytesUnsigned: uint64(r.BytesUnsigned),
		BytesDisputed: uint64(r.BytesDisputed), BytesLate: uint64(r.BytesLate),
		Carriage: MicroPoints(r.Carriage), Availability: MicroPoints(r.Availability), Correction: MicroPoints(r.Correction),
		Amount: MicroPoints(r.Amount), Ever: MicroPoints(r.AmountEver),
		Royalty: TokenUnits(r.Royalty), RoyaltyEver: TokenUnits(r.RoyaltyEver),
	}
	if len(r.Country) > 8 {
		return errors.New("country is too long")
	}
	if s.Node, err = wire.ParseKey(r.Node); err != nil {
		return err
	}
	if r.Payout != "" {
		if s.Payout, err = wire.ParseKey(r.Payout); err != nil {
			return err
		}
	}
	err = errors.Join(listOf(r.Reasons, &s.Reasons), listOf(r.Presence, &s.Presence), listOf(r.CappedSites, &s.Sites), listOf(r.RoyaltyShares, &s.Shares))
	if err == nil && uint64(r.OnlineSeconds) != s.Online() {
		err = fmt.Errorf("online for %d seconds, by its clumps %d", r.OnlineSeconds, s.Online())
	}
	return err
}

// ReadParquet reads the Parquet form. Errors of form wrap ErrFormat.
func ReadParquet(path string) (*File, error) {
	f := new(File)
	begin := func(head string) error { return f.Seal.parseObject([]byte(head)) }
	err := dataset.ReadEpoch(path, begin, func(number int64, r *dataset.EpochRow) error {
		if number >= maxNodes {
			return fmt.Errorf("%w: more than %d statements", ErrFormat, maxNodes)
		}
		var s Statement
		if err := s.fromRow(r); err != nil {
			return fmt.Errorf("%w: statement %d: %w", ErrFormat, number, err)
		}
		f.Statements = append(f.Statements, s)
		return nil
	})
	if err != nil {
		return nil, asFormat(err)
	}
	return f, nil
}

// asFormat makes damage of a Parquet file an ErrFormat.
func asFormat(err error) error {
	var damage *dataset.Damage
	if errors.As(err, &damage) || errors.Is(err, dataset.ErrFormat) {
		return fmt.Errorf("%w: %w", ErrFormat, err)
	}
	return err
}

func readParquetSeal(path string, into *Seal) error {
	err := dataset.ReadEpoch(path, func(head string) error {
		if err := into.parseObject([]byte(head)); err != nil {
			return err
		}
		return errStop
	}, nil)
	if errors.Is(err, errStop) {
		return nil
	}
	return asFormat(err)
}
