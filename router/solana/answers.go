package solana

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math"

	sol "github.com/gagliardetto/solana-go"

	"github.com/fallow-network/fallow/relay/wire"
)

// The forms of answers, as far as they are read. Every one is checked: an
// endpoint may be broken, lagging or hostile.

type commitment map[string]any

var (
	final     = commitment{"commitment": "finalized"}
	confirmed = commitment{"commitment": "confirmed"}
)

// in adds to a commitment.
func (c commitment) in(name string, value any) commitment {
	more := commitment{name: value}
	for k, v := range c {
		more[k] = v
	}
	return more
}

// valued is an answer with the slot it is of.
type valued[T any] struct {
	Context struct {
		Slot uint64 `json:"slot"`
	} `json:"context"`
	Value T `json:"value"`
}

// account is an account as asked for in base64.
type account struct {
	Lamports   uint64        `json:"lamports"`
	Owner      sol.PublicKey `json:"owner"`
	Data       encoded       `json:"data"`
	Executable bool          `json:"executable"`
}

// encoded is ["…", "base64"].
type encoded []byte

// UnmarshalJSON refuses any other encoding.
func (e *encoded) UnmarshalJSON(raw []byte) error {
	var pair []string
	if err := json.Unmarshal(raw, &pair); err != nil {
		return err
	}
	if len(pair) != 2 || pair[1] != "base64" {
		return errors.New("data is not in base64")
	}
	data, err := base64.StdEncoding.DecodeString(pair[0])
	*e = data
	return err
}

// A token account's layout: mint (32 bytes), owner (32), amount (8, little
// endian), delegate (36), state (1: 1 initialized, 2 frozen), and more.
const (
	tokenAccountSize = 165
	tokenMintAt      = 0
	tokenOwnerAt     = 32
	tokenAmountAt    = 64
	tokenStateAt     = 108
)

// token is a token account.
type token struct {
	mint, owner sol.PublicKey
	units       int64
	frozen      bool
}

// asToken reads a; nil is no account, and has nothing in it.
func asToken(a *account) (token, error) {
	switch {
	case a == nil:
		return token{}, nil
	case a.Owner != sol.TokenProgramID || len(a.Data) != tokenAccountSize:
		return token{}, errors.New("it is no account of the token program")
	}
	units := binary.LittleEndian.Uint64(a.Data[tokenAmountAt:])
	if units > math.MaxInt64 {
		return token{}, fmt.Errorf("it holds %d, more than an amount can", units)
	}
	return token{
		mint:   sol.PublicKeyFromBytes(a.Data[tokenMintAt : tokenMintAt+32]),
		owner:  sol.PublicKeyFromBytes(a.Data[tokenOwnerAt : tokenOwnerAt+32]),
		units:  int64(units),
		frozen: a.Data[tokenStateAt] == 2,
	}, nil
}

// status is what getSignatureStatuses says about one signature.
type status struct {
	Slot   uint64          `json:"slot"`
	Err    json.RawMessage `json:"err"`
	Status string          `json:"confirmationStatus"`
}

func (s *status) failed() bool { return len(s.Err) > 0 && string(s.Err) != "null" }

// blockhash is what getLatestBlockhash answers.
type blockhash struct {
	Blockhash sol.Hash `json:"blockhash"`
	LastValid uint64   `json:"lastValidBlockHeight"`
}

// simulation is what simulateTransaction answers.
type simulation struct {
	Err      json.RawMessage `json:"err"`
	Logs     []string        `json:"logs"`
	Accounts []*account      `json:"accounts"`
	Units    uint64          `json:"unitsConsumed"`
}

// instruction is the index of the instruction that failed, if the error says so.
func (s *simulation) instruction() (int, bool) {
	var e struct {
		InstructionError []json.RawMessage
	}
	index := 0
	if json.Unmarshal(s.Err, &e) != nil || len(e.InstructionError) != 2 || json.Unmarshal(e.InstructionError[0], &index) != nil {
		return 0, false
	}
	return index, true
}

// signatureInfo is one entry of getSignaturesForAddress.
type signatureInfo struct {
	Signature string          `json:"signature"`
	Err       json.RawMessage `json:"err"`
}

// landed is what getTransaction answers in base64.
type landed struct {
	Slot        uint64  `json:"slot"`
	BlockTime   *int64  `json:"blockTime"`
	Transaction encoded `json:"transaction"`
	Meta        *struct {
		Err  json.RawMessage `json:"err"`
		Pre  []tokenBalance  `json:"preTokenBalances"`
		Post []tokenBalance  `json:"postTokenBalances"`
		// From lookup tables, behind the keys the transaction names itself.
		Loaded struct {
			Writable []wire.Key `json:"writable"`
			Readonly []wire.Key `json:"readonly"`
		} `json:"loadedAddresses"`
	} `json:"meta"`
}

type tokenBalance struct {
	Index  int      `json:"accountIndex"`
	Mint   wire.Key `json:"mint"`
	Owner  wire.Key `json:"owner"`
	Amount struct {
		Amount string `json:"amount"`
	} `json:"uiTokenAmount"`
}
