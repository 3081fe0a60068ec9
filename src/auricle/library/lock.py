"""One writer at a time: an advisory lock on ``<library>/lock``. The kernel drops it when its process ends, however it ends."""

from __future__ import annotations

import os
import sys
import threading
import time
from pathlib import Path

from auricle.errors import LibraryError

POLL_SECONDS = 0.1


class WriterLock:
    """Held from construction to :meth:`release`.

    wait: keep trying until the other writer is done (or ``stop`` is set); else raise LibraryError Busy, which names its process.
    """

    def __init__(self, folder: Path, *, wait: bool = False, stop: threading.Event | None = None) -> None:
        path = folder / "lock"
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o644)
        try:
            while not _try_lock(self._descriptor):
                if not wait or (stop is not None and stop.is_set()):
                    raise _busy(folder, _read_pid(self._descriptor))
                time.sleep(POLL_SECONDS)
            os.ftruncate(self._descriptor, 0)
            os.lseek(self._descriptor, 0, os.SEEK_SET)
            os.write(self._descriptor, f"{os.getpid()}\n".encode())
        except BaseException:
            os.close(self._descriptor)
            raise

    def release(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


def _busy(folder: Path, pid: str) -> LibraryError:
    who = f" (pid {pid})" if pid else ""
    return LibraryError("Busy", f"Another `auricle index`{who} is writing to {folder}.", hint="Wait for it, or run with --wait.")


def _read_pid(descriptor: int) -> str:
    os.lseek(descriptor, 0, os.SEEK_SET)
    text = os.read(descriptor, 32).decode("ascii", "ignore").strip()
    return text if text.isdigit() else ""


if sys.platform == "win32":
    import msvcrt

    def _try_lock(descriptor: int) -> bool:
        os.lseek(descriptor, 1 << 20, os.SEEK_SET)  # beyond the text, which others may read
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True
else:
    import fcntl

    def _try_lock(descriptor: int) -> bool:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True
