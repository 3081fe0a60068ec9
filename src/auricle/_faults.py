"""Places where the world may fail, named. A no-op unless a test arms one.

``point("store.commit.before")`` stands where a disk may fill, a user may press Ctrl-C or the power may go. Tests arm a point with
:func:`arm`, or a child process through ``AURICLE_FAULT_POINTS="name:action@nth,…"``; actions: ``enospc``, ``eio``, ``interrupt``,
``crash`` (:class:`SimulatedCrash`) and ``kill`` (SIGKILL to this process).
"""

from __future__ import annotations

import errno
import os
import signal
import threading
from dataclasses import dataclass
from typing import Literal, get_args

Action = Literal["enospc", "eio", "interrupt", "crash", "kill"]

VARIABLE = "AURICLE_FAULT_POINTS"


class SimulatedCrash(BaseException):
    """The process is gone, as far as the code under test may tell: nothing may be saved or tidied up after it."""


@dataclass(slots=True)
class _Armed:
    action: Action
    left: int


_armed: dict[str, _Armed] = {}
_lock = threading.Lock()


def point(name: str) -> None:
    """Fail here if a test said so."""
    if not _armed:
        return
    with _lock:
        armed = _armed.get(name)
        if armed is None:
            return
        armed.left -= 1
        if armed.left > 0:
            return
        del _armed[name]
    _fail(name, armed.action)


def arm(name: str, action: Action, nth: int = 1) -> None:
    """Make the ``nth`` pass of ``name`` fail with ``action``, once."""
    if action not in get_args(Action) or nth < 1:
        raise ValueError(f"no such fault: {name}:{action}@{nth}")
    with _lock:
        _armed[name] = _Armed(action, nth)


def disarm() -> list[str]:
    """Forget all armed points; gives the names of those that never fired."""
    with _lock:
        left = sorted(_armed)
        _armed.clear()
    return left


def _fail(name: str, action: Action) -> None:
    if action == "enospc":
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), name)
    if action == "eio":
        raise OSError(errno.EIO, os.strerror(errno.EIO), name)
    if action == "interrupt":
        raise KeyboardInterrupt
    if action == "crash":
        raise SimulatedCrash(name)
    os.kill(os.getpid(), signal.SIGKILL)


def _arm_from_environment() -> None:
    for item in filter(None, os.environ.get(VARIABLE, "").split(",")):
        name, _, rest = item.partition(":")
        action, _, nth = rest.partition("@")
        if action not in get_args(Action):
            raise ValueError(f"{VARIABLE}: no such action: {action!r}")
        arm(name, action, int(nth or 1))  # type: ignore[arg-type]


_arm_from_environment()
