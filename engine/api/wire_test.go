package api

import (
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/stagedoor/stagedoor/engine/quota"
	"github.com/stagedoor/stagedoor/engine/rest"
	"github.com/stagedoor/stagedoor/engine/role"
)

const (
	wireDocument = "../../docs/wire.md"
	wireBegin    = "<!-- begin: the table of engine/api, written by `make wire` -->\n"
	wireEnd      = "<!-- end -->\n"
)

// TestTheWireDocumentIsTheTable holds the list of operations in docs/wire.md against the table; with
// STAGEDOOR_WRITE_WIRE set it writes the list.
func TestTheWireDocumentIsTheTable(t *testing.T) {
	text, err := os.ReadFile(wireDocument)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, found := strings.Cut(string(text), wireBegin)
	have, after, ended := strings.Cut(rest, wireEnd)
	if !found || !ended {
		t.Fatal("docs/wire.md has no place for the list")
	}
	want := wireTable((&server{}).operations())
	if have == want {
		return
	}
	if os.Getenv("STAGEDOOR_WRITE_WIRE") == "" {
		t.Fatal("docs/wire.md lists other operations than the table: make wire")
	}
	if err := os.WriteFile(wireDocument, []byte(before+wireBegin+want+wireEnd+after), 0o600); err != nil {
		t.Fatal(err)
	}
}

func wireTable(all []rest.Operation) string {
	var b strings.Builder
	b.WriteString("| operation | request | answers | IAM resources | who may: admin, moderator, member, stranger | buckets |\n|---|---|---|---|---|---|\n")
	for _, op := range all {
		path := op.Path
		if op.Query != "" {
			path += "?" + op.Query
		}
		who := "IAM alone"
		if rule, ok := role.Rules[op.Name]; ok {
			who = fmt.Sprintf("%v, %v, %v, %v", rule.Admin, rule.Moderator, rule.Member, rule.Stranger)
		}
		fmt.Fprintf(&b, "| `%s` | `%s %s` | %s | %s | %s | %s |\n", op.Name, op.Method, path, answers(op), code(op.On), who, quota.Operations()[op.Name])
	}
	return b.String()
}

// answers lists the status of success and of the errors that not every operation has.
func answers(op rest.Operation) string {
	list := []string{fmt.Sprint(op.Status)}
	for _, e := range []struct {
		is     rest.Modelled
		status int
		name   string
	}{{rest.NotFound, http.StatusNotFound, ""}, {rest.Conflict, http.StatusConflict, ""}, {rest.Limit, http.StatusBadRequest, " ResourceLimitExceeded"}} {
		if op.Models&e.is != 0 {
			list = append(list, fmt.Sprint(e.status, e.name))
		}
	}
	return strings.Join(list, ", ")
}

func code(resources string) string {
	words := strings.Fields(resources)
	for i := range words {
		words[i] = "`" + words[i] + "`"
	}
	return strings.Join(words, " ")
}
