"""The most memory that this process held while something ran."""

from __future__ import annotations

import resource
import sys
from pathlib import Path
from types import TracebackType

_CLEAR, _STATUS = Path("/proc/self/clear_refs"), Path("/proc/self/status")


class Peak:
    """``bytes`` after the block: of the block alone on Linux, where the kernel's mark can be set back; of the process elsewhere."""

    def __init__(self) -> None:
        self.bytes: int | None = None

    def __enter__(self) -> Peak:
        try:
            _CLEAR.write_text("5")
        except OSError:
            return self
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        try:
            line = next(line for line in _STATUS.read_text().splitlines() if line.startswith("VmHWM:"))
            self.bytes = int(line.split()[1]) * 1024
        except (OSError, StopIteration, ValueError):
            most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            self.bytes = most if sys.platform == "darwin" else most * 1024
