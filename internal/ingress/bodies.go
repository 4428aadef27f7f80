package ingress

import "net/http"

const (
	// smallBody is what every connection may send at any time: several of the largest chat lines.
	smallBody = 16 << 10
	// largeBodies is how many larger ones, and ones of unknown size, are read at a time.
	largeBodies = 64
)

// LimitBodies keeps bodies that are being received from filling the memory: a handler that reads a body before it knows
// who sent it holds it for as long as it comes. One that is declared larger than most is not read at all; the handler
// sees *http.MaxBytesError. Of large ones a few are taken at a time, the others get 503.
func LimitBodies(next http.Handler, most int64) http.Handler {
	slots := make(chan struct{}, largeBodies)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.ContentLength > most:
			w.Header().Set("Connection", "close")
			in := *r
			in.Body = tooLarge{most}
			r = &in
		case r.ContentLength > smallBody, r.ContentLength < 0:
			select {
			case slots <- struct{}{}:
				defer func() { <-slots }()
			default:
				refuse(w)
				return
			}
		}
		next.ServeHTTP(w, r)
	})
}

// tooLarge is a body that nobody reads.
type tooLarge struct{ most int64 }

func (t tooLarge) Read([]byte) (int, error) { return 0, &http.MaxBytesError{Limit: t.most} }
func (tooLarge) Close() error               { return nil }
