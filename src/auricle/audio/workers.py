"""Worker processes that decode outside files, and the pool that every thread borrows them from."""

from __future__ import annotations

import atexit
import contextlib
import os
import select
import signal
import subprocess
import sys
import tempfile
import time
import weakref
from collections import deque
from collections.abc import Generator, Iterator
from dataclasses import asdict
from typing import Any

from auricle.audio import _framing
from auricle.audio._problems import audio_error
from auricle.audio.types import Limits
from auricle.errors import AudioError, AuricleError, UsageError
from auricle.settings import threads

_PIPE_BYTES = 1 << 20
_CANCEL_SECONDS = 1.0
_START_SECONDS = 60.0
_TERMINAL = ("end", "error")


class _Gone(Exception):
    """The worker closed its end."""


class _Stalled(Exception):
    """The worker was silent for too long."""


class Worker:
    """One worker process; it serves one request at a time, any number in sequence, and is replaced when it dies.

    The process is started by the first request or by :meth:`start`. Also a context manager.
    """

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._stderr: Any = None
        self._greeted = False
        self._busy = False
        self._serial = 0
        self._finalizer: weakref.finalize[Any, Any] | None = None

    def start(self) -> None:
        """Start the process without waiting for it to be ready (about 0.15 s)."""
        if self._process is not None and self._process.poll() is None:
            return
        self.close()
        self._stderr = tempfile.TemporaryFile()  # noqa: SIM115  closed with the process
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "auricle.audio._worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._stderr,
            env=_environment(),
            bufsize=0,
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        for fd in (self._process.stdin.fileno(), self._process.stdout.fileno()):
            _widen(fd)
        os.set_blocking(self._process.stdin.fileno(), False)
        self._greeted = False
        self._finalizer = weakref.finalize(self, _end, self._process, self._stderr)

    @property
    def pid(self) -> int | None:
        """Of the process, None when none runs."""
        return self._process.pid if self._process is not None and self._process.poll() is None else None

    def request(
        self, operation: str, source: str, limits: Limits, *, path: str | None = None, payload: bytes = b"", **options: Any
    ) -> Generator[tuple[dict[str, Any], bytearray], None, None]:
        """Frames ``(header, payload)`` of the answer, the last of type ``end``. Abandoning the iterator cancels the request.

        Raises AudioError: what the worker reports, Crashed when it dies, Timeout when it is silent for ``limits.stall_seconds``.
        """
        if self._busy:
            raise UsageError("This worker is still busy with another sound.", hint="Use one worker for each open iteration.")
        self._busy = True
        finished = False
        try:
            self.start()
            self._greet()
            self._serial += 1
            header = {"op": operation, "id": self._serial, "source": source, "path": path, "limits": asdict(limits), **options}
            self._send(header, payload, limits.stall_seconds)
            while not finished:
                frame, data = self._receive(limits.stall_seconds)
                finished = frame["type"] in _TERMINAL
                if frame["type"] == "error":
                    raise AudioError(frame["kind"], source, frame["message"], hint=frame["hint"])
                yield frame, data
        except _Gone:
            finished = True
            raise audio_error("Crashed", source, f"made the decoder crash ({self._reap()}).") from None
        except _Stalled:
            finished = True
            self.close()
            raise audio_error("Timeout", source, f"gave no sound for {limits.stall_seconds:g} s.") from None
        finally:
            if not finished:
                self._cancel()
            self._busy = False

    def close(self) -> None:
        """End the process. The next request starts another."""
        if self._finalizer is not None:
            self._finalizer()
        self._process = self._finalizer = self._stderr = None

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def abandon(self) -> None:
        """Forget the process without ending it: after a fork it belongs to the parent."""
        process = self._process
        if self._finalizer is not None:
            self._finalizer.detach()
        if process is not None:
            for pipe in (process.stdin, process.stdout, self._stderr):
                assert pipe is not None
                pipe.close()
            process.returncode = 0  # not our child: nothing to wait for
        self._process = self._finalizer = self._stderr = None

    def _greet(self) -> None:
        if self._greeted:
            return
        try:
            self._receive(_START_SECONDS)
        except (_Gone, _Stalled):
            assert self._stderr is not None
            self._stderr.seek(0)
            lines = self._stderr.read().decode("utf-8", "replace").strip().splitlines()
            self.close()
            reason = f": {lines[-1]}" if lines else ""
            hint = "Try `python -m auricle.audio._worker < /dev/null` to see why."
            raise AuricleError(f"The decoder process could not start{reason}", hint=hint) from None
        self._greeted = True

    def _send(self, header: dict[str, Any], payload: bytes, seconds: float) -> None:
        process = self._process
        assert process is not None
        assert process.stdin is not None
        fd = process.stdin.fileno()
        try:
            _framing.write_all(fd, _framing.pack(header, len(payload)), lambda: _wait(fd, select.POLLOUT, seconds))
            if payload:
                _framing.write_all(fd, payload, lambda: _wait(fd, select.POLLOUT, seconds))
        except BrokenPipeError:
            raise _Gone from None

    def _receive(self, seconds: float) -> tuple[dict[str, Any], bytearray]:
        process = self._process
        assert process is not None
        assert process.stdout is not None
        fd = process.stdout.fileno()
        try:
            return _framing.receive(fd, lambda: _wait(fd, select.POLLIN, seconds))
        except (EOFError, ValueError):
            raise _Gone from None

    def _cancel(self) -> None:
        """Stop the current request and read what it still sends; a worker that does not answer at once is ended."""
        if self._finalizer is None or not self._finalizer.alive:
            return  # ended already, at the latest by the exit of the interpreter
        try:
            self._send({"op": "cancel", "of": self._serial}, b"", _CANCEL_SECONDS)
            until = time.monotonic() + _CANCEL_SECONDS
            while (left := until - time.monotonic()) > 0:
                frame, _ = self._receive(left)
                if frame["type"] in _TERMINAL and frame["id"] == self._serial:
                    return
        except (_Gone, _Stalled, AssertionError):
            pass
        self.close()

    def _reap(self) -> str:
        """How the process ended, in words."""
        assert self._process is not None
        try:
            code = self._process.wait(timeout=1.0)
        except subprocess.TimeoutExpired:
            code = 0
        self.close()
        if code < 0:
            try:
                return signal.Signals(-code).name
            except ValueError:
                return f"signal {-code}"
        return f"exit code {code}"


def prestart() -> None:
    """Start a worker in the background, so that the first sound need not wait for it. Returns at once."""
    if not _idle:
        worker = Worker()
        worker.start()
        _idle.append(worker)


@contextlib.contextmanager
def borrowed(worker: Worker | None = None) -> Iterator[Worker]:
    """``worker`` itself, or one of the pool for as long as the context lasts."""
    if worker is not None:
        yield worker
        return
    try:
        mine = _idle.pop()
    except IndexError:
        mine = Worker()
    try:
        yield mine
    finally:
        if len(_idle) < threads():
            _idle.append(mine)
        else:
            mine.close()


def close_idle() -> None:
    """End every worker of the pool that nobody uses. Later requests start new ones."""
    while _idle:
        try:
            _idle.pop().close()
        except IndexError:
            return


# A deque, whose append and pop are atomic, and no lock: a generator may be finalised at any moment in any thread.
_idle: deque[Worker] = deque()
atexit.register(close_idle)


def _after_fork() -> None:
    while _idle:
        _idle.pop().abandon()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


def _environment() -> dict[str, str]:
    """Ours, with our module path, and one thread for any library that would start more."""
    # not "", the working folder: what lies there by chance must not be imported in place of a library
    home = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    path = os.pathsep.join([*(p for p in sys.path if isinstance(p, str) and p), home])
    single = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    return {**os.environ, **single, "PYTHONPATH": path}


def _wait(fd: int, event: int, seconds: float) -> None:
    poll = select.poll()
    poll.register(fd, event)
    if not poll.poll(max(1, int(seconds * 1000))):
        raise _Stalled


def _widen(fd: int) -> None:
    """A pipe of 1 MiB saves switches between the two processes. Linux only; elsewhere the pipe stays as it is."""
    with contextlib.suppress(ImportError, AttributeError, OSError):
        import fcntl

        fcntl.fcntl(fd, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)


def _end(process: subprocess.Popen[bytes], stderr: Any) -> None:
    process.kill()
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            pipe.close()
    process.wait()
    stderr.close()
