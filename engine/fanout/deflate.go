package fanout

import (
	"bytes"
	"compress/flate"
	"sync"

	"github.com/gobwas/ws"
)

// deflater makes the compressed form of a frame (permessage-deflate, RFC 7692), once for everybody who takes it: no
// message refers to the one before (server_no_context_takeover). The zero value is ready.
type deflater struct {
	mu  sync.Mutex
	w   *flate.Writer
	buf bytes.Buffer
}

// tail ends what flate flushes, and is left out of a message (section 7.2.1).
const tail = "\x00\x00\xff\xff"

// frame returns the compressed form of a whole text frame, or the frame if that is no longer.
func (d *deflater) frame(plain []byte) []byte {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.w == nil {
		d.w, _ = flate.NewWriter(nil, flate.BestSpeed) // the level is a valid one
	}
	d.buf.Reset()
	d.w.Reset(&d.buf)
	_, _ = d.w.Write(plain[headerSize(plain):]) // to memory
	_ = d.w.Flush()
	body := bytes.TrimSuffix(d.buf.Bytes(), []byte(tail))
	out := bytes.NewBuffer(make([]byte, 0, len(body)+ws.MaxHeaderSize))
	_ = ws.WriteHeader(out, ws.Header{Fin: true, Rsv: ws.Rsv(true, false, false), OpCode: ws.OpText, Length: int64(len(body))})
	if out.Write(body); out.Len() >= len(plain) {
		return plain
	}
	return out.Bytes()
}
