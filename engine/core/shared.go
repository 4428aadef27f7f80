package core

import (
	"bytes"
	"encoding/json"
	"sync"
)

// JSON is json.Marshal without HTML escapes, which would triple every < inside a payload that is encoded twice.
func JSON(v any) (json.RawMessage, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte{'\n'}), nil
}

// Shared is the payload of an event that is told to many people at many times: it is written once, and what a sink makes
// of the event, too. It belongs to one kind of event.
type Shared struct {
	text json.RawMessage
	once sync.Once
	made []byte
	err  error
}

// Share writes a payload.
func Share(v any) (*Shared, error) {
	text, err := JSON(v)
	return &Shared{text: text}, err
}

// MarshalJSON is for whoever does not know that the payload is written already.
func (s *Shared) MarshalJSON() ([]byte, error) { return s.text, nil }

// Once returns what the first call's encode has made of the payload. Nobody may change it.
func (s *Shared) Once(encode func(payload []byte) ([]byte, error)) ([]byte, error) {
	s.once.Do(func() { s.made, s.err = encode(s.text) })
	return s.made, s.err
}
