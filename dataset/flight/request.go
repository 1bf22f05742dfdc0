package flight

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/apache/arrow/go/v17/arrow/flight"

	"github.com/fallow-network/fallow/dataset"
)

// Request names what a client wants: a version of a dataset, and which rows and
// columns of it. It is the command of a flight's descriptor, as JSON.
type Request struct {
	Dataset string `json:"dataset"`
	Version int    `json:"version,omitempty"` // 0 is the latest
	dataset.Selection
}

// ticket names the rows of one shard. It is no secret: who may read is decided
// by the key that comes with the call.
type ticket struct {
	Request
	Shard string `json:"shard"`
}

// maxRequest bounds a descriptor and a ticket, bytes.
const maxRequest = 1 << 20

// parseRequest reads a descriptor: a command, or the path NAME or NAME/vN.
func parseRequest(d *flight.FlightDescriptor) (Request, error) {
	var r Request
	if d.GetType() == flight.DescriptorPATH {
		path := d.GetPath()
		if len(path) < 1 || len(path) > 2 {
			return r, fmt.Errorf("a path has a dataset and perhaps a version, such as [\"docs\", \"v2\"]")
		}
		r.Dataset = path[0]
		if len(path) == 2 {
			n, err := strconv.Atoi(strings.TrimPrefix(path[1], "v"))
			if err != nil || n < 1 {
				return r, fmt.Errorf("%.40q is no version", path[1])
			}
			r.Version = n
		}
		return r, nil
	}
	if err := strict(d.GetCmd(), &r); err != nil {
		return r, fmt.Errorf("the command is not a request as JSON: %w", err)
	}
	return r, r.Check()
}

func strict(raw []byte, into any) error {
	if len(raw) > maxRequest {
		return fmt.Errorf("%d bytes, the limit is %d", len(raw), maxRequest)
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	return d.Decode(into)
}
