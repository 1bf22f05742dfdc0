package wire_test

import (
	"testing"

	"github.com/fallow-network/fallow/relay/wire"
)

func TestKnownReasons(t *testing.T) {
	for reason, want := range map[wire.Reason]bool{
		wire.OK: true, wire.TunnelBroken: true, wire.RouterStopping: true, 0: false, -1: false, 9999: false,
	} {
		if got := reason.Known(); got != want {
			t.Errorf("%s: known is %t", reason, got)
		}
	}
}
