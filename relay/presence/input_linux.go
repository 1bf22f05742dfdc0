package presence

import (
	"path/filepath"
	"strconv"
	"strings"
)

// events is a number that grows whenever a keyboard, mouse or touchpad is used,
// and how many of them it stands for: interrupts of those on PS/2 and I2C,
// transfers of those on USB, which answer only when they have something to say.
func (l *linux) events() (count uint64, devices int) {
	for line := range strings.Lines(l.text("proc/interrupts")) {
		if n, ok := inputInterrupts(line); ok {
			count += n
			devices++
		}
	}
	const dir = "sys/bus/usb/devices"
	names, err := l.names(dir)
	if err != nil {
		return count, devices
	}
	seen := make(map[string]bool)
	for _, name := range names {
		device, _, ok := strings.Cut(name, ":") // "1-2:1.0" is an interface of "1-2"
		if !ok || seen[device] || !l.typesOrPoints(filepath.Join(dir, name)) {
			continue
		}
		seen[device] = true
		if n, err := strconv.ParseUint(l.text(dir, device, "urbnum"), 10, 64); err == nil {
			count += n
			devices++
		}
	}
	return count, devices
}

// typesOrPoints reports whether a USB interface is a keyboard's or a mouse's
// (HID 1.11, 4.1 to 4.3); other HID devices, such as the battery of a rack, talk
// by themselves.
func (l *linux) typesOrPoints(path string) bool {
	protocol := l.text(path, "bInterfaceProtocol")
	return l.text(path, "bInterfaceClass") == "03" && (protocol == "01" || protocol == "02")
}

// inputInterrupts reads a line of /proc/interrupts: a number, a count for each
// processor, the controller, the device.
func inputInterrupts(line string) (sum uint64, ok bool) {
	fields := strings.Fields(line)
	if len(fields) < 3 {
		return 0, false
	}
	device := fields[len(fields)-1]
	if device != "i8042" && !strings.HasPrefix(device, "i2c_hid") && !strings.HasPrefix(device, "ELAN") && !strings.HasPrefix(device, "SYNA") {
		return 0, false
	}
	for _, f := range fields[1:] {
		n, err := strconv.ParseUint(f, 10, 64)
		if err != nil {
			break
		}
		sum += n
	}
	return sum, true
}
