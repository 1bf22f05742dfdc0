package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
)

// Nodes is what the API needs of the fleet.
type Nodes interface {
	// List is the connected nodes in the order of their ids as text, after
	// p.After, which is such an id, connected still or not.
	List(ctx context.Context, p Page) ([]Node, error)
	// Count is how many nodes are connected and how many of them share now.
	Count(ctx context.Context) (connected, sharing int, err error)
}

// Node is one connected node.
type Node struct {
	ID       string `json:"id" doc:"Base58 of its key, which is a Solana address too"`
	Country  string `json:"country,omitempty" doc:"ISO 3166-1 alpha-2; left out while unknown"`
	Clump    string `json:"clump,omitempty" doc:"Keyed hash of the network it connects from; equal for neighbours"`
	Platform string `json:"platform,omitempty"`
	Agent    string `json:"agent,omitempty" doc:"Version of its agent"`

	Since       time.Time  `json:"since" doc:"Connected since"`
	RTT         float64    `json:"rtt_ms,omitempty" doc:"Round trip in milliseconds; left out until measured"`
	Sharing     string     `json:"sharing" doc:"ok, or the reason code why it does not share now"`
	SharesAgain *time.Time `json:"shares_again,omitempty" doc:"When it says it will, if it does"`
	InFlight    int        `json:"in_flight" doc:"Fetches through it now"`
	MaxTunnels  int        `json:"max_tunnels" doc:"Fetches at once at most"`

	Standing    int             `json:"standing_permille" doc:"1000 is full; less always has events that say why"`
	Quarantine  *Quarantine     `json:"quarantine,omitempty"`
	Events      []StandingEvent `json:"events" nullable:"false" doc:"Latest changes of its standing, newest first"`
	ServedRatio float64         `json:"served_ratio" doc:"Fetches it served lately, 0 to 1"`
}

// Quarantine is why and how long a node gets no work.
type Quarantine struct {
	Until  time.Time `json:"until"`
	Reason string    `json:"reason" doc:"Reason code"`
}

// StandingEvent is one change of a node's standing.
type StandingEvent struct {
	At       time.Time `json:"at"`
	Reason   string    `json:"reason" doc:"Reason code"`
	Permille int       `json:"permille" doc:"Standing from then on"`
	Detail   string    `json:"detail,omitempty"`
}

// NodePage is a part of the list of nodes.
type NodePage struct {
	Connected int    `json:"connected" doc:"Nodes connected in all"`
	Sharing   int    `json:"sharing" doc:"Those of them that share now"`
	Nodes     []Node `json:"nodes" nullable:"false"`
	Next      string `json:"next,omitempty" doc:"Give this as after for the next part; left out at the end"`
}

func (s *Server) addNodes() {
	handle(s, huma.Operation{
		OperationID: "list-nodes", Method: http.MethodGet, Path: "/api/v1/nodes", Tags: []string{"nodes"},
		Summary: "Connected nodes",
	}, s.listNodes)
}

func (s *Server) listNodes(ctx context.Context, in *ListQuery) (*answer[NodePage], error) {
	var p NodePage
	list, err := s.backend.Nodes.List(ctx, in.page())
	if err != nil {
		return nil, err
	}
	p.Nodes, p.Next = cut(list, in.Limit, func(n Node) string { return n.ID })
	p.Connected, p.Sharing, err = s.backend.Nodes.Count(ctx)
	return ok(p, err)
}
