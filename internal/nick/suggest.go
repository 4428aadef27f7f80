package nick

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"

	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/id"
)

// maxSuggestions bounds one request.
const maxSuggestions = 20

// Suggest returns up to n (at most 20) friendly names that are free at the event now. They are not reserved: Pick may
// still say that somebody was faster.
func (b *Book) Suggest(ctx context.Context, event id.Event, n int) ([]string, error) {
	n = min(n, maxSuggestions)
	if n <= 0 {
		return nil, nil
	}
	drawn := draw(3 * n) // a third is free even when the plain combinations are nearly used up
	keys := map[string][]string{}
	for i, w := range drawn {
		keys[strconv.Itoa(i)] = []string{skeleton(w)}
	}
	bulk, err := json.Marshal(keys)
	if err != nil {
		return nil, err
	}
	// CROSS JOIN makes SQLite begin with what was drawn; left to itself it walks through every name of the event.
	taken, err := db.All(ctx, b.db, func(s *string) []any { return []any{s} },
		"SELECT n.skeleton FROM json_each($1) j CROSS JOIN nickname n WHERE n.event_id = $2 AND n.skeleton = j.value ->> 0", string(bulk), string(event))
	if err != nil {
		return nil, err
	}
	used := map[string]bool{}
	for _, s := range taken {
		used[s] = true
	}
	var free []string
	for _, w := range drawn {
		if s := skeleton(w); !used[s] && len(free) < n {
			used[s] = true
			free = append(free, w)
		}
	}
	return free, nil
}

// draw makes names of an adjective and an animal, half of them with a number behind, so that a full hall finds some.
func draw(n int) []string {
	adjectives := strings.Fields(`Amber Blue Brave Bright Calm Clever Cosmic Crimson Dancing Dizzy Electric Gentle Golden Happy
		Humming Indigo Jolly Kind Little Lucky Lunar Magic Merry Midnight Misty Neon Orange Paper Pearl Purple Quick Quiet
		Roaming Rosy Royal Ruby Silent Silver Singing Sleepy Solar Starry Sunny Swift Tiny Velvet Violet Wandering Warm Wild`)
	animals := strings.Fields(`Badger Bat Bear Beaver Bee Bison Cat Comet Crane Cricket Deer Dolphin Dove Dragon Falcon Ferret Finch
		Firefly Fox Frog Gecko Hare Hawk Hedgehog Heron Koala Lark Lemur Lion Lynx Magpie Marten Mole Moth Otter Owl Panda
		Penguin Puffin Raven Robin Seal Sparrow Squirrel Swan Tiger Toad Turtle Whale Wolf Wren`)
	out := make([]string, n)
	for i := range out {
		out[i] = adjectives[rand.IntN(len(adjectives))] + " " + animals[rand.IntN(len(animals))] //nolint:gosec // names, not secrets
		if i%2 == 1 {
			out[i] += fmt.Sprintf(" %d", 2+rand.IntN(98)) //nolint:gosec // as above
		}
	}
	return out
}
