package tray

import (
	"bytes"
	"encoding/binary"
	"image"
	"image/color"
	"image/png"
	"math"
	"runtime"
)

// colour is that of the disc.
type colour color.NRGBA

var (
	green = colour{0x2b, 0x8a, 0x3e, 0xff} // sharing
	amber = colour{0xe6, 0x77, 0x00, 0xff} // not sharing at the moment
	red   = colour{0xc9, 0x2a, 0x2a, 0xff} // stopped, or waiting for consent
)

const iconSize = 32 // pixels

// icon is a disc with a soft edge and a light rim, so that it is seen on dark and on
// light, in the format the system's tray wants.
func icon(c colour) []byte {
	img := image.NewNRGBA(image.Rect(0, 0, iconSize, iconSize))
	const centre, outer, inner = (iconSize - 1) / 2.0, 14.5, 12.5
	for y := range iconSize {
		for x := range iconSize {
			d := math.Hypot(float64(x)-centre, float64(y)-centre)
			pixel := color.NRGBA(c)
			if d > inner {
				pixel = color.NRGBA{0xff, 0xff, 0xff, 0xff}
			}
			pixel.A = uint8(255 * min(1, max(0, outer+0.5-d)))
			img.SetNRGBA(x, y, pixel)
		}
	}
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		panic("tray: " + err.Error()) // a buffer takes everything
	}
	if runtime.GOOS == "windows" {
		return inICO(b.Bytes())
	}
	return b.Bytes()
}

// inICO wraps one PNG as an icon file, which Windows reads since Vista.
func inICO(picture []byte) []byte {
	b := []byte{0, 0, 1, 0, 1, 0, iconSize, iconSize, 0, 0, 1, 0, 32, 0}
	b = binary.LittleEndian.AppendUint32(b, uint32(len(picture)))
	b = binary.LittleEndian.AppendUint32(b, uint32(len(b)+4))
	return append(b, picture...)
}
