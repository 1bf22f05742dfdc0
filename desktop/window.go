package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io/fs"

	"github.com/wailsapp/wails/v2/pkg/logger"
	"github.com/wailsapp/wails/v2/pkg/options"
	"github.com/wailsapp/wails/v2/pkg/options/assetserver"
	"github.com/wailsapp/wails/v2/pkg/options/linux"
	"github.com/wailsapp/wails/v2/pkg/runtime"

	"github.com/fallow-network/fallow/desktop/bridge"
)

// The window's size in points. The narrowest is a phone's.
const (
	width, height       = 1040, 760
	minWidth, minHeight = 360, 480
)

// window is the one window there is.
type window struct {
	ctx context.Context // Wails', from its start on
}

var _ bridge.Dialogs = (*window)(nil)

func (w *window) options(pages fs.FS, b *bridge.Bridge, dir string) *options.App {
	return &options.App{
		Title: "Fallow", Width: width, Height: height, MinWidth: minWidth, MinHeight: minHeight,
		AssetServer:      &assetserver.Options{Assets: pages},
		BackgroundColour: options.NewRGB(250, 250, 247),
		OnStartup: func(ctx context.Context) {
			w.ctx = ctx
			// Without consent an agent connects nowhere. What goes wrong, the page shows.
			go func() { _ = b.Start() }()
		},
		Bind:               []any{b},
		LogLevel:           logger.WARNING,
		LogLevelProduction: logger.WARNING,
		SingleInstanceLock: &options.SingleInstanceLock{
			UniqueId: uniqueID(dir), OnSecondInstanceLaunch: func(options.SecondInstanceData) { w.raise() },
		},
		Linux: &linux.Options{ProgramName: "fallow-desktop", WebviewGpuPolicy: linux.WebviewGpuPolicyNever},
	}
}

// uniqueID names the window of one data directory.
func uniqueID(dir string) string {
	sum := sha256.Sum256([]byte(dir))
	return "network.fallow.desktop." + hex.EncodeToString(sum[:8])
}

// raise is what a second start does to the first.
func (w *window) raise() {
	if w.ctx == nil {
		return
	}
	runtime.WindowUnminimise(w.ctx)
	runtime.WindowShow(w.ctx)
}

// SaveFile asks where to write.
func (w *window) SaveFile(title, name string) (string, error) {
	return runtime.SaveFileDialog(w.ctx, runtime.SaveDialogOptions{Title: title, DefaultFilename: name, CanCreateDirectories: true})
}
