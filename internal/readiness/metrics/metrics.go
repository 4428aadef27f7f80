// Package metrics has the figures of the provisioning for Prometheus.
package metrics

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/stagedoor/stagedoor/internal/readiness"
)

// Of collects a board's figures. They are read from the database when they are asked for, so every process
// of an installation shows the same.
func Of(b *readiness.Board) prometheus.Collector { return collector{b} }

type collector struct{ board *readiness.Board }

// scrapeTime is how long a scrape may take: Prometheus itself waits for ten seconds.
const scrapeTime = 10 * time.Second

func metric(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("stagedoor_"+name, help, labels, nil)
}

var (
	upDesc        = metric("provision_readable", "1 if the state of the provisioning could be read from the database.")
	leaderDesc    = metric("provision_leader", "1 while a process leads the provisioning.")
	pausedDesc    = metric("provision_paused", "1 while people have paused the provisioning.")
	inFlightDesc  = metric("provision_calls_in_flight", "Calls to the chat provider whose answers are not recorded yet.")
	speedDesc     = metric("provision_calls_per_second", "Calls to the chat provider a second, over the last ten.")
	resourcesDesc = metric("provision_resources", "Chat resources of an event: made, to_make, to_delete, failed.", "event", "state")
	unplannedDesc = metric("provision_unplanned_tickets", "Valid tickets that the provisioner has not looked at yet.", "event")
	doorsDesc     = metric("event_doors_timestamp_seconds", "When doors open.", "event")
	readyDesc     = metric("event_ready_timestamp_seconds", "When the chat is expected to be ready; absent while nothing is to be made or nobody makes it.", "event")
	slackDesc     = metric("event_slack_seconds", "From ready to doors; negative is too late.", "event")
	callsLeftDesc = metric("provision_calls_left", "Calls that an event still takes, by bucket of the provider's limits.", "event", "bucket")
	limitDesc     = metric("pace_limit", "Calls a second that the provider documents; 0: no limit.", "bucket", "of")
	rateDesc      = metric("pace_rate", "Calls a second that are made at most now.", "bucket", "of")
	throttledDesc = metric("pace_throttled", "1 while the provider allows less than it documents.", "bucket", "of")
	alarmDesc     = metric("alarm", "1 for each alarm that stands. The event is empty where it concerns all.", "event", "cause")
	placesDesc    = metric("app_instances", "App instances of ours at the provider.")
)

// Describe is of prometheus.Collector.
func (collector) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{
		upDesc, leaderDesc, pausedDesc, inFlightDesc, speedDesc, resourcesDesc, unplannedDesc, doorsDesc, readyDesc, slackDesc,
		callsLeftDesc, limitDesc, rateDesc, throttledDesc, alarmDesc, placesDesc,
	} {
		out <- d
	}
}

// Collect is of prometheus.Collector.
func (c collector) Collect(out chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), scrapeTime)
	defer cancel()
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	s, err := c.board.Status(ctx, time.Now())
	gauge(upDesc, truth(err == nil))
	if err != nil {
		return
	}
	gauge(leaderDesc, truth(s.Leader != nil))
	gauge(pausedDesc, truth(s.Paused))
	gauge(inFlightDesc, float64(s.InFlight))
	gauge(speedDesc, s.CallsPerSecond)
	gauge(placesDesc, float64(s.Places.Used))
	for _, r := range s.Rates {
		gauge(limitDesc, r.Limit, r.Bucket, r.Of)
		gauge(rateDesc, r.Rate, r.Bucket, r.Of)
		gauge(throttledDesc, truth(r.Throttled), r.Bucket, r.Of)
	}
	for _, a := range s.Alarms {
		gauge(alarmDesc, 1, string(a.EventID), string(a.Cause))
	}
	for _, e := range s.Events {
		c.event(e, gauge)
	}
}

func (collector) event(e readiness.Event, gauge func(d *prometheus.Desc, v float64, labels ...string)) {
	id := string(e.EventID)
	for state, n := range map[string]int{"made": e.Made, "to_make": e.ToMake, "to_delete": e.ToDelete, "failed": e.Failed} {
		gauge(resourcesDesc, float64(n), id, state)
	}
	gauge(unplannedDesc, float64(e.Unplanned), id)
	gauge(doorsDesc, float64(e.DoorsAt.Unix()), id)
	for _, l := range e.CallsLeft {
		gauge(callsLeftDesc, float64(l.Calls), id, l.Bucket)
	}
	if e.ReadyAt != nil {
		gauge(readyDesc, float64(e.ReadyAt.Unix()), id)
		gauge(slackDesc, *e.SlackSeconds, id)
	}
}

func truth(ok bool) float64 {
	if ok {
		return 1
	}
	return 0
}
