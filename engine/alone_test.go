package engine_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/stagedoor/stagedoor/engine"
)

// Somebody who started a second engine on the same folder saw half of the chat on each, and every streamed event twice.
func TestAnSQLiteDatabaseHasOneEngineAtATime(t *testing.T) {
	file := filepath.Join(t.TempDir(), "engine.db")
	first, err := engine.New(t.Context(), engine.Config{Database: "sqlite:" + file})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := engine.New(t.Context(), engine.Config{Database: "sqlite:" + file}); err == nil || !strings.Contains(err.Error(), "another engine is running on "+file) {
		t.Errorf("the second one: %v", err)
	}
	if err := first.Ping(t.Context()); err != nil {
		t.Errorf("the first one after it: %v", err)
	}
	if err := first.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	next, err := engine.New(t.Context(), engine.Config{Database: "sqlite:" + file})
	if err != nil {
		t.Fatal(err)
	}
	if err := next.Close(t.Context()); err != nil {
		t.Error(err)
	}
}
