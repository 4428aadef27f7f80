package message

import (
	"encoding/json"

	"github.com/stagedoor/stagedoor/internal/fault"
)

// maxAttributes bounds the names and values of all attributes of a message, in bytes (developer guide, "Using filter rules
// to filter messages").
const maxAttributes = 1024

// checkAttributes holds MessageAttributes, as they are kept, against their size; "" is none.
func checkAttributes(text string) error {
	if text == "" {
		return nil
	}
	var all map[string]struct{ StringValues []string }
	if err := json.Unmarshal([]byte(text), &all); err != nil {
		return fault.Wrap(err, fault.Invalid, "attributes", "The message attributes cannot be read.").On("MessageAttributes")
	}
	size := 0
	for name, a := range all {
		size += len(name)
		for _, v := range a.StringValues {
			size += len(v)
		}
	}
	if size > maxAttributes {
		return fault.New(fault.Invalid, "size", "The attributes of a message are at most %d bytes.", maxAttributes).On("MessageAttributes")
	}
	return nil
}
