package provisiontest

import "strings"

// ReadsAWholeShow reports whether SQLite, by its own plan (dbtest.Plan), answers a question by reading all rows of a show, or
// more, although there are indexes.
func ReadsAWholeShow(plan string) bool {
	for step := range strings.Lines(plan) {
		if strings.HasSuffix(step, "PRIMARY KEY (event_id=?)\n") || strings.HasPrefix(step, "SCAN r") || strings.HasPrefix(step, "SCAN ticket") {
			return true
		}
	}
	return plan == ""
}
