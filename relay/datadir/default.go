package datadir

import (
	"os"
	"path/filepath"
	"runtime"
)

// Default is where programs of a user keep their data on this system. Whoever
// speaks with the agent finds it there unless told otherwise.
func Default() string {
	home, err := os.UserHomeDir()
	if err != nil {
		return "fallow-node"
	}
	switch runtime.GOOS {
	case "windows":
		if local := os.Getenv("LocalAppData"); local != "" {
			return filepath.Join(local, "Fallow", "node")
		}
		return filepath.Join(home, "AppData", "Local", "Fallow", "node")
	case "darwin":
		return filepath.Join(home, "Library", "Application Support", "Fallow", "node")
	default:
		if data := os.Getenv("XDG_DATA_HOME"); filepath.IsAbs(data) {
			return filepath.Join(data, "fallow", "node")
		}
		return filepath.Join(home, ".local", "share", "fallow", "node")
	}
}
