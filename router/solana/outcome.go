package solana

import (
	"context"
	"fmt"
	"strings"

	"github.com/fallow-network/fallow/dataset/jsonrpc"
	"github.com/fallow-network/fallow/router/settle"
)

// Outcome implements settle.Chain. It is final, failed or expired only where all
// endpoints say so.
func (c *Chain) Outcome(ctx context.Context, s settle.Signed) (settle.Outcome, error) {
	outcomes, err := everywhere(ctx, c, func(ctx context.Context, e *jsonrpc.Client) (settle.Outcome, error) {
		return outcome(ctx, e, s)
	})
	if err != nil {
		return settle.Outcome{}, err
	}
	for _, o := range outcomes {
		if o.State != outcomes[0].State {
			return settle.Outcome{State: settle.Pending, Reason: "the endpoints do not agree: " + c.views(outcomes)}, nil
		}
	}
	return outcomes[0], nil
}

func (c *Chain) views(outcomes []settle.Outcome) string {
	words := map[settle.OutcomeState]string{settle.Pending: "pending", settle.Final: "final", settle.Failed: "failed", settle.Expired: "expired"}
	list := make([]string, len(outcomes))
	for i, o := range outcomes {
		list[i] = fmt.Sprintf("%s says %s", c.endpoints[i].Host(), words[o.State])
	}
	return strings.Join(list, ", ")
}

// outcome is what one endpoint says. The height is asked for first: if every
// block that could hold the transaction was final by then, a status that is
// still missing afterwards will never come.
func outcome(ctx context.Context, e *jsonrpc.Client, s settle.Signed) (settle.Outcome, error) {
	var height uint64
	if err := e.Call(ctx, &height, "getBlockHeight", final); err != nil {
		return settle.Outcome{}, err
	}
	var answer valued[[]*status]
	err := e.Call(ctx, &answer, "getSignatureStatuses", []string{s.Signature}, map[string]any{"searchTransactionHistory": true})
	if err != nil {
		return settle.Outcome{}, err
	}
	if len(answer.Value) != 1 {
		return settle.Outcome{}, fmt.Errorf("getSignatureStatuses of %s answers %d statuses, asked for was one", e.Host(), len(answer.Value))
	}
	switch st := answer.Value[0]; {
	case st == nil && height > s.LastValid:
		return settle.Outcome{State: settle.Expired}, nil
	case st == nil:
		return settle.Outcome{Reason: fmt.Sprintf("not in a block at height %d", height)}, nil
	case st.Status != "finalized":
		return settle.Outcome{Reason: fmt.Sprintf("in a block that is %.20s", st.Status)}, nil
	case st.failed():
		return settle.Outcome{State: settle.Failed, Reason: fmt.Sprintf("%.200s", st.Err)}, nil
	}
	return settle.Outcome{State: settle.Final}, nil
}
