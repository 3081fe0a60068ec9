"""Messages between this process and a worker: ``<I header bytes><Q payload bytes><header: JSON><payload: raw bytes>``."""

from __future__ import annotations

import json
import os
import struct
from collections.abc import Callable
from typing import Any

PREFIX = struct.Struct("<IQ")
MAX_HEADER = 16 << 20
Buffer = bytes | bytearray | memoryview


def pack(header: dict[str, Any], payload_bytes: int = 0) -> bytes:
    """Prefix and header; a path that is not UTF-8 passes as escaped surrogates."""
    text = json.dumps(header, ensure_ascii=True).encode("ascii")
    return PREFIX.pack(len(text), payload_bytes) + text


def write_all(fd: int, data: Buffer, wait: Callable[[], None] | None = None) -> None:
    """Write everything; ``wait`` is called when a non-blocking pipe is full. Raises BrokenPipeError if the other end is gone."""
    view = memoryview(data).cast("B")
    while len(view):
        try:
            view = view[os.write(fd, view) :]
        except BlockingIOError:
            if wait is None:
                raise
            wait()


def read_exactly(fd: int, size: int, wait: Callable[[], None] | None = None) -> bytearray:
    """Read ``size`` bytes; ``wait`` is called before each read that may have to wait. Raises EOFError at the end."""
    data = bytearray(size)
    view = memoryview(data)
    done = 0
    while done < size:
        if wait is not None:
            wait()
        got = os.readv(fd, [view[done:]])
        if got == 0:
            raise EOFError
        done += got
    return data


def receive(fd: int, wait: Callable[[], None] | None = None) -> tuple[dict[str, Any], bytearray]:
    """The next message. Raises EOFError when the other end is gone, ValueError when the bytes are no message."""
    header_bytes, payload_bytes = PREFIX.unpack(read_exactly(fd, PREFIX.size, wait))
    if header_bytes > MAX_HEADER:
        raise ValueError("not a message")
    header = json.loads(bytes(read_exactly(fd, header_bytes, wait)))
    return header, read_exactly(fd, payload_bytes, wait) if payload_bytes else bytearray()
