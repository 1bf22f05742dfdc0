package api

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"
)

// Epochs is what the API needs of the ledger.
type Epochs interface {
	// List is epochs, newest first; a key of the list is an epoch's number in
	// decimal.
	List(ctx context.Context, p Page) ([]Epoch, error)
	// Epoch is one epoch; NotFound if it was never opened.
	Epoch(ctx context.Context, number uint64) (Epoch, error)
	// Close closes the open epoch and returns it closed. It may take as long as
	// nodes have to countersign.
	Close(ctx context.Context) (Epoch, error)
	// Statements are those of a closed epoch in the order of the nodes' keys,
	// after p.After, which is a node's id; none while the epoch is open.
	Statements(ctx context.Context, number uint64, p Page) ([]Statement, error)
	// File is where a file of a closed epoch lies, of form "json", "parquet" or
	// "receipts"; Conflict while it is open.
	File(ctx context.Context, number uint64, form string) (path string, err error)
}

// MicroPoints is an amount in millionths of a point. In JSON it is a string,
// as in epoch files, because many readers lose integers above 2^53.
type MicroPoints int64

// Epoch is one accounting window.
type Epoch struct {
	Number      uint64      `json:"number"`
	State       string      `json:"state" enum:"open,closing,closed"`
	Start       time.Time   `json:"start"`
	End         *time.Time  `json:"end,omitempty"`
	Formula     int         `json:"formula" doc:"Number of the points formula"`
	Pool        MicroPoints `json:"pool" doc:"Micro-points to share out"`
	Allocated   MicroPoints `json:"allocated" doc:"Micro-points that nodes earned; 0 until closed"`
	Unallocated MicroPoints `json:"unallocated" doc:"Micro-points that nobody earned; 0 until closed"`
	Root        string      `json:"root,omitempty" doc:"Merkle root over the statements, hex"`
	Hash        string      `json:"hash,omitempty" doc:"SHA-256 of the file's content, hex; what the router signs"`
	File        string      `json:"file,omitempty" doc:"The epoch file on the router's machine; it is served under /file too"`
	Phase       string      `json:"phase" enum:"open,closing,challengeable,contested,settleable" doc:"What may happen to it next"`
	SettleFrom  *time.Time  `json:"settle_from,omitempty" doc:"It can be challenged until then; nothing of it is paid before"`
	Challenges  int         `json:"open_challenges" doc:"Those that wait for a decision; nothing is paid while there are any"`
	Nodes       uint64      `json:"nodes" doc:"Statements; 0 until closed"`
	Royalties   TokenUnits  `json:"royalties" doc:"Base units of the router's token that nodes earned by sales; 0 until closed"`
}

// EpochPage is a part of the list of epochs.
type EpochPage struct {
	Epochs []Epoch `json:"epochs" nullable:"false"`
	Next   string  `json:"next,omitempty" doc:"Give this as after for the next part; left out at the end"`
}

// Statement is one node's line in an epoch.
type Statement struct {
	Node          string      `json:"node"`
	BytesSigned   uint64      `json:"bytes_signed" doc:"Both ends agreed"`
	BytesUnsigned uint64      `json:"bytes_unsigned" doc:"The router's count; the node was gone"`
	BytesDisputed uint64      `json:"bytes_disputed" doc:"The router's count; the node objected"`
	BytesLate     uint64      `json:"bytes_late" doc:"Of earlier epochs, proven by receipts that came after those had closed"`
	BytesOver     uint64      `json:"bytes_over_cap" doc:"Of all these, above the cap of a site and not paid"`
	OnlineSeconds uint64      `json:"online_seconds"`
	Country       string      `json:"country,omitempty"`
	Scarcity      int         `json:"scarcity_permille"`
	Standing      int         `json:"standing_permille"`
	Reasons       []string    `json:"reasons,omitempty" doc:"Why the standing is below 1000"`
	Carriage      MicroPoints `json:"carriage" doc:"Micro-points for bytes"`
	Availability  MicroPoints `json:"availability" doc:"Micro-points for being online"`
	Correction    MicroPoints `json:"correction" doc:"Micro-points for a challenge of an earlier epoch that was upheld"`
	Amount        MicroPoints `json:"amount" doc:"The three together"`
	Cumulative    MicroPoints `json:"cumulative" doc:"Everything the node has ever earned"`
	Payout        string      `json:"payout" doc:"The Solana address that is paid"`
	Royalty       TokenUnits  `json:"royalty" doc:"Its share of sales, in base units of the router's token"`
	RoyaltyEver   TokenUnits  `json:"royalty_ever" doc:"All its shares of sales ever"`
}

// StatementPage is a part of an epoch's statements.
type StatementPage struct {
	Statements []Statement `json:"statements" nullable:"false"`
	Next       string      `json:"next,omitempty" doc:"Give this as after for the next part; left out at the end"`
}

// TokenUnits is money: base units of the router's SPL token. In JSON it is a
// string, as micro-points are.
type TokenUnits int64

// MarshalText is the number in decimal.
func (u TokenUnits) MarshalText() ([]byte, error) { return strconv.AppendInt(nil, int64(u), 10), nil }

// UnmarshalText reads what MarshalText wrote.
func (u *TokenUnits) UnmarshalText(text []byte) error {
	v, err := strconv.ParseInt(string(text), 10, 64)
	*u = TokenUnits(v)
	return err
}

// String is the amount in points with all six decimals.
func (m MicroPoints) String() string {
	const point = 1_000_000
	sign, v := "", uint64(m)
	if m < 0 {
		sign, v = "-", -v
	}
	return fmt.Sprintf("%s%d.%06d", sign, v/point, v%point)
}

// MarshalText is the amount in micro-points, in decimal.
func (m MicroPoints) MarshalText() ([]byte, error) { return strconv.AppendInt(nil, int64(m), 10), nil }

// UnmarshalText reads what MarshalText wrote.
func (m *MicroPoints) UnmarshalText(text []byte) error {
	v, err := strconv.ParseInt(string(text), 10, 64)
	*m = MicroPoints(v)
	return err
}

func (s *Server) addEpochs() {
	tags := []string{"epochs"}
	handle(s, huma.Operation{
		OperationID: "list-epochs", Method: http.MethodGet, Path: "/api/v1/epochs", Tags: tags, Summary: "Epochs, newest first",
	}, s.listEpochs)
	handle(s, huma.Operation{
		OperationID: "close-epoch", Method: http.MethodPost, Path: "/api/v1/epochs/close", Tags: tags,
		Summary: "Close the open epoch now", Description: "Answers with the closed epoch, after nodes had time to countersign.",
	}, func(ctx context.Context, _ *struct{}) (*answer[Epoch], error) {
		return ok(s.backend.Epochs.Close(ctx))
	})
	handle(s, huma.Operation{
		OperationID: "get-epoch", Method: http.MethodGet, Path: "/api/v1/epochs/{number}", Tags: tags, Summary: "One epoch",
		Errors: []int{http.StatusNotFound},
	}, func(ctx context.Context, in *epochPath) (*answer[Epoch], error) {
		return ok(s.backend.Epochs.Epoch(ctx, in.Number))
	})
	handle(s, huma.Operation{
		OperationID: "list-statements", Method: http.MethodGet, Path: "/api/v1/epochs/{number}/statements", Tags: tags,
		Summary: "What each node did and earned in a closed epoch", Errors: []int{http.StatusNotFound},
	}, s.listStatements)
	s.serve(huma.Operation{
		OperationID: "get-epoch-file", Path: "/api/v1/epochs/{number}/file", Tags: tags,
		Summary: "The epoch file, from which anyone can compute the epoch again",
	}, "/api/v1/epochs/{number}/file", s.openEpochFile("json"))
	s.serve(huma.Operation{
		OperationID: "get-epoch-parquet", Path: "/api/v1/epochs/{number}/parquet", Tags: tags,
		Summary: "The same file as Parquet",
	}, "/api/v1/epochs/{number}/parquet", s.openEpochFile("parquet"))
	s.serve(huma.Operation{
		OperationID: "get-epoch-receipts", Path: "/api/v1/epochs/{number}/receipts", Tags: tags,
		Summary: "The receipts behind it, with their signatures, as Parquet",
	}, "/api/v1/epochs/{number}/receipts", s.openEpochFile("receipts"))
}

type epochPath struct {
	Number uint64 `path:"number" minimum:"1"`
}

func (s *Server) listEpochs(ctx context.Context, in *ListQuery) (*answer[EpochPage], error) {
	list, err := s.backend.Epochs.List(ctx, in.page())
	var p EpochPage
	p.Epochs, p.Next = cut(list, in.Limit, func(e Epoch) string { return strconv.FormatUint(e.Number, 10) })
	return ok(p, err)
}

func (s *Server) listStatements(ctx context.Context, in *struct {
	Number uint64 `path:"number" minimum:"1"`
	ListQuery
},
) (*answer[StatementPage], error) {
	list, err := s.backend.Epochs.Statements(ctx, in.Number, in.page())
	var p StatementPage
	p.Statements, p.Next = cut(list, in.Limit, func(l Statement) string { return l.Node })
	return ok(p, err)
}

func (s *Server) openEpochFile(form string) func(*http.Request) (*os.File, error) {
	return func(r *http.Request) (*os.File, error) {
		number, err := strconv.ParseUint(r.PathValue("number"), 10, 64)
		if err != nil || number == 0 {
			return nil, Invalid("%.40q is not the number of an epoch", r.PathValue("number"))
		}
		path, err := s.backend.Epochs.File(r.Context(), number, form)
		if err != nil {
			return nil, err
		}
		return os.Open(path)
	}
}
