// Package ingress lets connections in, and keeps the process alive whatever comes through them.
//
//	accept ──► Gate.Listener ──► http.Server with deadlines ──► Gate.Handler ──► LimitBodies ──► the program
//	            counts; tells       slow headers, bodies,        the last places    large bodies
//	            who is too many     readers end                  are the house's    a few at a time
//
// Descriptors are what runs out first. They are shared out at the start (Share), and every share is smaller than the one
// that needs it more: newcomers are turned away while there is still room to tell them so, viewers' sockets leave room for
// requests, requests leave room for those who run the house, and all of them leave room for the databases.
package ingress

// Budget is how the descriptors of the process are shared out.
type Budget struct {
	Descriptors int // what the system allows (RLIMIT_NOFILE)
	Files       int // never used for connections that come in: databases, exports, logs, connections to the provider
	Refusals    int // connections that are being told that there is no room
	Operators   int // connections for operators alone
	Requests    int // connections that sockets leave to plain requests
	Sockets     int // connections in all beyond which no socket is opened any more
}

// Share shares out so many descriptors. What is kept back does not grow beyond what one process can use.
func Share(descriptors int) Budget {
	part := func(of, least, most int) int { return min(max(descriptors/of, least), most) }
	b := Budget{Descriptors: descriptors, Files: part(4, 16, 256), Refusals: part(32, 2, 64), Operators: part(16, 2, 64), Requests: part(4, 8, 4096)}
	b.Sockets = max(1, descriptors-b.Files-b.Refusals-b.Operators-b.Requests)
	return b
}

// public is how many connections there may be before only operators are answered.
func (b Budget) public() int { return b.Sockets + b.Requests }

// connections is how many there may be at all.
func (b Budget) connections() int { return b.public() + b.Operators }
