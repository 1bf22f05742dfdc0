package api

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/fallow-network/fallow/router/crawl/job"
)

// NewTakedown is the body that asks for pages to be left out of a dataset.
type NewTakedown struct {
	Scope  string `json:"scope" enum:"url,site,pattern" doc:"What target names"`
	Target string `json:"target" maxLength:"2048" doc:"An address; a host name, with all below it; or an address in which * stands for any run of characters"`
	Reason string `json:"reason" maxLength:"500" doc:"Why, in a sentence; published with every version, so without personal data"`
}

// Takedown is what became of an order.
type Takedown struct {
	Number  int    `json:"number" doc:"Counts the orders of the dataset from 1"`
	Known   bool   `json:"known" doc:"There was an order for this target already; its reason stays"`
	Rows    int64  `json:"rows" doc:"Rows of the version before that are gone"`
	Version int    `json:"version" doc:"The first version without them; 0 if nothing is published yet"`
	Root    string `json:"root,omitempty" doc:"Merkle root of that version, hex"`
}

// Notice tells holders of earlier versions what was taken down.
type Notice struct {
	Number  int       `json:"number"`
	Version int       `json:"version" doc:"The first version without the rows"`
	Scope   string    `json:"scope" enum:"url,site,pattern"`
	Reason  string    `json:"reason"`
	At      time.Time `json:"at"`
	Rows    int64     `json:"rows"`
}

// NoticePage is a part of the list of notices.
type NoticePage struct {
	Notices []Notice `json:"notices" nullable:"false"`
	Next    string   `json:"next,omitempty" doc:"Give this as after for the next part; left out at the end"`
}

func (s *Server) addTakedowns() {
	tags := []string{"datasets"}
	handle(s, s.long(huma.Operation{
		OperationID: "publish-version", Method: http.MethodPost, Path: "/api/v1/datasets/{name}/versions", Tags: tags,
		Summary:     "Publish what was gathered up to now",
		Description: "Answers with the latest version, which is a new one if there was anything new. Jobs go on meanwhile.",
		Errors:      []int{http.StatusNotFound, http.StatusConflict},
	}), func(ctx context.Context, in *DatasetPath) (*answer[Version], error) {
		if err := in.check(); err != nil {
			return nil, err
		}
		return ok(s.backend.Datasets.Publish(ctx, in.Name))
	})
	handle(s, s.long(huma.Operation{
		OperationID: "take-down", Method: http.MethodPost, Path: "/api/v1/datasets/{name}/takedowns", Tags: tags,
		Summary: "Leave pages out of a dataset, from now on and for good",
		Description: "Once answered, the order is durable, no page it covers becomes a record any more, and a version without the " +
			"rows is out. Earlier versions stay as they are; whoever has one reads in the notices what is gone.",
		DefaultStatus: http.StatusCreated, Errors: []int{http.StatusNotFound},
	}), func(ctx context.Context, in *struct {
		DatasetPath
		Body NewTakedown
	},
	) (*answer[Takedown], error) {
		if err := in.check(); err != nil {
			return nil, err
		}
		return ok(s.backend.Datasets.TakeDown(ctx, in.Name, in.Body))
	})
	handle(s, huma.Operation{
		OperationID: "list-notices", Method: http.MethodGet, Path: "/api/v1/datasets/{name}/notices", Tags: tags,
		Summary: "What was taken down, oldest first", Description: "The same as notices.json of the latest version, which is signed.",
		Errors: []int{http.StatusNotFound},
	}, func(ctx context.Context, in *struct {
		DatasetPath
		ListQuery
	},
	) (*answer[NoticePage], error) {
		if err := in.check(); err != nil {
			return nil, err
		}
		list, err := s.backend.Datasets.Notices(ctx, in.Name, in.page())
		var p NoticePage
		p.Notices, p.Next = cut(list, in.Limit, func(n Notice) string { return strconv.Itoa(n.Number) })
		return ok(p, err)
	})
}

// DatasetPath names a dataset in a path. It is exported for huma, as ListQuery is.
type DatasetPath struct {
	Name string `path:"name" maxLength:"64"`
}

func (p *DatasetPath) check() error {
	if err := job.ValidateDataset(p.Name, maxDatasetName); err != nil {
		return NotFound("there is no dataset of that name")
	}
	return nil
}

// longWork is how long an answer may take that writes files first.
const longWork = 30 * time.Minute

// long gives an operation more time than the server's bound for answers.
func (s *Server) long(op huma.Operation) huma.Operation {
	op.Middlewares = append(op.Middlewares, func(ctx huma.Context, next func(huma.Context)) {
		_, w := humago.Unwrap(ctx)
		if err := http.NewResponseController(w).SetWriteDeadline(time.Now().Add(longWork)); err != nil {
			s.log.Warn("answer may be cut off", "operation", op.OperationID, "error", err)
		}
		next(ctx)
	})
	return op
}
