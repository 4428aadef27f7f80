package pace

import (
	"math/rand/v2"
	"slices"
	"testing"
)

func randomWindow(rng *rand.Rand) window {
	var w window
	at := rng.Int64N(1 << 52)
	for range rng.IntN(70) {
		at += rng.Int64N(2*second) - second/100
		w = append(w, entry{at, rng.Int64N(20_000), rng.Int64N(2 * second), mark(marks[rng.IntN(len(marks))])})
	}
	return w
}

func TestWhatIsPackedIsUnpackedTheSame(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		w := randomWindow(rng)
		if got := unpack(w.pack()); !slices.Equal(got, w) {
			t.Fatalf("%v became %v", w, got)
		}
	}
}

func FuzzUnpack(f *testing.F) {
	f.Add("")
	f.Add("hk3lpw2bls+hr 2hs0.3k2 2hs0!3k2 ")
	f.Add("1+2 3 4.5")
	f.Add("-1y2p0ij32e8e8+-1y2p0ij32e8e8~5k -1y2p0ij32e8e8?0~ ")
	f.Fuzz(func(t *testing.T, s string) {
		w := unpack(s)
		if again := unpack(w.pack()); !slices.Equal(again, w) {
			t.Errorf("%q is %v, and packed again %v", s, w, again)
		}
		w.next(10, anything) // whatever it is, it does not break
		w.passing(second, 0)
	})
}

// However calls are booked, answered and given back: when a call starts, fewer than the limit can have arrived in the second
// before. So no second has more of them, wherever it begins.
func TestNoSecondHasMoreCallsThanTheLimit(t *testing.T) {
	for seed := range uint64(100) {
		rng := rand.New(rand.NewPCG(seed, seed))
		limit := 1 + rng.IntN(20)
		now, full := bigBang, 0
		var w window
		sent := map[int64]int64{} // slot to latest arrival
		for range 300 {
			now += rng.Int64N(2 * second / int64(limit))
			at := max(now, w.next(limit, anything))
			recent := 0
			for _, arrival := range sent {
				if arrival > at-second {
					recent++
				}
			}
			if recent >= limit {
				t.Fatalf("seed %d: %d of %d may be there, and one more starts", seed, recent, limit)
			}
			if recent == limit-1 {
				full++
			}
			e := unknown(at)
			w = w.book(e, limit+spare)
			sent[at] = e.arrived(anything)
			i := rng.IntN(len(w))
			_, there := sent[w[i].at]
			switch e := w[i]; {
			case !there || e.mark != pending:
			case rng.IntN(3) == 0: // answered at once
				w = w.with(i, entry{e.at, 40, 60, passed})
				sent[e.at] = e.at + 100
			case rng.IntN(3) == 0: // late
				e.more, e.mark = rng.Int64N(second), passed
				w = w.with(i, e)
				sent[e.at] = e.arrived(anything)
			case rng.IntN(3) == 0: // never sent
				w = w.without(i, limit+spare)
				delete(sent, e.at)
			}
		}
		if full < 50 {
			t.Errorf("seed %d: the limit of %d was reached only %d times", seed, limit, full)
		}
	}
}

// A process books ahead, more than is kept, and gives everything back: what was sent before still counts.
func TestWhatWasForgottenStillCounts(t *testing.T) {
	const limit = 10
	var w window
	for i := range int64(limit) {
		w = w.book(entry{bigBang + i*second/limit, 0, 0, passed}, limit+spare)
	}
	now := w[limit-1].at
	for range 3 * limit {
		w = w.book(unknown(w.next(limit, anything)), limit+spare)
	}
	for i := len(w) - 1; i >= 0; i-- {
		if w[i].mark == pending {
			w = w.without(i, limit+spare)
			i = len(w)
		}
	}
	if at := w.next(limit, anything); at < bigBang+second || at < now {
		t.Errorf("the next call starts %d µs after ten were sent in a second", at-now)
	}
}

func TestPassingIsWhatWasNotRefused(t *testing.T) {
	var w window
	at := bigBang
	add := func(gap int64, m mark) {
		at += gap
		w = append(w, entry{at, 0, 0, m})
	}
	for i := range 40 { // twenty a second, of which each second one is refused
		add(second/20, []mark{passed, refused}[i%2])
	}
	if got := w.passing(at, 0); got < 9.5 || got > 10.5 {
		t.Errorf("ten a second: %v", got)
	}
	add(30*second, refused) // a pause
	before := at
	add(second, passed)
	for range 3 {
		add(second/4, passed)
	}
	add(second/4, refused)
	if got := w.passing(at, before); got < 3.9 || got > 4.1 {
		t.Errorf("four a second since the pause: %v", got)
	}
	if got := (window{{at, 0, 0, refused}}).passing(at, 0); got != 0 {
		t.Errorf("nothing passes: %v", got)
	}
}

// Five who may make ten calls a second each fill the account's fifty. Of those who could take the same slot the first does. When
// slots could be closer than evenly, a tenth or only a fiftieth, they came in bunches for good, and what was left between two
// bunches the last one could not use: nine calls instead of ten, and nobody else made the tenth.
func TestFiveWhoShareAnAccountAllMakeTheirCalls(t *testing.T) {
	const each, all, measured = 10, 50, 30 * second
	for seed := range uint64(40) {
		rng := rand.New(rand.NewPCG(seed, seed))
		var account window
		var own [all / each]window
		var ready, pause, calls [all / each]int64
		for i := range own {
			ready[i] = bigBang + 1000*rng.Int64N(3000)
			pause[i] = bigBang + rng.Int64N(20*second)
		}
		for now := bigBang; now < bigBang+30*second+measured; {
			who, at := 0, int64(0)
			for i, w := range own {
				if slot := max(ready[i], w.next(each, anything), account.next(all, anything)); at == 0 || slot < at {
					who, at = i, slot
				}
			}
			if at > pause[who] { // once, each has nothing to do for a while
				ready[who], pause[who] = at+1000*(10+rng.Int64N(300)), bigBang+3600*second
				continue
			}
			now = at
			e := entry{now, 0, guard.Microseconds(), passed}
			account, own[who] = account.book(e, all+spare), own[who].book(e, each+spare)
			if now >= bigBang+30*second {
				calls[who]++
			}
		}
		sum := int64(0)
		for i, n := range calls {
			sum += n
			if rate := float64(n) * second / measured; rate < 0.975*each {
				t.Errorf("seed %d: number %d made %.2f calls a second", seed, i+1, rate)
			}
		}
		if rate := float64(sum) * second / measured; rate < 0.98*all {
			t.Errorf("seed %d: %.2f calls a second together", seed, rate)
		}
	}
}
