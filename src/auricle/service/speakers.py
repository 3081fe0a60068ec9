"""Models that speak, for many callers: a few threads do the work, and tell as they go; who hangs up ends it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Generic, TypeVar

from starlette.requests import ClientDisconnect, Request

from auricle.errors import ModelError
from auricle.models import hub
from auricle.models.pretrained.checkpoint import ARCHITECTURE as AUDIO_LM
from auricle.models.two_heads import ARCHITECTURE as TWO_HEADS
from auricle.service.problems import ServiceError

AT_ONCE = 4  # pieces of work; each runs on all cores
WAITING = 32  # that may wait for a thread; more are refused
PING = 15.0  # seconds without a word after which a stream gives a sign of life
LOOK = 0.5  # seconds between two looks whether the client is still there

T = TypeVar("T")


class Gone(Exception):
    """Nobody listens any more."""


class Telling(Generic[T]):
    """What one piece of work tells, item by item, to one listener on the event loop."""

    def __init__(self, closing: threading.Event) -> None:
        self._loop, self._closing = asyncio.get_running_loop(), closing
        self._queue: asyncio.Queue[tuple[T | None, BaseException | None, bool]] = asyncio.Queue()
        self._stop = threading.Event()

    # -- the thread that works

    def tell(self, item: T) -> None:
        """Raises Gone, which ends the work, where nobody listens."""
        self.checkpoint()
        self._put(item, None, False)

    def checkpoint(self) -> None:
        """Raises Gone where nobody listens, ServiceError where the server ends."""
        if self._stop.is_set():
            raise Gone
        if self._closing.is_set():
            raise ServiceError(503, "shutting_down", "The server is shutting down.", hint="Try again when it is back.")

    def run(self, work: Callable[[Telling[T]], None]) -> None:
        """Work, and say how it ended. Never raises."""
        ended: BaseException | None = None
        try:
            self.checkpoint()
            work(self)
        except BaseException as error:
            ended = _answerable(error)
        self._put(None, ended, True)

    def _put(self, item: T | None, error: BaseException | None, end: bool) -> None:
        try:
            self._loop.call_soon_threadsafe(self._queue.put_nowait, (item, error, end))
        except RuntimeError:  # the loop is closed
            raise Gone from None

    # -- the event loop that listens

    async def items(self, request: Request | None = None) -> AsyncGenerator[T | None, None]:
        """What is told, in order; None where nothing was for ``PING`` seconds. Raises what ended the work.

        request: looked at meanwhile, where no answer has begun that would notice that the client has gone.
        """
        try:
            while True:
                quiet = 0.0
                while True:
                    try:
                        async with asyncio.timeout(LOOK):
                            item, error, end = await self._queue.get()
                        break
                    except TimeoutError:
                        if request is not None and await request.is_disconnected():
                            raise ClientDisconnect from None
                        quiet += LOOK
                        if quiet >= PING:
                            quiet = 0.0
                            yield None
                if error is not None:
                    raise error
                if end:
                    return
                yield item
        finally:
            self._stop.set()

    async def begun(self, request: Request) -> AsyncIterator[T | None]:
        """The items, once there is a first: what goes wrong before it is raised here, and can be an answer of its own."""
        items = self.items(request)
        first: list[T | None] = []
        async for item in items:
            if item is not None:
                first.append(item)
                break

        async def all_of_them() -> AsyncGenerator[T | None, None]:
            try:
                for item in first:
                    yield item
                async for item in items:
                    yield item
            finally:
                await items.aclose()

        return all_of_them()

    async def last(self, request: Request) -> T:
        """The last item, when all is told."""
        found: T | None = None
        async for item in self.items(request):
            found = found if item is None else item
        assert found is not None
        return found


class Speakers:
    """The models of this machine that speak, by name, and the threads in which they do."""

    def __init__(self, closing: threading.Event) -> None:
        self._closing = closing
        self._threads = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="auricle-speak")
        self._held = 0
        self._lock = threading.Lock()

    def begin(self, work: Callable[[Telling[T]], None]) -> Telling[T]:
        """Have something told. Called on the event loop. Raises ServiceError ``overloaded``."""
        telling: Telling[T] = Telling(self._closing)
        with self._lock:
            if self._held >= AT_ONCE + WAITING:
                raise ServiceError(503, "overloaded", "Too many wait for a model to speak.", hint="Try again soon.", retry_after=5)
            self._held += 1
        self._threads.submit(self._run, telling, work)
        return telling

    def _run(self, telling: Telling[T], work: Callable[[Telling[T]], None]) -> None:
        try:
            telling.run(work)
        except Gone:
            pass
        finally:
            with self._lock:
                self._held -= 1

    def of(self, name: str | None = None) -> Any:
        """An installed model that speaks: a client names no paths and no servers. Raises ServiceError, ModelError."""
        from auricle.tasks.speaking import SPEAKER

        known = [info for info in hub.installed() if not info.error]
        for info in known:
            if (name or SPEAKER) in (info.name, info.name.partition("@")[0], info.source):
                if not speaks(info):
                    raise ServiceError(422, "model_capability", f"{info.name} hears, but does not speak.", hint=_hint(known))
                return hub.load(info.path)
        if name is None:
            raise ServiceError(503, "model_missing", f"{SPEAKER} is not on this machine.", hint=_hint(known))
        raise ServiceError(404, "model_not_found", "There is no model of that name on this machine.", hint=_hint(known))

    def close(self) -> None:
        self._threads.shutdown(wait=True, cancel_futures=True)


def speaks(info: hub.ModelInfo) -> bool:
    """Whether an installed model answers in words; it is not loaded for that."""
    from auricle.models.bundle import Bundle

    return Bundle.open(info.path).config["architecture"] in (TWO_HEADS, AUDIO_LM)


def _hint(known: list[hub.ModelInfo]) -> str:
    able = [info.name for info in known if speaks(info)]
    return f"These speak: {', '.join(able)}." if able else "None that speaks is installed: see `auricle models list`."


def _answerable(error: BaseException) -> BaseException:
    """What a model cannot take in is a fault of what was asked, not of the server."""
    if isinstance(error, ModelError) and error.kind == "Unsupported":
        return ServiceError(422, "model_capability", error.message, hint=error.hint)
    return error
