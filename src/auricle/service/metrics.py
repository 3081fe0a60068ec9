"""What ``/metrics`` shows, in Prometheus' text format. Routes are counted by their template, so that ids do not multiply series."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest


class Metrics:
    """One registry a server."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._requests = Counter("auricle_requests", "Requests answered.", ["method", "route", "status"], registry=self.registry)
        self._seconds = Histogram(
            "auricle_request_seconds", "Seconds from the first byte of a request to the head of its answer.", ["route"],
            buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60), registry=self.registry,
        )  # fmt: skip
        self._batch = Histogram(
            "auricle_batch_size",
            "Items of one run of a model.",
            ["model", "tower"],
            buckets=(1, 2, 4, 8, 16, 32, 64),
            registry=self.registry,
        )
        self._waiting = Gauge("auricle_queue_waiting", "Items waiting for a model.", ["model", "tower"], registry=self.registry)
        self.jobs = Gauge("auricle_jobs_active", "Jobs at work.", registry=self.registry)

    def request(self, method: str, route: str, status: int, seconds: float) -> None:
        self._requests.labels(method, route, str(status)).inc()
        self._seconds.labels(route).observe(seconds)

    def batch(self, model: str, tower: str, size: int, waiting: int) -> None:
        self._batch.labels(model, tower).observe(size)
        self._waiting.labels(model, tower).set(waiting)

    def text(self) -> bytes:
        text: bytes = generate_latest(self.registry)
        return text
