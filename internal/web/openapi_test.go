package web_test

import (
	"bytes"
	"os"
	"testing"

	"github.com/stagedoor/stagedoor/internal/web"
)

// The browser's types are generated from the committed document; it must be the one this program serves.
func TestTheCommittedOpenAPIDocumentIsCurrent(t *testing.T) {
	want, err := web.OpenAPI()
	if err != nil {
		t.Fatal(err)
	}
	have, err := os.ReadFile("../../ui/openapi.json")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(bytes.TrimSpace(have), bytes.TrimSpace(want)) {
		t.Error("ui/openapi.json is stale: make api")
	}
}
