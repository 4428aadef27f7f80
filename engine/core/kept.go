package core

import "sync"

// Kept is a memory of limited size. It has two halves: what is used moves to the young one, and when that is full the old
// one is forgotten. Make it with NewKept; safe for concurrent use.
type Kept[K comparable, V any] struct {
	most       int
	cost       func(V) int
	mu         sync.Mutex
	young, old map[K]V
	size       int // of the young half
}

// NewKept makes a memory for twice most; cost says what a value counts.
func NewKept[K comparable, V any](most int, cost func(V) int) *Kept[K, V] {
	return &Kept[K, V]{most: most, cost: cost, young: map[K]V{}}
}

// Get finds what was put last under the key, unless it was forgotten.
func (k *Kept[K, V]) Get(key K) (V, bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	v, ok := k.young[key]
	if !ok {
		if v, ok = k.old[key]; ok {
			k.add(key, v)
		}
	}
	return v, ok
}

// Put remembers v instead of what was there.
func (k *Kept[K, V]) Put(key K, v V) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.add(key, v)
}

func (k *Kept[K, V]) add(key K, v V) {
	if k.size > k.most {
		k.young, k.old, k.size = map[K]V{}, k.young, 0
	}
	if before, there := k.young[key]; there {
		k.size -= k.cost(before)
	}
	k.young[key] = v
	k.size += k.cost(v)
}
