"""Sound out: WAV, FLAC, Ogg Vorbis and Opus, and what else libsndfile writes."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from auricle.audio._problems import os_problem, shown
from auricle.audio.types import Audio
from auricle.errors import AuricleError, UsageError

_FORMATS = {
    ".wav": ("WAV", "PCM_16"),
    ".flac": ("FLAC", "PCM_16"),
    ".ogg": ("OGG", "VORBIS"),
    ".oga": ("OGG", "VORBIS"),
    ".opus": ("OGG", "OPUS"),
    ".w64": ("W64", "PCM_16"),
    ".rf64": ("RF64", "PCM_16"),
    ".aiff": ("AIFF", "PCM_16"),
    ".aif": ("AIFF", "PCM_16"),
    ".caf": ("CAF", "PCM_16"),
}


def write(
    path: str | os.PathLike[str],
    audio: Audio | Iterable[Audio],
    *,
    format: str | None = None,
    subtype: str | None = None,
    overwrite: bool = False,
) -> None:
    """Write ``audio`` (one value, or blocks of one rate and channel count) to ``path``; the file appears when it is whole.

    format: libsndfile's name ("WAV", "FLAC", "OGG", …); by default that of the suffix. subtype: "PCM_16" by default, "PCM_24", "FLOAT",
    "VORBIS", "OPUS", … Samples beyond ±1 are clipped, except in float formats.
    Raises UsageError for an unknown format, a rate it cannot hold, no sound at all, or an existing file without ``overwrite``;
    AudioError (Missing, Denied, Unreadable) where the folder cannot be written to.
    """
    target = Path(path)
    name, kind = _chosen(target, format, subtype)
    if not overwrite and target.exists():
        raise UsageError(f"{shown(os.fspath(target))} exists already.", hint="Choose another name, or allow overwriting.")
    try:
        fd, temporary = tempfile.mkstemp(prefix=".auricle-", dir=target.parent)
        os.close(fd)
        try:
            _write_blocks(temporary, iter([audio] if isinstance(audio, Audio) else audio), name, kind)
            umask = os.umask(0)
            os.umask(umask)
            os.chmod(temporary, 0o666 & ~umask)  # mkstemp makes files that only their owner may read
            os.replace(temporary, target)
        except BaseException:
            os.unlink(temporary)
            raise
    except OSError as error:
        raise os_problem(os.fspath(target), error) from None


def _chosen(target: Path, format: str | None, subtype: str | None) -> tuple[str, str]:
    import soundfile

    suffix = target.suffix.lower()
    if format is None and suffix not in _FORMATS:
        raise UsageError(f"{suffix or 'a name without suffix'} is no format to write.", hint=f"Use one of {', '.join(sorted(_FORMATS))}.")
    name, default = _FORMATS[suffix] if format is None else (format.upper(), "")
    kind = (subtype or default or soundfile.default_subtype(name) or "").upper()
    if not soundfile.check_format(name, kind):
        raise UsageError(f"{name} cannot hold {kind or 'samples'}.", hint="Leave the subtype out, or use WAV or FLAC.")
    return name, kind


def _write_blocks(path: str, blocks: Iterator[Audio], name: str, kind: str) -> None:
    import soundfile

    first = next(blocks, None)
    if first is None:
        raise UsageError("There is no sound to write.", hint="Give at least one block.")
    try:
        with soundfile.SoundFile(path, "w", first.rate, first.channels, subtype=kind, format=name) as file:
            _write_one(file, first)
            for block in blocks:
                if (block.rate, block.channels) != (first.rate, first.channels):
                    raise UsageError("Blocks of one file must share rate and channels.", hint="Resample or mix them first.")
                _write_one(file, block)
    except soundfile.LibsndfileError as error:
        if error.code == 2:  # SF_ERR_SYSTEM
            raise AuricleError("The file could not be written.", hint="Check that the disk has room.") from None
        text = f"{name} {kind} cannot hold {first.channels} channels at {first.rate} Hz."
        raise UsageError(text, hint="Resample it, or write WAV.") from None


def _write_one(file: object, block: Audio) -> None:
    """In pieces of a second: libsndfile's Vorbis encoder overflows the stack on a minute at once."""
    for at in range(0, block.samples.shape[1], block.rate):
        file.write(block.samples[:, at : at + block.rate].T)  # type: ignore[attr-defined]
