// Package kept remembers what is used, within a limit.
package kept

import "sync"

// Memory has a limited size. It has two halves: what is used moves to the young one, and when that is full the old
// one is forgotten. Make it with New; safe for concurrent use.
type Memory[K comparable, V any] struct {
	most       int
	cost       func(V) int
	mu         sync.Mutex
	young, old map[K]V
	size       int // of the young half
}

// New makes a memory for twice most; cost says what a value counts.
func New[K comparable, V any](most int, cost func(V) int) *Memory[K, V] {
	return &Memory[K, V]{most: most, cost: cost, young: map[K]V{}}
}

// Get finds what was put last under the key, unless it was forgotten.
func (m *Memory[K, V]) Get(key K) (V, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	v, ok := m.young[key]
	if !ok {
		if v, ok = m.old[key]; ok {
			m.add(key, v)
		}
	}
	return v, ok
}

// Put remembers v instead of what was there.
func (m *Memory[K, V]) Put(key K, v V) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.add(key, v)
}

func (m *Memory[K, V]) add(key K, v V) {
	if m.size > m.most {
		m.young, m.old, m.size = map[K]V{}, m.young, 0
	}
	if before, there := m.young[key]; there {
		m.size -= m.cost(before)
	}
	m.young[key] = v
	m.size += m.cost(v)
}
