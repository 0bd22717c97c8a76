"""Turns readings into Prometheus's text format, by prometheus_client.

It keeps the highest of each position that it has told, and nothing else.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric as Family
from prometheus_client.registry import Collector

from lockstep.core.operations.status import Reading
from lockstep.procs.monitor.health import QUESTIONS
from lockstep.procs.monitor.metrics import BUILD, OF_A_RUN, VENUE, Labels, Metric, Sample, build_labels, of_question

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Exporter(Collector):
    """A node's metrics as text."""

    def __init__(self) -> None:
        self._highest: dict[tuple[str, Labels], float] = {}
        self._reading: Reading | None = None
        self._oldest_ms = 0

    def text(self, reading: Reading | None, oldest_ms: int) -> bytes:
        """The metrics of a reading, given how old a heartbeat may be; of no run (None) those that need none."""
        registry = CollectorRegistry()
        self._reading, self._oldest_ms = reading, oldest_ms
        registry.register(self)
        return generate_latest(registry)

    def describe(self) -> list[Family]:
        """Nothing: what there is differs from reading to reading."""
        return []

    def collect(self) -> Iterator[Family]:
        """What the registry asks for."""
        reading = self._reading
        yield _family(BUILD, [(build_labels(), 1)])
        for question in QUESTIONS:
            yield _family(of_question(question), [((), not question.objections(reading, self._oldest_ms))])
        if reading is None:
            return
        yield _family(VENUE, [((reading.venue,), 1)])
        for metric in OF_A_RUN:
            samples = metric.samples(reading)
            yield _family(metric, self._held(metric, samples, reading) if metric.is_position else samples)

    def _held(self, metric: Metric, samples: Iterable[Sample], reading: Reading) -> Iterator[Sample]:
        """Positions as far as they are known. While a node neither leads nor follows, its core replays."""
        is_known = reading.epoch or (reading.node is not None and reading.node.follows)
        for labels, value in samples:
            key = metric.name, labels
            if value and is_known:
                self._highest[key] = max(value, self._highest.get(key, 0))
            if key in self._highest:
                yield labels, self._highest[key]


def _family(metric: Metric, samples: Iterable[Sample]) -> Family:
    kind = CounterMetricFamily if metric.kind == "counter" else GaugeMetricFamily
    family = kind(metric.name, metric.help, labels=metric.labels)
    for labels, value in samples:
        family.add_metric(labels, float(value))
    return family
