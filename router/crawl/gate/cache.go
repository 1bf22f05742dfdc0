package gate

import "container/list"

// cache remembers origins, the least recently used forgotten first. The Gate's
// lock guards it.
type cache struct {
	maxEntries int
	maxBytes   int64
	bytes      int64
	order      *list.List // of *entry, most recently used first
	byKey      map[string]*list.Element
}

type entry struct {
	key    string
	origin *origin
	bytes  int64
}

func newCache(maxEntries int, maxBytes int64) *cache {
	return &cache{maxEntries: maxEntries, maxBytes: maxBytes, order: list.New(), byKey: map[string]*list.Element{}}
}

func (c *cache) get(key string) *origin {
	element, ok := c.byKey[key]
	if !ok {
		return nil
	}
	c.order.MoveToFront(element)
	return element.Value.(*entry).origin
}

// put remembers o and forgets others until all fit. The newest always stays,
// however large, so that one giant robots.txt is not read again for each URL.
func (c *cache) put(key string, o *origin) {
	if element, ok := c.byKey[key]; ok {
		c.remove(element)
	}
	e := &entry{key: key, origin: o, bytes: o.bytes() + int64(len(key))}
	c.byKey[key] = c.order.PushFront(e)
	c.bytes += e.bytes
	for c.order.Len() > 1 && (c.order.Len() > c.maxEntries || c.bytes > c.maxBytes) {
		c.remove(c.order.Back())
	}
}

func (c *cache) remove(element *list.Element) {
	e := c.order.Remove(element).(*entry)
	delete(c.byKey, e.key)
	c.bytes -= e.bytes
}
