// Package language tells the language and the script of a text by its letters
// and trigrams, in the codes of FineWeb-2. It knows some seventy languages of
// six scripts that several languages share, and one for each other script.
//
// It does not tell apart what trigrams cannot: Croatian from Serbian in Latin
// letters, Malay from Indonesian. Only router/page uses it.
package language

// Language is a detected language in FineWeb-2's codes.
type Language struct {
	// Code is ISO 639-3; "und" when unknown.
	Code string
	// Script is ISO 15924; "Zzzz" when unknown.
	Script string
	// Score is the detector's confidence, 0 to 1; 0 when unknown.
	Score float64
}

// String is FineWeb-2's form, for example "eng_Latn".
func (l Language) String() string { return l.Code + "_" + l.Script }
