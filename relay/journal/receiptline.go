package journal

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"slices"

	"github.com/fallow-network/fallow/relay/wire"
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// encodeReceipt is the line of a receipt: a checksum against torn writes and the
// JSON, whose own protection are its two signatures.
func encodeReceipt(r held) []byte {
	body, err := json.Marshal(r)
	if err != nil {
		panic("journal: a receipt refused as JSON: " + err.Error())
	}
	return fmt.Appendf(nil, "%08x %s\n", crc32.Checksum(body, castagnoli), body)
}

// decodeReceipt reads a line without its line end; the error wraps errLine.
func decodeReceipt(line []byte) (held, error) {
	var r held
	sum, body, ok := bytes.Cut(line, []byte(" "))
	raw, err := hex.DecodeString(string(sum))
	if !ok || err != nil || len(raw) != crc32.Size {
		return r, fmt.Errorf("%w: no checksum", errLine)
	}
	want := uint32(raw[0])<<24 | uint32(raw[1])<<16 | uint32(raw[2])<<8 | uint32(raw[3])
	if crc32.Checksum(body, castagnoli) != want {
		return r, fmt.Errorf("%w: its bytes are not what its checksum says", errLine)
	}
	if err := json.Unmarshal(body, &r); err != nil {
		return r, fmt.Errorf("%w: %w", errLine, err)
	}
	return r, nil
}

func cloneReceipt(r wire.Receipt) wire.Receipt {
	r.RouterSig, r.NodeSig = slices.Clone(r.RouterSig), slices.Clone(r.NodeSig)
	return r
}
