"""What the service counts of itself, for Prometheus; each process counts for itself.

    messages kept ─┐
    transactions ──┼─ counters ─┐
    requests ──────┘            ├─ text
    database, model ─ at each scrape

A batch is counted once and not message by message: counting takes a microsecond or two of each.
"""

from __future__ import annotations

import time
from collections import Counter as Tally
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily, InfoMetricFamily, Metric
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from moderation.types import Action
from service.storage.analyses import Standing
from service.storage.database import StorageError

CLASSIFY = "/v1/classify"
OTHER = "other"
"""Endpoint of requests that lead nowhere: their paths are anybody's."""
SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5)
SIZES = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512)


class Metrics:
    """The counters of one process; `watch` adds what is looked up when somebody asks."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "moderation_requests",
            "Requests answered",
            ("method", "endpoint", "status"),
            registry=self.registry,
        )
        self.classify = self._seconds("classify", "From a request to classify to its answer")
        self.messages = self._counter("messages", "Messages judged and kept", "action")
        self.findings = self._counter("findings", "Findings in them", "label", "source")
        self.degraded = self._counter("degraded", "Messages that a detector failed on", "detector")
        self.size = Histogram(
            "moderation_transaction_messages",
            "Messages in a transaction",
            buckets=SIZES,
            registry=self.registry,
        )
        self.transaction = self._seconds("transaction", "Time of a transaction with messages")
        self.changes = self._counter("champion_changes", "Models taken over while running")
        self._requests: dict[tuple[str, str, int], Any] = {}
        self._actions = {action.value: self.messages.labels(action.value) for action in Action}
        self.model: str | None = None

    def kept(self, answers: Sequence[Any], seconds: float) -> None:
        """Count a transaction and its decisions; what was refused instead is no message judged."""
        self.size.observe(len(answers))
        self.transaction.observe(seconds)
        decisions = [one for one in answers if isinstance(one, dict)]
        for action, count in Tally([one["action"] for one in decisions]).items():
            self._actions[action].inc(count)
        for one in decisions:
            if one["findings"] or one["degraded"]:
                self._found(one)
        if decisions:
            self.judged_by(decisions[-1]["model"])

    def request(self, method: str, endpoint: str, status: int) -> None:
        """Count an answer by endpoint and class of status."""
        key = (method, endpoint, status // 100)
        child = self._requests.get(key)
        if child is None:
            child = self.requests.labels(method, endpoint, f"{key[2]}xx")
            self._requests[key] = child
        child.inc()

    def classified(self, status: int, seconds: float) -> None:
        """Count and time an answer of the busy endpoint."""
        self.request("POST", CLASSIFY, status)
        self.classify.observe(seconds)

    def judged_by(self, version: str) -> None:
        """Notice that another model judges than did before."""
        if version != self.model:
            if self.model is not None:
                self.changes.inc()
            self.model = version

    def watch(self, look: Callable[[], Standing]) -> None:
        """Add what the database says whenever somebody asks."""
        self.registry.register(_Standing(look, self))

    def text(self) -> bytes:
        """Return everything in Prometheus's text format."""
        return generate_latest(self.registry)

    def _found(self, decision: dict[str, Any]) -> None:
        for finding in decision["findings"]:
            self.findings.labels(finding["label"], finding["source"]).inc()
        for detector in decision["degraded"]:
            self.degraded.labels(detector).inc()

    def _counter(self, name: str, about: str, *labels: str) -> Counter:
        return Counter(f"moderation_{name}", about, labels, registry=self.registry)

    def _seconds(self, name: str, about: str) -> Histogram:
        return Histogram(
            f"moderation_{name}_seconds", about, buckets=SECONDS, registry=self.registry
        )


@dataclass(frozen=True, slots=True)
class _Standing:
    """A collector that asks the database; while that is out of reach, the counters still answer."""

    look: Callable[[], Standing]
    metrics: Metrics

    def describe(self) -> list[Metric]:
        """Return nothing: what is here is known only when it is asked for."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Yield what the database says now, and the model."""
        version = self.metrics.model or ""
        yield InfoMetricFamily("moderation_model", "The model in force", {"version": version})
        try:
            found = self.look()
        except StorageError:
            yield GaugeMetricFamily("moderation_database_up", "Whether it answers", 0)
            return
        yield GaugeMetricFamily("moderation_database_up", "Whether it answers", 1)
        yield GaugeMetricFamily(
            "moderation_open_cases", "Cases that wait for a verdict", found.open_cases
        )
        yield GaugeMetricFamily(
            "moderation_dead_letters", "Instructions given up on", found.dead_letters
        )
        if found.drift is not None:
            yield GaugeMetricFamily(
                "moderation_drift_auc", "How well the last week is told apart", found.drift.auc
            )
            yield GaugeMetricFamily(
                "moderation_drift_alert", "Whether that is drift", found.drift.alert
            )


class CountRequests:
    """Middleware: counts each answer by endpoint and class of status, times the busy endpoint."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self.app = app
        self.metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = time.perf_counter()
        status = 500

        async def watched(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self.app(scope, receive, watched)
        finally:
            self._count(scope, status, started)

    def _count(self, scope: Scope, status: int, started: float) -> None:
        if scope["path"] == CLASSIFY:
            self.metrics.classify.observe(time.perf_counter() - started)
        route = scope.get("route")
        if route is None:
            self.metrics.request(OTHER, OTHER, status)
        else:
            self.metrics.request(scope["method"], getattr(route, "path", OTHER), status)
