"""Dynamic batching: callers wait a moment for each other and share one run of a model.

A queue has a bound; who finds it full is told to come again (503), so that a crowd costs waiting and not memory.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Generic, TypeVar

from auricle.service.problems import ServiceError

T = TypeVar("T")
R = TypeVar("R")


class Batcher(Generic[T, R]):
    """Collects items of several callers and runs them together, in threads of its own.

    run:      a batch of items → as many results, in order.
    size:     items of one run at most; a caller's own items may be spread over several.
    wait:     seconds that a batch which is not full waits for others. While a run goes on, others gather anyway.
    workers:  runs at the same time; they share what waits evenly.
    capacity: items that may wait; more are refused.
    observe:  told the size of each batch and how many items are left waiting.
    """

    def __init__(
        self,
        run: Callable[[Sequence[T]], Sequence[R]],
        *,
        size: int,
        wait: float = 0.001,
        capacity: int = 512,
        workers: int = 1,
        observe: Callable[[int, int], None] | None = None,
    ) -> None:
        self._run, self._size, self._wait, self._capacity, self._observe = run, size, wait, capacity, observe
        self._workers, self._busy = workers, 0
        self._items: deque[tuple[T, Future[R]]] = deque()
        self._ready = threading.Condition()
        self._closed = False
        self._threads: list[threading.Thread] = []

    def submit(self, items: Sequence[T]) -> list[Future[R]]:
        """Put items in the queue, all or none. Raises ServiceError 503 ``overloaded`` when they do not fit."""
        futures: list[Future[R]] = [Future() for _ in items]
        with self._ready:
            if self._closed:
                raise ServiceError(503, "shutting_down", "The server is shutting down.", retryable=True)
            if self._items and len(self._items) + len(items) > self._capacity:
                raise ServiceError(503, "overloaded", "Too much is waiting to be embedded.", hint="Try again in a moment.", retry_after=1)
            while len(self._threads) < self._workers:
                self._threads.append(threading.Thread(target=self._loop, name="auricle-batch", daemon=True))
                self._threads[-1].start()
            self._items.extend(zip(items, futures, strict=True))
            self._ready.notify(len(items))
        return futures

    def __call__(self, items: Sequence[T]) -> list[R]:
        """Submit and wait. A caller that gives up leaves nothing behind that others must run."""
        futures = self.submit(items)
        try:
            return [future.result() for future in futures]
        except BaseException:
            for future in futures:
                future.cancel()
            raise

    def close(self) -> None:
        with self._ready:
            self._closed = True
            self._ready.notify_all()
        for thread in self._threads:
            thread.join(timeout=30.0)

    def _loop(self) -> None:
        while (batch := self._next()) is not None:
            try:
                self._answer(batch)
            finally:
                with self._ready:
                    self._busy -= 1

    def _answer(self, batch: Sequence[tuple[T, Future[R]]]) -> None:
        live = [(item, future) for item, future in batch if future.set_running_or_notify_cancel()]
        if not live:
            return
        try:
            results = self._run([item for item, _ in live])
        except BaseException as error:
            if len(live) > 1:  # one bad item must not fail those of others
                self._one_by_one(live)
            else:
                live[0][1].set_exception(error)
            return
        for (_, future), result in zip(live, results, strict=True):
            future.set_result(result)

    def _one_by_one(self, live: Sequence[tuple[T, Future[R]]]) -> None:
        for item, future in live:
            try:
                future.set_result(self._run([item])[0])
            except BaseException as error:
                future.set_exception(error)

    def _next(self) -> list[tuple[T, Future[R]]] | None:
        """The next batch; None when closed and empty."""
        with self._ready:
            while True:
                self._ready.wait_for(lambda: self._items or self._closed)
                until = time.monotonic() + self._wait
                while len(self._items) < self._size and not self._closed and (left := until - time.monotonic()) > 0:
                    self._ready.wait(left)
                if self._items:
                    break
                if self._closed:
                    return None
            share = -(-len(self._items) // (self._workers - self._busy))  # the others that are idle take as much
            self._busy += 1
            batch = [self._items.popleft() for _ in range(min(self._size, share))]
            if self._observe:
                self._observe(len(batch), len(self._items))
            return batch
