package presence

// Ways names interfaces by which traffic leaves; their indexes count from 1.
func Ways(names ...string) (ways []way) {
	for i, name := range names {
		ways = append(ways, way{name, i + 1})
	}
	return ways
}

// Way is one of them.
type Way = way

// NewAt observes a machine whose system files are under root.
func NewAt(root string, ways func() []way) *Observer {
	return &Observer{system: &linux{root: root}, ways: ways}
}
