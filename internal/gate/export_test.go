package gate

// Size is how much a limiter remembers.
func (l *Limiter) Size() (clients, budgets int) { return len(l.young) + len(l.old), len(l.budgets) }

// SetBatch makes imports write n tickets at a time.
func (g *Gate) SetBatch(n int) { g.batch = n }
