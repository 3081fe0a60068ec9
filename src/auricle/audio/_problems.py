"""How an input that cannot be heard is told: one line that names the file once, and the way out."""

from __future__ import annotations

import errno
import os

from auricle.errors import AudioError, AudioErrorKind

_HINTS: dict[AudioErrorKind, str] = {
    "Missing": "Check the path and that the drive is mounted.",
    "IsFolder": "Name a file inside it, or index the folder.",
    "Denied": "Check who may read it, e.g. with `ls -l`.",
    "Empty": "Record or copy it again.",
    "NotAudio": "Check that it is a sound file, whatever its name ends with.",
    "Unsupported": "Re-export it as WAV or FLAC.",
    "Truncated": "Copy it again from its origin, or re-export what is left of it as WAV or FLAC.",
    "TooLarge": "Cut it into shorter files, or raise the limits.",
    "NonFinite": "Re-export it with finite samples, e.g. as 24-bit WAV.",
    "Crashed": "Re-export it as WAV or FLAC.",
    "Timeout": "Check that the drive answers, or re-export it as WAV or FLAC.",
    "Unreadable": "Check the drive and the connection, then try again.",
}


def audio_error(kind: AudioErrorKind, source: str, text: str, hint: str | None = None) -> AudioError:
    """An :class:`AudioError` whose message is ``<source>: <text>`` on one line; the hint defaults to that of the kind."""
    return AudioError(kind, source, f"{shown(source)}: {_one_line(text)}", hint=_HINTS[kind] if hint is None else hint)


def os_problem(source: str, error: OSError) -> AudioError:
    """The error of the operating system, as one of our kinds."""
    if isinstance(error, FileNotFoundError) or error.errno == errno.ENOTDIR:
        return audio_error("Missing", source, "there is no such file.")
    if error.errno == errno.ELOOP:
        return audio_error("Missing", source, "is a symbolic link that leads in a circle.", "Remove or repair the link.")
    if isinstance(error, IsADirectoryError):
        return audio_error("IsFolder", source, "is a folder, not a file.")
    if isinstance(error, PermissionError):
        return audio_error("Denied", source, "may not be read by this user.")
    if error.errno == errno.ENAMETOOLONG:
        return audio_error("Missing", source, "has a name longer than the file system allows.", "Check the path.")
    return audio_error("Unreadable", source, f"could not be read ({error.strerror or error}).")


def shown(source: str) -> str:
    """The name as one printable line: undecodable bytes become U+FFFD, control characters are escaped."""
    text = os.fsencode(source).decode("utf-8", "replace")
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


def clock(seconds: float) -> str:
    """``3:12``, ``1:02:03``; under ten seconds ``4.25 s``."""
    if seconds < 10:
        return f"{seconds:.2f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def _one_line(text: str) -> str:
    return " ".join(text.split())
