package presence_test

import (
	"testing"
	"time"

	"github.com/fallow-network/fallow/relay/presence"
)

func TestHIDIdle(t *testing.T) {
	for out, want := range map[string]time.Duration{
		"+-o IOHIDSystem\n    {\n      \"HIDIdleTime\" = 5000000000\n    }\n": 5 * time.Second,
		"\"HIDIdleTime\" = 0":     0,
		"\"HIDIdleTime\" = -1":    -1,
		"\"HIDIdleTime\" = abc":   -1,
		"":                        -1,
		"HIDIdleTime = 123":       -1,
		"| \"HIDIdleTime\" = 7\n": 7,
	} {
		if got, ok := presence.HIDIdle(out); ok != (want >= 0) || ok && got != want {
			t.Errorf("%q: %s, %t", out, got, ok)
		}
	}
}

func TestPowerSource(t *testing.T) {
	for out, want := range map[string]presence.Answer{
		"Now drawing from 'AC Power'\n -InternalBattery-0 (id=1)\t100%; charged":         presence.No,
		"Now drawing from 'Battery Power'\n -InternalBattery-0 (id=1)\t76%; discharging": presence.Yes,
		"No batteries": presence.Unknown,
	} {
		if got := presence.PowerSource(out); got.Answer != want || got.Why == "" {
			t.Errorf("%q: %+v", out, got)
		}
	}
}

// This machine is looked at for real: whatever it is, every answer has a reason.
func TestThisMachine(t *testing.T) {
	o := presence.New()
	for range 2 {
		s := o.Look(time.Now(), 0)
		for name, f := range map[string]presence.Finding{
			"in use": s.InUse.Finding, "battery": s.Battery, "metered": s.Metered, "vpn": s.VPN, "managed": s.Managed,
		} {
			if f.Answer == "" || f.Why == "" {
				t.Errorf("%s: %+v", name, f)
			}
		}
		if (s.Network.ID == "") != (s.Network.Why != "") {
			t.Errorf("network %+v", s.Network)
		}
	}
}
