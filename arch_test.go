// Package stagedoor_test guards the shape of the program: who may import whom, that every package says what it is, and
// how large a function, file or package may become. The picture is docs/ARCHITECTURE.md; here it is a table.
package stagedoor_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/stagedoor/stagedoor"

// mayImport lists, for each package of the module, the packages of the module that its code (not its tests) may import.
// A package that is not listed fails the test: a new room is a decision, and this is where it is written down.
var mayImport = map[string][]string{
	// Ground: knows nothing of shows, tickets or chats.
	"internal/fault":      {},
	"internal/id":         {},
	"internal/arn":        {},
	"internal/bus":        {"internal/id"},
	"internal/db":         {},
	"internal/lease":      {"internal/db"},
	"internal/db/dbtest":  {"internal/db", "internal/id"},
	"internal/schema":     {},
	"internal/selfsigned": {},
	"internal/ingress":    {},
	"internal/collector":  {},
	"internal/pace":       {"internal/arn", "internal/db", "internal/fault"},
	"internal/wsconn":     {"internal/fault"},

	// The platform's rooms. None imports another, and only those that must act at the provider import chime.
	"internal/event":                   ground,
	"internal/gate":                    ground,
	"internal/guard":                   ground,
	"internal/nick":                    ground,
	"internal/react":                   ground,
	"internal/organizer":               ground,
	"internal/chime":                   ground,
	"internal/chime/chimetest":         and(ground, "internal/chime", "internal/db/dbtest"), // for tests of the rooms below
	"internal/pass":                    and(ground, "internal/chime"),
	"internal/provision":               and(ground, "internal/chime", "internal/provision/rule", "internal/provision/ledger", "internal/provision/plan", "internal/provision/sweep", "internal/provision/share"),
	"internal/provision/ledger":        and(ground, "internal/provision/rule"),
	"internal/provision/ledgertest":    and(ground, "internal/provision/ledger", "internal/db/dbtest"), // for tests of provision
	"internal/provision/plan":          and(ground, "internal/provision/rule", "internal/provision/ledger"),
	"internal/provision/sweep":         and(ground, "internal/chime", "internal/provision/rule", "internal/provision/ledger", "internal/provision/share"),
	"internal/provision/share":         {"internal/db", "internal/pace"},
	"internal/provision/rule":          {}, // what a forecast must know of it
	"internal/provision/provisiontest": {}, // for tests of provision
	"internal/inventory":               ground,
	"internal/readiness":               and(ground, "internal/provision/rule", "internal/readiness/forecast", "internal/readiness/words"),
	"internal/readiness/forecast":      {}, // arithmetic
	"internal/readiness/words":         {},
	"internal/readiness/screen":        and(ground, "internal/readiness", "internal/readiness/words"),
	"internal/readiness/metrics":       and(ground, "internal/readiness"),
	"internal/readiness/doctor":        and(ground, "internal/readiness", "internal/readiness/words"),
	"internal/moderate":                and(ground, "internal/chime"),
	"internal/archive":                 and(ground, "internal/chime"),

	// The engine is a product of its own: it shares the ground and nothing else.
	"engine":          and(ground, "engine/api", "engine/chat", "engine/iam", "engine/quota", "engine/schema", "engine/session", "engine/sts", "engine/flow", "engine/stream", "engine/hook"),
	"engine/api":      and(ground, "engine/tag", "engine/chat", "engine/iam", "engine/quota", "engine/rest", "engine/core", "engine/identity", "engine/member", "engine/channel", "engine/message", "engine/flow", "engine/stream"),
	"engine/rest":     and(ground, "engine/iam", "engine/quota", "engine/sigv4"),
	"engine/sts":      and(ground, "engine/iam", "engine/quota", "engine/sigv4", "engine/strictjson"),
	"engine/iam":      and(ground, "engine/kept", "engine/policy", "engine/sigv4", "engine/strictjson"),
	"engine/policy":   {"engine/strictjson"},
	"engine/sigv4":    ground,
	"engine/quota":    ground,
	"engine/session":  and(ground, "engine/core", "engine/fanout", "engine/iam", "engine/quota", "engine/sigv4"),
	"engine/fanout":   {}, // bytes and sockets: nothing of users and channels
	"engine/chat":     and(ground, "engine/quota", "engine/tag", "engine/core", "engine/role", "engine/identity", "engine/member", "engine/channel", "engine/message", "engine/flow", "engine/stream"),
	"engine/message":  and(ground, "engine/core", "engine/kept", "engine/role", "engine/identity", "engine/flow"),
	"engine/flow":     and(ground, "engine/quota", "engine/tag", "engine/core", "engine/role", "engine/identity", "engine/hook"),
	"engine/stream":   and(ground, "engine/core", "engine/identity", "engine/hook"),
	"engine/hook":     and(ground, "engine/sigv4"),
	"engine/channel":  and(ground, "engine/quota", "engine/tag", "engine/core", "engine/role", "engine/identity", "engine/member"),
	"engine/member":   and(ground, "engine/quota", "engine/core", "engine/role", "engine/identity"),
	"engine/identity": and(ground, "engine/quota", "engine/core", "engine/tag"),
	"engine/role":     and(ground, "engine/core"),
	"engine/tag":      and(ground, "engine/quota", "engine/core"),
	"engine/core":     and(ground, "engine/quota"),
	"engine/schema":   ground,

	"engine/strictjson": {},
	"engine/kept":       {},
	"engine/modeltest":  {}, // for tests of the engine

	// The edges.
	"ui":                  {},
	"examples":            {},
	"internal/teststream": {},
	"internal/config":     ground,
	"internal/web":        and(and(ground, features...), "ui", "internal/teststream"),
	"internal/app": and(and(ground, features...), "internal/readiness/screen", "internal/readiness/words", "internal/readiness/metrics", "internal/readiness/doctor", "internal/chime", "internal/config", "internal/web", "internal/teststream",
		"engine", "ui", "examples"),
	"cmd/stagedoor": and(ground, "internal/app", "internal/config", "internal/inventory", "internal/readiness", "internal/readiness/screen", "internal/readiness/doctor",
		"internal/readiness/words", "internal/web", "engine"),
}

var (
	ground = []string{
		"internal/fault", "internal/id", "internal/arn", "internal/bus", "internal/db", "internal/schema", "internal/wsconn",
		"internal/ingress", "internal/collector", "internal/selfsigned", "internal/lease", "internal/pace",
	}
	features = []string{
		"internal/event", "internal/gate", "internal/guard", "internal/nick", "internal/react", "internal/organizer",
		"internal/pass", "internal/provision", "internal/readiness", "internal/inventory", "internal/moderate", "internal/archive",
	}
)

// mustNotNeed says what a package must not need even through others.
var mustNotNeed = []struct{ pkg, target, because string }{
	{"internal/event", "internal/chime", "the show goes on without the chat"},
	{"internal/gate", "internal/chime", "a ticket is let in without the chat"},
	{"internal/guard", "internal/chime", "a seat is kept without the chat"},
	{"internal/inventory", "internal/chime", "looking at the ledger asks the provider nothing"},
	{"internal/nick", "internal/chime", "a nickname is unique without the chat"},
	{"internal/react", "internal/chime", "reactions fly without the chat"},
	{"engine", "internal/chime", "the engine serves any AWS SDK, not ours"},
	{"internal/web", "engine", "the pages do not know whether the chat is ours or Amazon's"},
}

// awsClients is the prefix of the SDK's service clients. Only chime may import them; tests may, to prove the wire.
const awsClients = "github.com/aws/aws-sdk-go-v2/service/"

func and(list []string, more ...string) []string { return slices.Concat(list, more) }

// goPackage is what `go list` tells of a package.
type goPackage struct {
	ImportPath, Dir, Name, Doc                                   string
	GoFiles, TestGoFiles, XTestGoFiles, IgnoredGoFiles, CgoFiles []string
	Imports, TestImports, XTestImports                           []string
}

func (p goPackage) rel() string {
	return strings.TrimPrefix(strings.TrimPrefix(p.ImportPath, module), "/")
}

// listPackages returns every package of the module.
func listPackages(t *testing.T) []goPackage {
	t.Helper()
	cmd := exec.Command("go", "list", "-e", "-json", "./...")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, stderr.Bytes())
	}
	var all []goPackage
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var p goPackage
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
}

// ours keeps the imports that are packages of this module, without its name.
func ours(imports []string) []string {
	var list []string
	for _, i := range imports {
		if rel, ok := strings.CutPrefix(i, module+"/"); ok {
			list = append(list, rel)
		}
	}
	return list
}

func TestArrowsOnlyGoDown(t *testing.T) {
	for _, p := range listPackages(t) {
		if len(p.GoFiles) == 0 {
			continue // tests only
		}
		allowed, listed := mayImport[p.rel()]
		if !listed {
			t.Errorf("%s is not in the table: say in arch_test.go what it may import, and in docs/ARCHITECTURE.md what it is", p.rel())
			continue
		}
		for _, i := range ours(p.Imports) {
			if !slices.Contains(allowed, i) {
				t.Errorf("%s must not import %s (allowed: %s)", p.rel(), i, strings.Join(allowed, ", "))
			}
		}
		for _, i := range p.Imports {
			if strings.HasPrefix(i, awsClients) && p.rel() != "internal/chime" {
				t.Errorf("%s imports %s: only internal/chime talks to the provider", p.rel(), i)
			}
		}
	}
}

func TestTheTableOfArrowsHasNoRowForAPackageThatIsGone(t *testing.T) {
	exists := map[string]bool{}
	for _, p := range listPackages(t) {
		exists[p.rel()] = true
	}
	for pkg := range mayImport {
		if !exists[pkg] {
			t.Errorf("the table lists %s, which does not exist", pkg)
		}
	}
}

func TestTheShowNeedsNeitherChatNorEngineEvenThroughOthers(t *testing.T) {
	imports := map[string][]string{}
	for _, p := range listPackages(t) {
		imports[p.rel()] = ours(p.Imports)
	}
	for _, rule := range mustNotNeed {
		if way := wayTo(imports, rule.pkg, rule.target, map[string]bool{}); way != nil {
			t.Errorf("%s must not need %s, because %s: %s", rule.pkg, rule.target, rule.because, strings.Join(way, " → "))
		}
	}
}

// wayTo returns the packages on a way of imports from one package to another, or nil if there is none.
func wayTo(imports map[string][]string, from, to string, seen map[string]bool) []string {
	if from == to {
		return []string{to}
	}
	if seen[from] {
		return nil
	}
	seen[from] = true
	for _, next := range imports[from] {
		if way := wayTo(imports, next, to, seen); way != nil {
			return append([]string{from}, way...)
		}
	}
	return nil
}

func TestTestsOfARoomUseOnlyPublicFacesOfTheOtherHouse(t *testing.T) {
	for _, p := range listPackages(t) {
		for _, i := range ours(slices.Concat(p.TestImports, p.XTestImports)) {
			switch {
			case strings.HasPrefix(p.rel(), "internal/") && strings.HasPrefix(i, "engine/"):
				t.Errorf("tests of %s import %s: the platform's tests meet the engine at its public face, engine", p.rel(), i)
			case strings.HasPrefix(p.rel(), "engine") && strings.HasPrefix(i, "internal/") &&
				!slices.Contains(ground, i) && i != "internal/db/dbtest":
				t.Errorf("tests of %s import %s: the engine's tests use AWS SDKs, not the platform", p.rel(), i)
			}
		}
	}
}

func TestEveryPackageSaysWhatItIs(t *testing.T) {
	for _, p := range listPackages(t) {
		if len(p.GoFiles) == 0 {
			continue
		}
		want := "Package " + p.Name + " "
		if p.Name == "main" {
			want = "Command " + path.Base(p.ImportPath) + " "
		}
		if !strings.HasPrefix(p.Doc, want) {
			t.Errorf("%s: the package doc must begin %q, it is %q", p.rel(), want, p.Doc)
		}
	}
}

// How large things may become. Counted are lines with code; blank lines, comments and tables (composite literals of
// slices and maps) do not count. Most functions should be half of it.
const (
	maxFunction  = 80
	maxFile      = 400
	maxPackage   = 1500 // without tests
	maxInterface = 8    // methods
)

// tooLarge lists what may be larger, each with its reason.
var tooLarge = map[string]string{
	"internal/provision/provision_test.go": "one world, many promises about it",
	"internal/web":                         "one routing table needs one Server; each of its files is one small feature of the pages",
}

func TestNothingGrowsTooLarge(t *testing.T) {
	packages := map[string]int{}
	used := map[string]bool{}
	report := func(what string, have, most int, unit string) {
		if have <= most {
			return
		}
		if _, ok := tooLarge[what]; ok {
			used[what] = true
			return
		}
		t.Errorf("%s has %d %s, at most %d: split it by idea, or give the reason in tooLarge", what, have, unit, most)
	}
	for _, name := range goFiles(t) {
		src := parseSource(t, name)
		if src.generated {
			continue
		}
		lines := src.code(src.file.Pos(), src.file.End())
		report(name, lines, maxFile, "lines")
		if !strings.HasSuffix(name, "_test.go") {
			packages[path.Dir(name)] += lines
		}
		ast.Inspect(src.file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.FuncDecl:
				report(name+" "+n.Name.Name, src.code(n.Pos(), n.End()), maxFunction, "lines")
			case *ast.TypeSpec:
				if i, ok := n.Type.(*ast.InterfaceType); ok {
					report(name+" "+n.Name.Name, i.Methods.NumFields(), maxInterface, "methods")
				}
			}
			return true
		})
	}
	for pkg, lines := range packages {
		report(pkg, lines, maxPackage, "lines")
	}
	for what := range tooLarge {
		if !used[what] {
			t.Errorf("tooLarge lists %q, which needs no exception any more", what)
		}
	}
}

// goFiles returns the module's Go files, with slashes, relative to its root.
func goFiles(t *testing.T) []string {
	t.Helper()
	var files []string
	err := filepath.WalkDir(".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (d.Name() == "node_modules" || d.Name() == "tools" || d.Name() == "bin" || d.Name() == ".git") {
			return fs.SkipDir
		}
		if !d.IsDir() && strings.HasSuffix(name, ".go") {
			files = append(files, filepath.ToSlash(name))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// source is one parsed file and which of its lines are code.
type source struct {
	set       *token.FileSet
	file      *ast.File
	generated bool
	isCode    []bool // by line, 1-based
}

func parseSource(t *testing.T, name string) source {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	s := source{set: token.NewFileSet(), isCode: make([]bool, bytes.Count(text, []byte("\n"))+2)}
	if s.file, err = parser.ParseFile(s.set, name, text, parser.ParseComments); err != nil {
		t.Fatal(err)
	}
	s.generated = ast.IsGenerated(s.file)
	for i, line := range strings.Split(string(text), "\n") {
		s.isCode[i+1] = strings.TrimSpace(line) != ""
	}
	for _, group := range s.file.Comments {
		for _, c := range group.List {
			s.dropComment(c, text)
		}
	}
	ast.Inspect(s.file, func(n ast.Node) bool {
		if c, ok := n.(*ast.CompositeLit); ok && isTable(c) {
			for l := s.line(c.Lbrace) + 1; l < s.line(c.Rbrace); l++ {
				s.isCode[l] = false
			}
		}
		return true
	})
	return s
}

// dropComment takes the lines that hold nothing but the comment out of the count.
func (s source) dropComment(c *ast.Comment, text []byte) {
	offset := s.set.Position(c.Pos()).Offset
	before := text[bytes.LastIndexByte(text[:offset], '\n')+1 : offset]
	first := s.line(c.Pos())
	if len(bytes.TrimSpace(before)) > 0 {
		first++ // code stands before the comment
	}
	for l := first; l <= s.line(c.End()); l++ {
		s.isCode[l] = false
	}
}

// isTable reports whether c is a literal of a slice, array or map: data, however long.
func isTable(c *ast.CompositeLit) bool {
	switch c.Type.(type) {
	case *ast.ArrayType, *ast.MapType:
		return true
	}
	return false
}

func (s source) line(p token.Pos) int { return s.set.Position(p).Line }

// code counts the lines of code between two positions.
func (s source) code(from, to token.Pos) int {
	n := 0
	for l := s.line(from); l <= s.line(to) && l < len(s.isCode); l++ {
		if s.isCode[l] {
			n++
		}
	}
	return n
}

func TestTheSizeCheckSeesWhatItCounts(t *testing.T) {
	name := filepath.Join(t.TempDir(), "x.go")
	text := "package x\n\n// A comment.\nfunc f() { // one\n\n\t/* a\n\tb */\n\tg() // two\n\th := []int{ // three\n\t\t1,\n\t\t2,\n\t} // four\n\t_ = h\n}\n"
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	s := parseSource(t, name)
	f, ok := s.file.Decls[0].(*ast.FuncDecl)
	if !ok {
		t.Fatal("no function")
	}
	if got := fmt.Sprint(s.code(f.Pos(), f.End()), s.code(s.file.Pos(), s.file.End())); got != "6 7" {
		t.Errorf("counted %s lines in the function and the file, want 6 7", got)
	}
}
