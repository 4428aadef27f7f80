package app

import (
	"strconv"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/stagedoor/stagedoor/engine"
	"github.com/stagedoor/stagedoor/internal/ingress"
)

// sessions are the figures of an engine's messaging sessions in this process.
type sessions struct{ engine *engine.Engine }

// figure is one of them: of the whole engine, or of each shard.
type figure struct {
	desc *prometheus.Desc
	kind prometheus.ValueType
}

func sessionFigure(name, help string, kind prometheus.ValueType, labels ...string) figure {
	return figure{prometheus.NewDesc("stagedoor_session_"+name, help, labels, nil), kind}
}

var (
	usersFigure = sessionFigure("users", "Users with a messaging session.", prometheus.GaugeValue)
	shedFigure  = sessionFigure("shed_connects_total", "Sessions that were refused because too many were on their way in.", prometheus.CounterValue)

	connectionsFigure = sessionFigure("connections", "Open messaging sessions.", prometheus.GaugeValue, "shard")
	queueFigure       = sessionFigure("queue_bytes", "Bytes that wait for slow readers.", prometheus.GaugeValue, "shard")
	deliveriesFigure  = sessionFigure("deliveries_total", "Events times the sessions that they were for.", prometheus.CounterValue, "shard")
	writesFigure      = sessionFigure("writes_total", "Writes to sockets; one may carry several events.", prometheus.CounterValue, "shard")
	bytesFigure       = sessionFigure("written_bytes_total", "Bytes written to sockets.", prometheus.CounterValue, "shard")
	passesFigure      = sessionFigure("passes_total", "Passes over the sessions of a channel.", prometheus.CounterValue, "shard")
	passTimeFigure    = sessionFigure("pass_seconds_total", "Time spent in passes.", prometheus.CounterValue, "shard")
	slowFigure        = sessionFigure("slow_closed_total", "Sessions that were closed because they did not read.", prometheus.CounterValue, "shard")
)

// refused counts what the gate of a process had no room for.
func refused(gate *ingress.Gate) prometheus.Collector {
	return prometheus.NewCounterFunc(prometheus.CounterOpts{Name: "stagedoor_ingress_refused_total",
		Help: "Connections and requests that were refused because descriptors were short."}, func() float64 { return float64(gate.Refused()) })
}

// Describe is of prometheus.Collector.
func (sessions) Describe(out chan<- *prometheus.Desc) {
	for _, f := range []figure{usersFigure, shedFigure, connectionsFigure, queueFigure, deliveriesFigure, writesFigure, bytesFigure, passesFigure, passTimeFigure, slowFigure} {
		out <- f.desc
	}
}

// Collect is of prometheus.Collector.
func (s sessions) Collect(out chan<- prometheus.Metric) {
	say := func(f figure, value float64, shard ...string) {
		out <- prometheus.MustNewConstMetric(f.desc, f.kind, value, shard...)
	}
	stats := s.engine.Stats()
	say(usersFigure, float64(stats.Users))
	say(shedFigure, float64(stats.Shed))
	for i, of := range stats.Shards {
		shard := strconv.Itoa(i)
		say(connectionsFigure, float64(of.Connections), shard)
		say(queueFigure, float64(of.QueuedBytes), shard)
		say(deliveriesFigure, float64(of.Deliveries), shard)
		say(writesFigure, float64(of.Writes), shard)
		say(bytesFigure, float64(of.Bytes), shard)
		say(passesFigure, float64(of.Passes), shard)
		say(passTimeFigure, of.PassTime.Seconds(), shard)
		say(slowFigure, float64(of.SlowClosed), shard)
	}
}
