package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
)

// Halts is what the API needs to stop nodes.
type Halts interface {
	// InForce is what is stopped now.
	InForce(ctx context.Context) (Halt, error)
	// Stop adds a stop, or gives one that is there another reason; a job is paused
	// too. Invalid if a field is not right, NotFound if there is no such job.
	Stop(ctx context.Context, s Stop) (Halt, error)
	// Lift takes a stop back; NotFound if it is not in force.
	Lift(ctx context.Context, s StopName) (Halt, error)
}

// StopName names a stop.
type StopName struct {
	Scope string `json:"scope" enum:"all,router,job" doc:"all: whatever nodes carry, for any router; router: what they carry for this one; job: one job"`
	Job   string `json:"job,omitempty" doc:"The job's id; with scope job alone"`
}

// Stop is one thing nodes are told not to carry, and why.
type Stop struct {
	StopName
	Reason string `json:"reason" maxLength:"200" doc:"Shown to the users of all nodes; one line"`
}

// Halt is everything that is stopped.
type Halt struct {
	Sequence uint64     `json:"sequence" doc:"Grows with every change; 0: there never was one"`
	At       *time.Time `json:"at,omitempty" doc:"When it last changed"`
	Stops    []Stop     `json:"stops" nullable:"false"`
	Told     *int       `json:"told,omitempty" doc:"Connected nodes that were told of the change; the others hear it when they connect"`
}

func (s *Server) addHalts() {
	tags := []string{"halts"}
	handle(s, huma.Operation{
		OperationID: "get-halt", Method: http.MethodGet, Path: "/api/v1/halt", Tags: tags, Summary: "What nodes are stopped from",
	}, func(ctx context.Context, _ *struct{}) (*answer[Halt], error) {
		return ok(s.backend.Halts.InForce(ctx))
	})
	handle(s, huma.Operation{
		OperationID: "add-stop", Method: http.MethodPost, Path: "/api/v1/halt/stops", Tags: tags, Summary: "Stop nodes",
		Description: "Signed by the router and kept by nodes across restarts. Answers once connected nodes have been told.",
		Errors:      []int{http.StatusNotFound},
	}, func(ctx context.Context, in *struct{ Body Stop }) (*answer[Halt], error) {
		return ok(s.backend.Halts.Stop(ctx, in.Body))
	})
	handle(s, huma.Operation{
		OperationID: "lift-stop", Method: http.MethodPost, Path: "/api/v1/halt/lift", Tags: tags, Summary: "Take a stop back",
		Description: "A job that was paused with it stays paused until it is resumed.",
		Errors:      []int{http.StatusNotFound},
	}, func(ctx context.Context, in *struct{ Body StopName }) (*answer[Halt], error) {
		return ok(s.backend.Halts.Lift(ctx, in.Body))
	})
}
