package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
)

// Books is what the API needs to hear objections to the books and to record
// what the operator decides about them.
type Books interface {
	// Challenges lists challenges, newest first, of one epoch or of all (0).
	Challenges(ctx context.Context, epoch uint64) ([]Challenge, error)
	// Challenge files one; Conflict if the epoch cannot be challenged now.
	Challenge(ctx context.Context, epoch uint64, c NewChallenge) (Challenge, error)
	// DecideChallenge ends one; NotFound, or Conflict if it has ended.
	DecideChallenge(ctx context.Context, id uint64, d ChallengeDecision) (Challenge, error)
	// Late books a countersigned receipt of an epoch that has closed.
	Late(ctx context.Context, r LateReceipt) (LateOutcome, error)

	// Standings lists nodes that are not in good standing or appeal.
	Standings(ctx context.Context) ([]Standing, error)
	// Standing is how one node stands, with its events and appeals.
	Standing(ctx context.Context, node string) (NodeStanding, error)
	// Appeal records what a node's owner says.
	Appeal(ctx context.Context, node string, a NewAppeal) (NodeStanding, error)
	// Decide sets a node's standing.
	Decide(ctx context.Context, node string, d StandingDecision) (NodeStanding, error)
}

// NewChallenge is a claim that a closed epoch is wrong about a node.
type NewChallenge struct {
	Node  string `json:"node" doc:"The node it is about"`
	Claim string `json:"claim" maxLength:"500" doc:"What is wrong; one line"`
}

// Challenge is a claim and what became of it.
type Challenge struct {
	ID      uint64      `json:"id"`
	Epoch   uint64      `json:"epoch"`
	Node    string      `json:"node"`
	At      time.Time   `json:"at"`
	Claim   string      `json:"claim"`
	State   string      `json:"state" enum:"open,upheld,rejected"`
	Decided *time.Time  `json:"decided,omitempty"`
	Because string      `json:"because,omitempty" doc:"The operator's reason"`
	Amount  MicroPoints `json:"amount" doc:"Micro-points the node gets for it"`
	Booked  uint64      `json:"corrected_in,omitempty" doc:"The epoch whose pool pays it; left out until one has closed"`
}

// ChallengeDecision ends a challenge.
type ChallengeDecision struct {
	Amount  MicroPoints `json:"amount" doc:"Micro-points the node gets; 0 rejects the challenge"`
	Because string      `json:"because" maxLength:"500" doc:"Published with the correction; one line"`
}

// LateReceipt is a receipt as nodes keep it, with both signatures in base64.
type LateReceipt struct {
	Receipt   []byte `json:"receipt" doc:"The fixed encoding that both signatures cover"`
	RouterSig []byte `json:"router_sig"`
	NodeSig   []byte `json:"node_sig"`
}

// LateOutcome is what a late receipt proves.
type LateOutcome struct {
	Node   string `json:"node"`
	Epoch  uint64 `json:"epoch"`
	Job    string `json:"job"`
	Proven uint64 `json:"bytes_proven" doc:"Beyond what was paid before; they are paid with the open epoch. 0: nothing new"`
}

// Standing is a node that is not in good standing, or whose appeal waits.
type Standing struct {
	Node     string    `json:"node"`
	Permille int       `json:"permille"`
	Reason   string    `json:"reason" doc:"Reason code of the newest event"`
	At       time.Time `json:"at"`
	Appeals  int       `json:"open_appeals"`
}

// NodeStanding is how one node stands and why.
type NodeStanding struct {
	Node     string          `json:"node"`
	Permille int             `json:"permille"`
	Events   []StandingEvent `json:"events" nullable:"false" doc:"Newest first"`
	Appeals  []Appeal        `json:"appeals" nullable:"false" doc:"Newest first"`
}

// Appeal is what a node's owner says about its standing.
type Appeal struct {
	ID      uint64     `json:"id"`
	At      time.Time  `json:"at"`
	Claim   string     `json:"claim"`
	Decided *time.Time `json:"decided,omitempty"`
}

// NewAppeal is an appeal to be recorded.
type NewAppeal struct {
	Claim string `json:"claim" maxLength:"500" doc:"One line"`
}

// StandingDecision sets a standing.
type StandingDecision struct {
	Permille int    `json:"permille" minimum:"0" maximum:"1000" doc:"1000 is full"`
	Because  string `json:"because" maxLength:"500" doc:"Published in the next epoch file; one line"`
}

// ChallengeList and StandingList are the answers that list.
type (
	ChallengeList struct {
		Challenges []Challenge `json:"challenges" nullable:"false"`
	}
	StandingList struct {
		Standings []Standing `json:"standings" nullable:"false"`
	}
)

func (s *Server) addBooks() {
	s.addChallenges()
	tags := []string{"standings"}
	handle(s, huma.Operation{
		OperationID: "list-standings", Method: http.MethodGet, Path: "/api/v1/standings", Tags: tags,
		Summary: "Nodes that are not in good standing or appeal",
	}, func(ctx context.Context, _ *struct{}) (*answer[StandingList], error) {
		list, err := s.backend.Books.Standings(ctx)
		return ok(StandingList{list}, err)
	})
	type node struct {
		Node string `path:"node" maxLength:"44"`
	}
	handle(s, huma.Operation{
		OperationID: "get-standing", Method: http.MethodGet, Path: "/api/v1/standings/{node}", Tags: tags,
		Summary: "How a node stands, and why",
	}, func(ctx context.Context, in *node) (*answer[NodeStanding], error) {
		return ok(s.backend.Books.Standing(ctx, in.Node))
	})
	handle(s, huma.Operation{
		OperationID: "add-appeal", Method: http.MethodPost, Path: "/api/v1/standings/{node}/appeals", Tags: tags,
		Summary: "Record what a node's owner says about its standing", Errors: []int{http.StatusConflict},
	}, func(ctx context.Context, in *struct {
		Node string `path:"node" maxLength:"44"`
		Body NewAppeal
	},
	) (*answer[NodeStanding], error) {
		return ok(s.backend.Books.Appeal(ctx, in.Node, in.Body))
	})
	handle(s, huma.Operation{
		OperationID: "decide-standing", Method: http.MethodPost, Path: "/api/v1/standings/{node}/decisions", Tags: tags,
		Summary: "Set a node's standing", Description: "Ends its quarantine and its appeals. The next epoch file publishes the decision.",
	}, func(ctx context.Context, in *struct {
		Node string `path:"node" maxLength:"44"`
		Body StandingDecision
	},
	) (*answer[NodeStanding], error) {
		return ok(s.backend.Books.Decide(ctx, in.Node, in.Body))
	})
}

func (s *Server) addChallenges() {
	tags := []string{"epochs"}
	handle(s, huma.Operation{
		OperationID: "list-challenges", Method: http.MethodGet, Path: "/api/v1/challenges", Tags: tags, Summary: "Challenges, newest first",
	}, func(ctx context.Context, in *struct {
		Epoch uint64 `query:"epoch" doc:"Only of this epoch"`
	},
	) (*answer[ChallengeList], error) {
		list, err := s.backend.Books.Challenges(ctx, in.Epoch)
		return ok(ChallengeList{list}, err)
	})
	handle(s, huma.Operation{
		OperationID: "add-challenge", Method: http.MethodPost, Path: "/api/v1/epochs/{number}/challenges", Tags: tags,
		Summary: "Say that a closed epoch is wrong about a node", Description: "Nothing of the epoch is paid until it is decided.",
		Errors: []int{http.StatusNotFound, http.StatusConflict},
	}, func(ctx context.Context, in *struct {
		Number uint64 `path:"number" minimum:"1"`
		Body   NewChallenge
	},
	) (*answer[Challenge], error) {
		return ok(s.backend.Books.Challenge(ctx, in.Number, in.Body))
	})
	handle(s, huma.Operation{
		OperationID: "decide-challenge", Method: http.MethodPost, Path: "/api/v1/challenges/{id}/decision", Tags: tags,
		Summary: "Uphold or reject a challenge", Description: "What it corrects is paid out of the pool of the next epoch that closes.",
		Errors: []int{http.StatusNotFound, http.StatusConflict},
	}, func(ctx context.Context, in *struct {
		ID   uint64 `path:"id" minimum:"1"`
		Body ChallengeDecision
	},
	) (*answer[Challenge], error) {
		return ok(s.backend.Books.DecideChallenge(ctx, in.ID, in.Body))
	})
	handle(s, huma.Operation{
		OperationID: "add-late-receipt", Method: http.MethodPost, Path: "/api/v1/receipts", Tags: tags,
		Summary: "Show a receipt of an epoch that has closed", Description: "What it proves beyond what was paid is paid with the open epoch, with a note in its file.",
		Errors: []int{http.StatusNotFound, http.StatusConflict},
	}, func(ctx context.Context, in *struct{ Body LateReceipt }) (*answer[LateOutcome], error) {
		return ok(s.backend.Books.Late(ctx, in.Body))
	})
}
