//go:build race

package dataset

const raceDetector = true
