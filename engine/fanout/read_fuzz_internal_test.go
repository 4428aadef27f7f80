package fanout

import (
	"bytes"
	"encoding/binary"
	"io"
	"net"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/gobwas/ws"
)

// expected says how a session must answer a client's bytes, read from RFC 6455 by hand: how many pongs, and the code it
// closes with; 0 is a close frame without a code, -1 that the peer just went away.
func expected(in []byte) (pongs, code int) {
	for frames := 1; ; frames++ {
		if len(in) < 2 {
			return pongs, -1
		}
		fin, rsv, opcode := in[0]&0x80 != 0, in[0]&0x70, in[0]&0x0f
		masked, length := in[1]&0x80 != 0, uint64(in[1]&0x7f)
		in = in[2:]
		control := opcode >= 8
		size := map[uint64]int{126: 2, 127: 8}[length]
		if masked {
			size += 4
		}
		if len(in) < size {
			return pongs, -1
		}
		head := in[:size]
		in = in[size:]
		switch length {
		case 126:
			length = uint64(binary.BigEndian.Uint16(head))
		case 127:
			if length = binary.BigEndian.Uint64(head); length>>63 != 0 {
				return pongs, 1002
			}
		}
		switch known := opcode <= 2 || opcode >= 8 && opcode <= 10; {
		case frames > floodFrames:
			return pongs, 1008
		case !known, rsv != 0, !masked, control && (!fin || length > 125), opcode == 0:
			return pongs, 1002
		case length > maxData:
			return pongs, 1009
		case !control:
			return pongs, 1003
		case uint64(len(in)) < length:
			return pongs, -1
		}
		body := make([]byte, length)
		for i := range body {
			body[i] = in[i] ^ head[size-4+i%4]
		}
		in = in[length:]
		switch opcode {
		case 9:
			pongs++
		case 8:
			return pongs, closing(body)
		}
	}
}

// closing is the code that answers a close frame.
func closing(body []byte) int {
	if len(body) == 0 {
		return 0
	}
	if len(body) == 1 || !utf8.Valid(body[2:]) {
		return 1002
	}
	code := int(binary.BigEndian.Uint16(body))
	switch {
	case code >= 1000 && code <= 1003, code >= 1007 && code <= 1014, code >= 3000 && code <= 4999:
		return code
	}
	return 1002
}

// FuzzClientBytes sends any bytes where a client's frames should be. The session must end as the RFC says, whatever they
// are, and never read a frame that it does not want.
func FuzzClientBytes(f *testing.F) {
	for _, seed := range []string{
		"", "\x89", "\x89\x00", "\x89\x80\x00\x00\x00\x00", "\x8a\x83\x01\x02\x03\x04abc", "\x81\x81\x00\x00\x00\x00a",
		"\x81\xfe\x10\x00\x00\x00\x00\x00", "\x81\xfe\x10\x01\x00\x00\x00\x00", "\x82\xff\x80\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00",
		"\x81\xff\x7f\xff\xff\xff\xff\xff\xff\xff\x00\x00\x00\x00", "\x88\x80\x00\x00\x00\x00", "\x88\x82\x00\x00\x00\x00\x03\xe8",
		"\x88\x82\x00\x00\x00\x00\x03\xed", "\x88\x82\x00\x00\x00\x00\x03\xf4", "\x88\x81\x00\x00\x00\x00\x03", "\x88\x83\x00\x00\x00\x00\x03\xe8\xff",
		"\x88\x82\x00\x00\x00\x00\x13\x88", "\x88\x82\x00\x00\x00\x00\x0f\xa3", "\x80\x80\x00\x00\x00\x00", "\x09\x80\x00\x00\x00\x00",
		"\xc9\x80\x00\x00\x00\x00", "\x89\xfe\x00\x7e\x00\x00\x00\x00", "\x89\xfe\x00\x01\x00\x00\x00\x00a\x88\x80\x00\x00\x00\x00",
	} {
		f.Add([]byte(seed))
	}
	f.Add(bytes.Repeat([]byte("\x8a\x80\x00\x00\x00\x00"), floodFrames+1))
	hall := New(Config{Shards: 1, CloseTime: time.Minute})
	f.Cleanup(hall.Close)
	f.Fuzz(func(t *testing.T, in []byte) {
		for _, bare := range []bool{false, true} {
			talk(t, hall, bare, in)
		}
	})
}

// ended is a Guest whose end can be waited for.
type ended chan struct{}

func (e ended) Gone() { close(e) }

// talk sends half of in with the handshake and the rest as it comes, over a link of either kind.
func talk(t *testing.T, hall *Hall, bare bool, in []byte) {
	server, client := net.Pipe()
	if bare {
		server, client = socketPair(t)
	}
	done := make(ended)
	hall.Take(server, bytes.Clone(in[:len(in)/2]), done, Terms{})
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		_, _ = client.Write(in[len(in)/2:]) // fails when the hall has heard enough
	}()
	pongs, code := 0, -1
	if wantPongs, want := expected(in); want == -1 {
		for range wantPongs { // the peer goes away when everything it said has been answered
			hear(t, client, &pongs)
		}
		<-sent
		_ = client.Close()
		if pongs != wantPongs {
			t.Errorf("%d pongs, want %d", pongs, wantPongs)
		}
	} else {
		for code == -1 {
			code = hear(t, client, &pongs)
		}
		if code != want || pongs != wantPongs {
			t.Errorf("closed with %d after %d pongs, want %d after %d", code, pongs, want, wantPongs)
		}
		if n, err := io.Copy(io.Discard, client); n > 0 || err != nil {
			t.Errorf("%d bytes after the close frame, %v", n, err)
		}
		<-sent
		_ = client.Close()
	}
	<-done
}

// hear reads a frame of the server: a pong is counted, a close frame's code returned, 0 for none.
func hear(t *testing.T, client net.Conn, pongs *int) int {
	t.Helper()
	h, err := ws.ReadHeader(client)
	body := make([]byte, h.Length&0x7f) // control frames are short
	if err == nil {
		_, err = io.ReadFull(client, body)
	}
	switch {
	case err != nil:
		t.Fatal(err)
	case h.OpCode == ws.OpPong:
		*pongs++
	case h.OpCode == ws.OpClose && h.Length == 0:
		return 0
	case h.OpCode == ws.OpClose:
		code, _ := ws.ParseCloseFrameData(body)
		return int(code)
	default:
		t.Fatalf("the server sent %+v", h)
	}
	return -1
}
