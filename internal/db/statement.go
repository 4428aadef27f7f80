package db

import (
	"context"
	"database/sql"
	"regexp"
	"sync"
)

// maxStatements bounds how many compiled statements are kept for each of reading and writing. Texts are constants of
// the program, so the bound is only there for a caller that builds them.
const maxStatements = 512

// statements keeps compiled SQLite statements: compiling one costs as much as running it (40 % of the time of a chat
// message, measured). The PostgreSQL driver keeps its own.
type statements struct {
	prepare func(context.Context, string) (*sql.Stmt, error)
	mu      sync.RWMutex
	kept    map[string]*sql.Stmt
}

// get returns the compiled statement, or nil when the text is to be run as it is; what is wrong with it shows then.
func (s *statements) get(ctx context.Context, query string) *sql.Stmt {
	if s == nil {
		return nil
	}
	s.mu.RLock()
	stmt, full := s.kept[query], len(s.kept) >= maxStatements
	s.mu.RUnlock()
	if stmt != nil || full {
		return stmt
	}
	stmt, err := s.prepare(context.WithoutCancel(ctx), steady(query))
	if err != nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if first := s.kept[query]; first != nil {
		_ = stmt.Close()
		return first
	}
	s.kept[query] = stmt
	return stmt
}

// limit is the bound of a page at the end of a query.
var limit = regexp.MustCompile(`\bLIMIT (\$\d+)`)

// steady keeps a statement compiled: SQLite looks at a parameter that is a LIMIT by itself when it plans, and so compiles
// the statement anew each time one is bound, for plans that are the same (a sixth of a page of history, profiled). It does
// not look into a sum.
func steady(query string) string { return limit.ReplaceAllString(query, "LIMIT 0 + $1") }

// close gives the statements back. SQLite keeps a connection, with its files and locks, as long as one is left.
func (s *statements) close() {
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for query, stmt := range s.kept {
		_ = stmt.Close()
		delete(s.kept, query)
	}
}
