package api

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"
)

// Settlements is what the API needs to settle epochs on a chain.
type Settlements interface {
	// Status is how far settling is, without a look at the chain.
	Status(ctx context.Context) (Settlement, error)
	// Plan is what Run would do now; 0 is the newest epoch that can be settled.
	// Conflict if it cannot be, Unavailable if the chain does not answer.
	Plan(ctx context.Context, epoch uint64) (SettlementPlan, error)
	// Run starts to settle an epoch, and returns at once. Status tells how it
	// goes. Conflict if one is under way.
	Run(ctx context.Context, epoch uint64) (Settlement, error)
	// Reconcile compares final payments with the chain, from a payment on.
	Reconcile(ctx context.Context, from uint64) (Reconciliation, error)
}

// Units is an amount of the payout token in its base units; a string in JSON.
type Units int64

// MarshalText is the amount in decimal.
func (u Units) MarshalText() ([]byte, error) { return strconv.AppendInt(nil, int64(u), 10), nil }

// UnmarshalText reads what MarshalText wrote.
func (u *Units) UnmarshalText(text []byte) error {
	v, err := strconv.ParseInt(string(text), 10, 64)
	*u = Units(v)
	return err
}

// Settlement is how far settling is.
type Settlement struct {
	Mode     string        `json:"mode" enum:"off,commit,pay"`
	Treasury string        `json:"treasury,omitempty" doc:"Address payouts come from"`
	Mint     string        `json:"mint,omitempty" doc:"Token that is paid in"`
	Rate     string        `json:"rate,omitempty" doc:"Base units per micro-points, as 1/1000"`
	Running  bool          `json:"running"`
	Error    string        `json:"error,omitempty" doc:"Why the last run stopped; running it again goes on"`
	Epoch    *SettledEpoch `json:"epoch,omitempty" doc:"The newest that was begun"`
	Live     *LiveBatch    `json:"live,omitempty" doc:"The batch between signature and finality"`
	Payments uint64        `json:"payments" doc:"Final batches, ever"`
	Paid     Units         `json:"paid" doc:"Base units paid to nodes, ever"`
}

// SettledEpoch is how far one epoch's settlement is.
type SettledEpoch struct {
	Number   uint64     `json:"number"`
	Done     bool       `json:"done" doc:"Nothing of its plan is left to do; what was put off stays owed"`
	Planned  time.Time  `json:"planned"`
	Finished *time.Time `json:"finished,omitempty"`
	Batches  int        `json:"batches"`
	Final    int        `json:"final" doc:"Batches that are final"`
	Paid     Units      `json:"paid"`
	Waiting  Units      `json:"waiting" doc:"Planned and not final"`
	Held     []Held     `json:"held" nullable:"false" doc:"Put off by the plan, the first of them"`
	HeldMore int        `json:"held_more,omitempty"`
	Commit   string     `json:"commit,omitempty" doc:"Transaction that holds root, totals and file hash"`
}

// LiveBatch is a batch whose end is not known yet.
type LiveBatch struct {
	Epoch    uint64    `json:"epoch"`
	Payment  uint64    `json:"payment" doc:"Its number over all batches"`
	Kind     string    `json:"kind"`
	Payouts  int       `json:"payouts"`
	Units    Units     `json:"units"`
	Attempts []Attempt `json:"attempts" nullable:"false"`
}

// Attempt is one signed transaction.
type Attempt struct {
	Signature string    `json:"signature"`
	State     string    `json:"state" enum:"signed,sent,final,failed,dead,unknown"`
	Note      string    `json:"note,omitempty"`
	LastValid uint64    `json:"last_valid_height"`
	Created   time.Time `json:"created"`
	Updated   time.Time `json:"updated"`
}

// Held is a payout that is put off; it stays owed.
type Held struct {
	Node    string `json:"node"`
	Address string `json:"address"`
	Units   Units  `json:"units"`
	Reason  string `json:"reason" doc:"A stable code"`
	Words   string `json:"words" doc:"The reason in a sentence"`
}

// SettlementPlan is what settling an epoch would do.
type SettlementPlan struct {
	Epoch    uint64 `json:"epoch"`
	Mode     string `json:"mode"`
	Root     string `json:"root" doc:"Merkle root that is committed to, hex"`
	File     string `json:"file" doc:"Hash of the epoch file, hex"`
	Treasury string `json:"treasury"`
	Mint     string `json:"mint,omitempty"`
	Decimals int    `json:"decimals" doc:"Of the token"`
	Rate     string `json:"rate,omitempty"`

	TreasuryUnits    Units `json:"treasury_units"`
	TreasuryLamports int64 `json:"treasury_lamports"`

	Batches     []PlannedBatch  `json:"batches" nullable:"false"`
	Payouts     []PlannedPayout `json:"payouts" nullable:"false"`
	Units       Units           `json:"units" doc:"All payouts"`
	Held        []Held          `json:"held" nullable:"false"`
	HeldUnits   Units           `json:"held_units"`
	NewAccounts int             `json:"new_accounts" doc:"Token accounts that are opened"`

	FeeLamports         int64 `json:"fee_lamports" doc:"Estimate"`
	AccountRentLamports int64 `json:"account_rent_lamports"`
	MarkerRentLamports  int64 `json:"marker_rent_lamports"`
	ShortLamports       int64 `json:"short_lamports,omitempty" doc:"What the treasury lacks for fees and rents"`
}

// PlannedBatch is one transaction to come.
type PlannedBatch struct {
	Kind        string `json:"kind" enum:"commit,pay"`
	Payouts     int    `json:"payouts"`
	NewAccounts int    `json:"new_accounts"`
	Units       Units  `json:"units"`
}

// PlannedPayout is one transfer to come.
type PlannedPayout struct {
	Node    string `json:"node"`
	Address string `json:"address"`
	Units   Units  `json:"units"`
	New     bool   `json:"new_account,omitempty"`
	Batch   int    `json:"batch"`
}

// Reconciliation is what comparing books with the chain has shown.
type Reconciliation struct {
	Next             uint64   `json:"next,omitempty" doc:"Give this as from for the next part; left out at the end"`
	Batches          int      `json:"batches"`
	Units            Units    `json:"units"`
	TreasuryUnits    Units    `json:"treasury_units" doc:"In the last part"`
	TreasuryLamports int64    `json:"treasury_lamports"`
	Unknown          int      `json:"unknown,omitempty" doc:"Payments on the chain the database does not know; a run reads them back"`
	Ahead            []Held   `json:"ahead,omitempty" doc:"Nodes paid more than they have earned"`
	Problems         []string `json:"problems,omitempty"`
}

func (s *Server) addSettlement() {
	tags := []string{"settlement"}
	errs := []int{http.StatusConflict, http.StatusServiceUnavailable}
	handle(s, huma.Operation{
		OperationID: "get-settlement", Method: http.MethodGet, Path: "/api/v1/settlement", Tags: tags,
		Summary: "How far settling on the chain is",
	}, func(ctx context.Context, _ *struct{}) (*answer[Settlement], error) {
		return ok(s.backend.Settlements.Status(ctx))
	})
	handle(s, huma.Operation{
		OperationID: "plan-settlement", Method: http.MethodGet, Path: "/api/v1/settlement/plan", Tags: tags, Errors: errs,
		Summary: "What settling an epoch would do and cost", Description: "Looks at the chain; stores and sends nothing.",
	}, func(ctx context.Context, in *struct {
		Epoch uint64 `query:"epoch" doc:"0 is the newest that can be settled"`
	},
	) (*answer[SettlementPlan], error) {
		return ok(s.backend.Settlements.Plan(ctx, in.Epoch))
	})
	handle(s, huma.Operation{
		OperationID: "run-settlement", Method: http.MethodPost, Path: "/api/v1/settlement/run", Tags: tags, Errors: errs,
		Summary: "Settle an epoch", Description: "Starts it and answers at once. It goes on from wherever an earlier run stopped, and pays nothing twice.",
		DefaultStatus: http.StatusAccepted,
	}, func(ctx context.Context, in *struct{ Body SettlementRun }) (*answer[Settlement], error) {
		return ok(s.backend.Settlements.Run(ctx, in.Body.Epoch))
	})
	handle(s, huma.Operation{
		OperationID: "reconcile-settlement", Method: http.MethodGet, Path: "/api/v1/settlement/reconciliation", Tags: tags, Errors: errs,
		Summary: "Compare final payments with the chain", Description: "Part by part: give next as from until it is left out.",
	}, func(ctx context.Context, in *struct {
		From uint64 `query:"from"`
	},
	) (*answer[Reconciliation], error) {
		return ok(s.backend.Settlements.Reconcile(ctx, in.From))
	})
}

// SettlementRun says which epoch to settle.
type SettlementRun struct {
	Epoch uint64 `json:"epoch,omitempty" doc:"0 is the newest that can be settled"`
}

// Settlement is how far settling is.
func (c *Client) Settlement(ctx context.Context) (Settlement, error) {
	var s Settlement
	return s, c.get(ctx, Page{}, &s, "settlement")
}

// PlanSettlement is what settling an epoch would do.
func (c *Client) PlanSettlement(ctx context.Context, epoch uint64) (SettlementPlan, error) {
	var p SettlementPlan
	u := c.address([]string{"settlement", "plan"})
	u.RawQuery = "epoch=" + strconv.FormatUint(epoch, 10)
	return p, c.do(ctx, http.MethodGet, u, nil, &p)
}

// RunSettlement starts to settle an epoch.
func (c *Client) RunSettlement(ctx context.Context, epoch uint64) (Settlement, error) {
	var s Settlement
	return s, c.post(ctx, SettlementRun{Epoch: epoch}, &s, "settlement", "run")
}

// Reconcile compares final payments with the chain, a part of them.
func (c *Client) Reconcile(ctx context.Context, from uint64) (Reconciliation, error) {
	var r Reconciliation
	u := c.address([]string{"settlement", "reconciliation"})
	u.RawQuery = "from=" + strconv.FormatUint(from, 10)
	return r, c.do(ctx, http.MethodGet, u, nil, &r)
}
