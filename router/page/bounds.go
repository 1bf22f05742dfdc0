package page

// Bounds limit what one document may cost. A field of zero means its default.
type Bounds struct {
	// BodyBytes is the longest body read at all. Default 10 MiB; decoding
	// its character set makes it at most three times as long.
	BodyBytes int
	// Links is how many distinct links are kept, the first ones. Default 5,000.
	Links int
	// LinkBytes is the longest address kept. Default 2,048.
	LinkBytes int
	// Metas is how many metas are kept, the first ones. Default 200.
	Metas int
	// MetaBytes cuts a meta's content. Default 1,024.
	MetaBytes int
	// TitleBytes cuts the title. Default 512.
	TitleBytes int
	// TextBytes cuts the text at a character. Default 4 MiB.
	TextBytes int
	// Nodes is the largest DOM handed to the extractor; larger documents are
	// read in mode fast. Default 100,000.
	Nodes int
	// SampleBytes is how much text the language detector looks at. Default
	// 2,048.
	SampleBytes int
}

// DefaultBounds are the documented defaults.
func DefaultBounds() Bounds {
	return Bounds{
		BodyBytes:   10 << 20,
		Links:       5000,
		LinkBytes:   2048,
		Metas:       200,
		MetaBytes:   1024,
		TitleBytes:  512,
		TextBytes:   4 << 20,
		Nodes:       100_000,
		SampleBytes: 2048,
	}
}

// withDefaults fills the fields that are not set.
func (b Bounds) withDefaults() Bounds {
	d := DefaultBounds()
	for _, f := range []struct{ have, want *int }{
		{&b.BodyBytes, &d.BodyBytes},
		{&b.Links, &d.Links},
		{&b.LinkBytes, &d.LinkBytes},
		{&b.Metas, &d.Metas},
		{&b.MetaBytes, &d.MetaBytes},
		{&b.TitleBytes, &d.TitleBytes},
		{&b.TextBytes, &d.TextBytes},
		{&b.Nodes, &d.Nodes},
		{&b.SampleBytes, &d.SampleBytes},
	} {
		if *f.have <= 0 {
			*f.have = *f.want
		}
	}
	return b
}
