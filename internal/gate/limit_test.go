package gate_test

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/stagedoor/stagedoor/internal/fault"
	"github.com/stagedoor/stagedoor/internal/gate"
	"github.com/stagedoor/stagedoor/internal/id"
)

// guess is a wrong code's answer, as Redeem gives it.
func guess(t *testing.T) error {
	t.Helper()
	var answer error
	each(t, func(t *testing.T, g *gate.Gate, event id.Event) {
		_, answer = g.Redeem(t.Context(), event, "WRONGCODE1", noon)
	})
	if !fault.HasCode(answer, "code_unknown") {
		t.Fatal(answer)
	}
	return answer
}

func v4(n int) netip.Addr {
	var b [4]byte
	binary.BigEndian.PutUint32(b[:], uint32(0x0a000000+n))
	return netip.AddrFrom4(b)
}

func TestWrongCodesFromOneAddressAreSlowedDown(t *testing.T) {
	wrong := guess(t)
	for name, other := range map[string][2]string{
		"IPv4": {"192.0.2.1", "192.0.2.1"}, "IPv4 in IPv6 clothes": {"192.0.2.1", "::ffff:192.0.2.1"}, "one IPv6 /64": {"2001:db8::1", "2001:db8::ffff:2"},
	} {
		l := gate.NewLimiter()
		now := noon
		taken := 0
		for i := range 100 {
			a := netip.MustParseAddr(other[i%2])
			if err := l.Allow(a, "ev", now); err == nil {
				taken++
				l.Settle(a, "ev", wrong, now)
			}
		}
		if taken != 30 {
			t.Errorf("%s: %d guesses at once, want 30", name, taken)
		}
		err := l.Allow(netip.MustParseAddr(other[0]), "ev", now)
		if !fault.HasCode(err, "too_many_attempts") || fault.As(err).RetryAfter <= 0 {
			t.Fatalf("%s: %v", name, err)
		}
		if err := l.Allow(netip.MustParseAddr(other[0]), "ev", now.Add(fault.As(err).RetryAfter)); err != nil {
			t.Errorf("%s: after the announced time: %v", name, err)
		}
		if err := l.Allow(netip.MustParseAddr("198.51.100.7"), "ev", now); err != nil {
			t.Errorf("%s: a bystander: %v", name, err)
		}
	}
}

func TestManyHonestFansBehindOneAddressAllGetIn(t *testing.T) {
	l, operator := gate.NewLimiter(), netip.MustParseAddr("192.0.2.1")
	for i := range 15_000 {
		if err := l.Allow(operator, "ev", noon); err != nil {
			t.Fatalf("fan %d: %v", i, err)
		}
		l.Settle(operator, "ev", nil, noon)
	}
}

func TestANetworkOfManyIPv6PrefixesIsOneGuesser(t *testing.T) {
	wrong, l, taken := guess(t), gate.NewLimiter(), 0
	for i := range 5000 {
		a := netip.MustParseAddr(fmt.Sprintf("2001:db8:1:%x::1", i))
		if l.Allow(a, "ev", noon) == nil {
			taken++
			l.Settle(a, "ev", wrong, noon)
		}
	}
	if taken != 240 {
		t.Errorf("%d guesses from one /48, want 240", taken)
	}
}

// TestAThousandGuessersShareABudget is S4: many addresses together reach at most 10,000 guesses an hour at an event, while
// 15,000 fans from addresses of their own all enter.
func TestAThousandGuessersShareABudget(t *testing.T) {
	wrong, l := guess(t), gate.NewLimiter()
	guesses, refused := 0, 0
	for step := range 360 {
		now := noon.Add(time.Duration(step) * 10 * time.Second)
		for i := range 1000 {
			if l.Allow(v4(i), "ev", now) == nil {
				guesses++
				l.Settle(v4(i), "ev", wrong, now)
			}
		}
		for i := range 42 {
			fan := v4(1_000_000 + step*42 + i)
			if l.Allow(fan, "ev", now) != nil {
				refused++
				continue
			}
			l.Settle(fan, "ev", nil, now)
		}
	}
	t.Logf("%d guesses, %d fans refused", guesses, refused)
	if guesses > 10_000 || refused > 0 {
		t.Errorf("%d guesses in an hour, %d of 15,120 fans refused", guesses, refused)
	}
	if err := l.Allow(v4(2_000_000), "another event", noon.Add(time.Hour)); err != nil {
		t.Errorf("another event suffers: %v", err)
	}
}

func TestTheLimiterForgetsAndStaysSmall(t *testing.T) {
	wrong, l := guess(t), gate.NewLimiter()
	for i := range 250_000 {
		if l.Allow(v4(i), id.Event(fmt.Sprint(i)), noon.Add(time.Duration(i)*time.Second)) == nil {
			l.Settle(v4(i), id.Event(fmt.Sprint(i)), wrong, noon.Add(time.Duration(i)*time.Second))
		}
	}
	if clients, budgets := l.Size(); clients > 200_000 || budgets > 1001 {
		t.Errorf("%d clients and %d budgets are remembered", clients, budgets)
	}
}
