"""The exception tree. Every error carries one clear line and, where there is one, the way out.

AuricleError                exit code 3 unless said otherwise
├── UsageError              2   the call itself is wrong (empty labels, unknown format, bad --where)
├── AudioError              1   this input cannot be heard; ``kind`` says why, ``path`` says which
├── ModelError              3   the model is missing, damaged, or lacks the capability asked for
├── DataError           3   a manifest, shard or set is missing, damaged or wrong; ``path`` and ``line`` say where
└── LibraryError            3   the library is missing, damaged, busy, or bound to another model
"""

from __future__ import annotations

from typing import Literal

AudioErrorKind = Literal[
    "Missing",  # no such file, or a symlink loop
    "IsFolder",  # a folder where a file is meant
    "Denied",  # permission refused
    "Empty",  # zero bytes, or a container that holds no samples
    "NotAudio",  # the bytes are no audio that we know
    "Unsupported",  # audio, but a codec, rate or channel count beyond what is supported
    "Truncated",  # the file ends before what its header promises
    "TooLarge",  # over a limit of the gate: bytes, seconds, decoded bytes
    "NonFinite",  # float samples that are NaN or infinite
    "Crashed",  # the decoder process died on this input
    "Timeout",  # the decoder made no progress in time
    "Unreadable",  # the operating system failed to read it (I/O error, vanished while reading)
]

LibraryErrorKind = Literal["NotALibrary", "OtherModel", "Busy", "Corrupt", "DiskFull", "ReadOnly", "Newer", "NotFound"]

ModelErrorKind = Literal["Missing", "Damaged", "Unsupported", "Capability", "Network", "DiskFull"]

DataErrorKind = Literal["Missing", "Damaged", "Invalid", "Duplicate", "Overlap"]


class AuricleError(Exception):
    """Base of all errors raised on purpose. ``hint`` is the way out, in one sentence."""

    exit_code = 3
    kind: str = "Error"

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".strip()


class UsageError(AuricleError):
    """The call is wrong; nothing was done."""

    exit_code = 2
    kind = "Usage"


class AudioError(AuricleError):
    """One input cannot be heard. The rest of a batch goes on."""

    exit_code = 1

    def __init__(self, kind: AudioErrorKind, path: str, message: str, *, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.kind = kind
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return (_rebuild_audio_error, (self.kind, self.path, self.message, self.hint))


def _rebuild_audio_error(kind: AudioErrorKind, path: str, message: str, hint: str) -> AudioError:
    return AudioError(kind, path, message, hint=hint)


class ModelError(AuricleError):
    """The model cannot do what was asked."""

    def __init__(self, kind: ModelErrorKind, message: str, *, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.kind = kind


class LibraryError(AuricleError):
    """The library cannot be used as asked; its committed content is untouched."""

    def __init__(self, kind: LibraryErrorKind, message: str, *, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.kind = kind


class DataError(AuricleError):
    """Data to learn from or to measure on cannot be used. ``path`` and ``line`` (0: the whole file) say where."""

    def __init__(self, kind: DataErrorKind, message: str, *, path: str = "", line: int = 0, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.kind = kind
        self.path = path
        self.line = line
