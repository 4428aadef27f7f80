package provision_test

import (
	"slices"
	"testing"
	"time"

	"github.com/stagedoor/stagedoor/internal/id"
	"github.com/stagedoor/stagedoor/internal/provision/provisiontest"
)

// Seven shows of which each may make ten accounts a second, fifty together: the first five got less than they are first in
// line for, because the others took slots that these were about to need, and because nobody woke up for a show that waited
// for its own bucket. They were late by up to twelve percent, and "ready at" wrong by as much.
func TestShowsGetWhatTheyAreFirstInLineFor(t *testing.T) {
	virtual(t, func(s *stage) {
		const tickets, shows, atOnce = 150, 7, 5
		s.provider.Latency = 200 * time.Millisecond
		var places []string
		var all []id.Event
		for i := range shows {
			all = append(all, s.event(time.Now().Add(time.Duration(24+i)*time.Hour)))
			s.tickets(all[i], id.Fan, tickets)
		}
		s.run(s.config("aws-us-east-1"))
		s.until(5*time.Minute, "all is ready", func() bool {
			return !slices.ContainsFunc(all, func(e id.Event) bool { return s.readyCount(e) < tickets })
		})
		for _, e := range all {
			places = append(places, string(s.where(e)))
		}
		accounts := map[string][]time.Time{}
		inAll := 0
		began, busy := time.Time{}, 12*time.Second
		for _, c := range s.provider.Calls() {
			if c.Op != "CreateAppInstanceUser" {
				continue
			}
			if began.IsZero() {
				began = c.At
			}
			if since := c.At.Sub(began); since >= 2*time.Second && since < busy {
				inAll++
			}
			accounts[c.Instance] = append(accounts[c.Instance], c.At)
		}
		for i, in := range places[:atOnce] {
			took := accounts[in][tickets].Sub(accounts[in][1]) // the first is the admin's
			if least := (tickets - 10) * time.Second / 10; took > least*112/100 {
				s.Errorf("show %d took %v for its accounts, it could have had them in %v", i, took, least)
			}
		}
		rate := float64(inAll) / (busy - 2*time.Second).Seconds()
		if rate < 0.95*50 {
			s.Errorf("%.1f accounts a second, 50 are allowed", rate)
		}
		if over := provisiontest.Overruns(provisiontest.LimitsOf("aws-us-east-1"), s.provider.Calls()); len(over) > 0 {
			s.Error(over[0])
		}
		s.Logf("%.1f accounts a second", rate)
	})
}
