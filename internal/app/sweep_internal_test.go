package app

import (
	"strings"
	"testing"
	"time"

	"github.com/stagedoor/stagedoor/internal/config"
	"github.com/stagedoor/stagedoor/internal/readiness/doctor"
)

// A place that could not be compared, or differs, stood in the console alone, where nobody looks at night.
func TestTheDoctorKnowsWhatCouldNotBeCompared(t *testing.T) {
	storage := config.Storage{Data: t.TempDir()}
	d, err := OpenPlatform(t.Context(), storage)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = d.Close() }()
	b, err := OpenBooth(t.Context(), storage, "case", config.Readiness{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = b.Close() }()
	now := time.Now()
	for _, step := range []struct {
		then    string
		verdict doctor.Verdict
		want    string
	}{
		{"DELETE FROM sweep", doctor.Fine, "nothing was compared with the provider yet"},
		{"INSERT INTO sweep (place, error) VALUES ('account', 'forbidden')", doctor.Look, "List of app instances cannot be compared with the provider: forbidden"},
		{"DELETE FROM sweep", doctor.Fine, "nothing was compared with the provider yet"},
		{"INSERT INTO sweep (place, asked) VALUES ('account', 1)", doctor.Fine, "nothing was compared with the provider yet"},
		{"UPDATE sweep SET heard = 1, error = 'no rights\x1b'", doctor.Look, "List of app instances cannot be compared with the provider: no rights·"},
		{"UPDATE sweep SET error = '', done = 1, finished_ms = $1, instances = 3, ledger_instances = 2, differs = TRUE", doctor.Look, "List of app instances: 3 at the provider, 2 in the ledger"},
		{"UPDATE sweep SET differs = FALSE", doctor.Fine, "1 place compared with the provider within the last 10 s, and as in the ledger"},
		{"UPDATE sweep SET finished_ms = $1 - 200000000", doctor.Look, "List of app instances was compared with the provider 2 d 7 h ago"},
	} {
		var args []any
		if strings.Contains(step.then, "$1") {
			args = append(args, now.Add(-10*time.Second).UnixMilli())
		}
		if _, err := d.Exec(t.Context(), step.then, args...); err != nil {
			t.Fatal(err)
		}
		c, err := b.sweepCheck(t.Context(), now)
		if err != nil || c.Verdict != step.verdict || c.Text != step.want || (c.ToDo != "") != (c.Verdict != doctor.Fine) {
			t.Errorf("%s: %+v, %v", step.then, c, err)
		}
	}
}
