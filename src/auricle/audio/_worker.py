"""The worker process: decodes and reads tags of outside files, and may die of it.

Runs as ``python -m auricle.audio._worker`` with requests on stdin and answers on stdout (see ``_framing``). Every request gets frames that
carry its ``id``, the last of them of type ``end`` or ``error``. It leaves when its parent is gone, even in the middle of a decoding.

For tests only: ``AURICLE_FAULT=decode:abort@<part of the name>`` makes it abort (or ``hang``, or ``kill`` itself) on such a source.
"""

from __future__ import annotations

import io
import os
import resource
import select
import signal
import stat
import sys
import threading
import time
from dataclasses import asdict
from typing import Any, BinaryIO, cast

import numpy as np

from auricle.audio import _decode, _framing
from auricle.audio._gate import Gate
from auricle.audio._pipeline import Pipeline
from auricle.audio._problems import audio_error, os_problem
from auricle.audio.types import Limits, Samples
from auricle.errors import AudioError

ADDRESS_SPACE = 6 << 30
_FLUSH_BYTES = 1 << 20
_BEAT_SECONDS = 0.5


class Cancelled(Exception):
    """The parent wants no more of this request."""


class Server:
    """Reads requests from ``fd_in`` and answers on ``fd_out``, one after the other, until the end of input."""

    def __init__(self, fd_in: int, fd_out: int) -> None:
        self._in, self._out = fd_in, fd_out
        self._poll = select.poll()
        self._poll.register(fd_in, select.POLLIN)
        self._id = -1

    def serve(self) -> None:
        self.send({"type": "hello", "pid": os.getpid()})
        while True:
            request, payload = _framing.receive(self._in)
            if request["op"] == "cancel":
                continue  # of a request that was over already
            self._id = request["id"]
            try:
                self._answer(request, payload)
            except Cancelled:
                self.send({"type": "end"})
            except AudioError as error:
                self.send_error(error)
            except MemoryError:
                self.send_error(audio_error("TooLarge", request["source"], "needs more memory than the decoder may use."))
            except OSError as error:
                if isinstance(error, BrokenPipeError):
                    raise
                self.send_error(os_problem(request["source"], error))
            except Exception as error:  # whatever a parser throws at hostile bytes must not cost the worker
                text = f"could not be decoded ({type(error).__name__})."
                self.send_error(audio_error("Unsupported", request["source"], text))

    def send(self, header: dict[str, Any], payload: Samples | None = None) -> None:
        size = 0 if payload is None else payload.nbytes
        _framing.write_all(self._out, _framing.pack({"id": self._id, **header}, size))
        if payload is not None and size:
            _framing.write_all(self._out, payload.data)

    def send_error(self, error: AudioError) -> None:
        self.send({"type": "error", "kind": error.kind, "message": error.message, "hint": error.hint})

    def check_cancelled(self) -> None:
        if self._poll.poll(0):
            request, _ = _framing.receive(self._in)
            if request["op"] == "cancel" and request["of"] == self._id:
                raise Cancelled

    def _answer(self, request: dict[str, Any], payload: bytearray) -> None:
        _fault(request["op"], request["source"])
        limits = Limits(**request["limits"])
        file, size, fd = _open(request, payload)
        with file:
            gate = Gate(request["source"], limits, size)
            gate.check_bytes()
            if request["op"] == "metadata":
                from auricle.audio._metadata import read_metadata

                self.send({"type": "end", "metadata": asdict(read_metadata(file, size))})
                return
            opened = _decode.Opened(request["source"], file, size, fd)
            try:
                gate.check_shape(opened.decoder.rate, opened.decoder.channels)
                if request["op"] == "probe":
                    self.send({"type": "end", "info": asdict(opened.info())})
                else:
                    self._decode(request, opened, gate)
            finally:
                opened.decoder.close()

    def _decode(self, request: dict[str, Any], opened: _decode.Opened, gate: Gate) -> None:
        decoder, mono = opened.decoder, bool(request["mono"])
        channels = 1 if mono else decoder.channels
        pipeline = Pipeline(decoder.rate, channels, request["rate"], request["start"], request["end"])
        self.send({"type": "start", "rate": pipeline.rate, "channels": channels, "first": pipeline.first_out})
        held: list[Samples] = []
        held_bytes, beat = 0, time.monotonic()
        try:
            for out in _decode.decoded(opened, gate, pipeline, mono):
                self.check_cancelled()
                if len(out):
                    held.append(out)
                    held_bytes += out.nbytes
                if held_bytes >= _FLUSH_BYTES or time.monotonic() - beat > _BEAT_SECONDS:
                    self._flush(held)
                    held, held_bytes, beat = [], 0, time.monotonic()
        finally:
            # what came before an error is sound all the same
            if held and not isinstance(sys.exception(), Cancelled):
                self._flush(held)
        self.send({"type": "end"})

    def _flush(self, held: list[Samples]) -> None:
        """Send ``[n, channels]`` pieces as one block ``[channels, n]``; an empty one says that work goes on."""
        if not held:
            self.send({"type": "alive"})
            return
        whole = held[0] if len(held) == 1 else np.concatenate(held)
        self.send({"type": "block", "n": len(whole)}, np.ascontiguousarray(whole.T, np.float32))


def _open(request: dict[str, Any], payload: bytearray) -> tuple[BinaryIO, int, int | None]:
    """The file (or the bytes sent along), its size, and its descriptor. Raises AudioError or OSError."""
    path = request.get("path")
    if path is None:
        return io.BytesIO(payload), len(payload), None
    # O_NONBLOCK: a named pipe without a writer must not hold the worker
    fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        status = os.fstat(fd)
        if stat.S_ISDIR(status.st_mode):
            raise audio_error("IsFolder", request["source"], "is a folder, not a file.")
        if not stat.S_ISREG(status.st_mode):
            raise audio_error("Unreadable", request["source"], "is a device or a pipe, not a file.", "Open it and pass the file object.")
        # unbuffered: libsndfile moves the position of the descriptor behind the back of the file object
        return cast(BinaryIO, open(fd, "rb", buffering=0)), status.st_size, fd
    except BaseException:
        os.close(fd)
        raise


def _fault(operation: str, source: str) -> None:
    """Crash or hang on purpose (tests only, see the module's docstring)."""
    wanted, _, part = os.environ.get("AURICLE_FAULT", "").partition("@")
    if not part or part not in source:
        return
    if wanted == f"{operation}:abort":
        os.abort()
    if wanted == f"{operation}:kill":
        os.kill(os.getpid(), signal.SIGKILL)
    if wanted == f"{operation}:hang":
        time.sleep(3600)


def _leave_with_parent(fd_in: int) -> None:
    """End this process when the parent closes its end of the pipe.

    Not by PR_SET_PDEATHSIG: that fires when the *thread* that started the worker ends, while the worker serves other threads.
    """

    def watch() -> None:
        poll = select.poll()
        poll.register(fd_in, 0)
        poll.poll()
        os._exit(0)

    threading.Thread(target=watch, daemon=True, name="parent-watch").start()


def _confine() -> None:
    for what, wanted in ((resource.RLIMIT_CORE, 0), (resource.RLIMIT_AS, ADDRESS_SPACE)):
        hard = resource.getrlimit(what)[1]
        soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(what, (soft, soft))


def main() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which then ends us
    fd_in, fd_out = os.dup(0), os.dup(1)
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 0)
    os.dup2(null, 1)  # whatever a library prints must not get between the messages
    _confine()
    _leave_with_parent(fd_in)
    try:
        Server(fd_in, fd_out).serve()
    except (EOFError, BrokenPipeError):
        os._exit(0)


if __name__ == "__main__":
    main()
