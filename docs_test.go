package stagedoor_test

import (
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// read returns a file of the repository as text.
func read(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.FromSlash(name))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// documents returns the Markdown files at the root and under docs.
func documents(t *testing.T) []string {
	t.Helper()
	var all []string
	for _, pattern := range []string{"*.md", "docs/*.md", "docs/*/*.md"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, files...)
	}
	return all
}

func TestEverySettingIsInTheManual(t *testing.T) {
	manual := read(t, "docs/operating.md")
	variable := regexp.MustCompile(`env:"([A-Z_]+)"`)
	found := 0
	for _, name := range goFiles(t) {
		for _, m := range variable.FindAllStringSubmatch(read(t, name), -1) {
			found++
			if !strings.Contains(manual, "`"+m[1]+"`") {
				t.Errorf("%s has the setting %s, docs/operating.md does not name it", name, m[1])
			}
		}
	}
	if found < 10 {
		t.Errorf("found only %d settings: does this test still know how they are written?", found)
	}
}

func TestLinksInTheDocumentsLeadSomewhere(t *testing.T) {
	link := regexp.MustCompile(`\]\(([^)#]+)(#[^)]*)?\)`)
	for _, name := range documents(t) {
		for _, m := range link.FindAllStringSubmatch(read(t, name), -1) {
			if u, err := url.Parse(m[1]); err == nil && u.Scheme != "" {
				continue // another site's business
			}
			if _, err := os.Stat(filepath.Join(filepath.Dir(name), m[1])); err != nil {
				t.Errorf("%s links to %s, which does not exist", name, m[1])
			}
		}
	}
}

func TestEveryDecisionIsInTheList(t *testing.T) {
	list := read(t, "docs/adr/README.md")
	files, err := filepath.Glob("docs/adr/0*.md")
	if err != nil || len(files) == 0 {
		t.Fatal("no decisions found", err)
	}
	for _, f := range files {
		if !strings.Contains(list, "("+filepath.Base(f)+")") {
			t.Errorf("docs/adr/README.md does not list %s", f)
		}
	}
}
