package service

import (
	"bytes"
	"encoding/xml"
	"strings"
)

// The texts are made on every system, so that all can be tested on one.

// unit is the systemd user unit. It restarts an agent that failed, but not one that
// was stopped or could not use its data directory (exit codes 2 and 4), and keeps
// the agent from everything but its data directory.
func (s Spec) unit() string {
	words := []string{systemdQuote(s.Program)} // of the program no variable is filled in
	for _, arg := range s.args() {
		words = append(words, systemdQuote(strings.ReplaceAll(arg, "$", "$$")))
	}
	return `[Unit]
Description=Fallow node: shares this connection within your rules
After=network-online.target
StartLimitIntervalSec=10min
StartLimitBurst=10

[Service]
ExecStart=` + strings.Join(words, " ") + `
Restart=on-failure
RestartSec=15s
RestartPreventExitStatus=2 4
TimeoutStopSec=20s
UMask=0077
Nice=10
MemoryMax=512M
TasksMax=256
NoNewPrivileges=yes

[Install]
WantedBy=default.target
`
}

// systemdQuote is a word of ExecStart (systemd.service(5), "Command lines").
func systemdQuote(word string) string {
	word = strings.NewReplacer(`\`, `\\`, `"`, `\"`, `%`, `%%`).Replace(word)
	return `"` + word + `"`
}

// desktopEntry is the entry in the desktop's autostart (Desktop Entry and Desktop
// Application Autostart specifications).
func (s Spec) desktopEntry() string {
	words := []string{desktopQuote(s.Program)}
	for _, arg := range s.args() {
		words = append(words, desktopQuote(arg))
	}
	return `[Desktop Entry]
Type=Application
Name=Fallow node
Comment=Shares this connection within your rules
Exec=` + strings.Join(words, " ") + `
Terminal=false
NoDisplay=true
X-GNOME-Autostart-enabled=true
`
}

// desktopQuote is an argument of Exec: quoted by its own rules, and then escaped as
// every value of the file is.
func desktopQuote(word string) string {
	word = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "`", "\\`", `$`, `\$`).Replace(word)
	word = strings.ReplaceAll(word, "%", "%%")
	return `"` + strings.ReplaceAll(word, `\`, `\\`) + `"`
}

// propertyList is the LaunchAgent (launchd.plist(5)).
func (s Spec) propertyList() string {
	var words strings.Builder
	for _, arg := range append([]string{s.Program}, s.args()...) {
		words.WriteString("\t\t<string>" + xmlText(arg) + "</string>\n")
	}
	return `<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0">
<dict>
	<key>Label</key>
	<string>` + Label + `</string>
	<key>ProgramArguments</key>
	<array>
` + words.String() + `	</array>
	<key>RunAtLoad</key>
	<true/>
	<key>KeepAlive</key>
	<dict>
		<key>SuccessfulExit</key>
		<false/>
	</dict>
	<key>ThrottleInterval</key>
	<integer>30</integer>
	<key>ProcessType</key>
	<string>Background</string>
	<key>Umask</key>
	<integer>63</integer>
</dict>
</plist>
`
}

// Label names the LaunchAgent.
const Label = "network.fallow.node"

func xmlText(text string) string {
	var b bytes.Buffer
	if err := xml.EscapeText(&b, []byte(text)); err != nil {
		panic("service: " + err.Error()) // a buffer takes everything
	}
	return b.String()
}

// commandLine is the value of the Run key, quoted as Windows programs read it.
func (s Spec) commandLine() string {
	words := []string{windowsQuote(s.Program)}
	for _, arg := range s.args() {
		words = append(words, windowsQuote(arg))
	}
	return strings.Join(words, " ")
}

// windowsQuote quotes as CommandLineToArgvW undoes it: backslashes count only before
// a quotation mark.
func windowsQuote(word string) string {
	if word != "" && !strings.ContainsAny(word, " \t\"") {
		return word
	}
	var b strings.Builder
	b.WriteByte('"')
	slashes := 0
	for _, c := range []byte(word) {
		switch c {
		case '\\':
			slashes++
			continue
		case '"':
			b.WriteString(strings.Repeat(`\`, 2*slashes+1))
		default:
			b.WriteString(strings.Repeat(`\`, slashes))
		}
		slashes = 0
		b.WriteByte(c)
	}
	b.WriteString(strings.Repeat(`\`, 2*slashes))
	b.WriteByte('"')
	return b.String()
}
