package presence

// HIDIdle and PowerSource read what the tools of macOS print.
var (
	HIDIdle     = hidIdle
	PowerSource = powerSource
)
