package hall_test

import (
	"bytes"
	"compress/flate"
	"io"
	"maps"
)

// inflater reads compressed frames. To decompress every delivery would cost more than to read it, so a frame is compared
// with those that have come before, byte by byte, and decompressed when it is new: every delivery is still checked.
type inflater struct {
	known, older map[string][]byte
	r            io.ReadCloser
	out          bytes.Buffer
}

// remembered is how many frames are known at least: more than are under way.
const remembered = 4096

// text returns what a frame's body is the compressed form of, alone (RFC 7692, section 7.2.2).
func (f *inflater) text(body []byte) ([]byte, error) {
	if text, ok := f.known[string(body)]; ok {
		return text, nil
	}
	text, ok := f.older[string(body)]
	if !ok {
		in := io.MultiReader(bytes.NewReader(body), bytes.NewReader([]byte("\x00\x00\xff\xff\x01\x00\x00\xff\xff")))
		if again, there := f.r.(flate.Resetter); !there {
			f.r = flate.NewReader(in)
		} else if err := again.Reset(in, nil); err != nil {
			return nil, err
		}
		f.out.Reset()
		if _, err := f.out.ReadFrom(f.r); err != nil {
			return nil, err
		}
		text = bytes.Clone(f.out.Bytes())
	}
	if len(f.known) >= remembered {
		f.older = maps.Clone(f.known)
		clear(f.known)
	}
	if f.known == nil {
		f.known = map[string][]byte{}
	}
	f.known[string(body)] = text
	return text, nil
}
