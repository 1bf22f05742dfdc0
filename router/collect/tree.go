package collect

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
)

// textKey holds the text of an element of XML.
const textKey = "#text"

// Bounds of an XML document.
const (
	maxElements = 200_000
	maxNesting  = 64
)

// tree makes XML into what JSON paths read: an element is an object; each name of
// children leads to a list of them, "@name" to an attribute's value, "#text" to
// its text. Names are without their namespace. Entities other than XML's own are
// left out, and none is expanded.
func tree(body []byte) (any, error) {
	decoder := xml.NewDecoder(bytes.NewReader(body))
	decoder.Strict = false
	decoder.CharsetReader = func(_ string, in io.Reader) (io.Reader, error) { return in, nil } // it is UTF-8 by now
	type element struct {
		object map[string]any
		text   strings.Builder
	}
	stack := []*element{{object: map[string]any{}}}
	for count := 0; ; {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			return stack[0].object, nil
		}
		if err != nil {
			return nil, fmt.Errorf("parse XML: %w", err)
		}
		top := stack[len(stack)-1]
		switch t := token.(type) {
		case xml.StartElement:
			if count++; count > maxElements || len(stack) > maxNesting {
				return nil, fmt.Errorf("parse XML: more than %d elements, or %d within each other", maxElements, maxNesting)
			}
			e := &element{object: map[string]any{}}
			for _, a := range t.Attr {
				e.object["@"+a.Name.Local] = a.Value
			}
			list, _ := top.object[t.Name.Local].([]any)
			top.object[t.Name.Local] = append(list, e.object)
			stack = append(stack, e)
		case xml.EndElement:
			if len(stack) > 1 {
				top.object[textKey] = strings.TrimSpace(top.text.String())
				stack = stack[:len(stack)-1]
			}
		case xml.CharData:
			top.text.Write(t)
		}
	}
}
