"""The moment itself as a sound file: only its span is decoded; rate and channels stay those of the recording."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path, PurePath
from typing import TYPE_CHECKING

import numpy as np

from auricle import audio
from auricle.errors import AudioError, AuricleError, UsageError
from auricle.formats._rows import Moment, moment_of, seconds
from auricle.formats._writing import refuse_to_overwrite, safe_name, unique
from auricle.results import readable

if TYPE_CHECKING:
    from auricle.audio import Audio

SOUNDS = ("wav", "flac", "ogg")
_DEEPER = {"pcm_s24": "PCM_24", "pcm_s32": "PCM_24", "pcm_f32": "FLOAT", "pcm_f64": "FLOAT"}  # codec → subtype of WAV


def export_moment(
    hit: object,
    out: str | os.PathLike[str],
    *,
    format: str | None = None,
    pad: float = 0.0,
    fade: float = 0.0,
    overwrite: bool = False,
) -> Path:
    """Write one moment to a sound file and give back its path.

    hit:    a ``results.Hit``, a mapping or object with path, start and end, or ``(path, start, end)``; seconds.
    out:    a file, or a folder (made when missing) in which it is called ``<recording>_<start>-<end>.<format>``.
    format: "wav" (default; 24 bits or float where the recording has them), "flac" or "ogg"; by default that of the suffix of ``out``.
    pad:    seconds of the recording around the moment; fade: seconds of linear fade in and out.

    Raises UsageError for an unknown format, an impossible pad or fade, an existing file without ``overwrite``; AudioError when the
    recording cannot be heard or holds nothing there.
    """
    moment = moment_of(hit)
    kind = _kind(format, Path(out))
    if not (0 <= pad < float("inf") and 0 <= fade < float("inf")):
        raise UsageError("pad and fade must be seconds, 0 or more.", hint="Leave them out for the bare moment.")
    target = _target(moment, Path(out), kind)
    if not overwrite:
        refuse_to_overwrite(target)
    sound = _heard(moment, pad)
    audio.write(target, _faded(sound, fade), format=kind.upper(), subtype=_subtype(moment.path, kind), overwrite=overwrite)
    return target


def targets(hits: Sequence[object], folder: str | os.PathLike[str], format: str = "wav") -> list[Path]:
    """A file in ``folder`` for each of many moments: no two alike, even where recordings of one name meet."""
    _kind(format, Path(folder))
    return [Path(folder) / f"{name}.{format}" for name in unique([_name(moment_of(hit)) for hit in hits])]


def _kind(format: str | None, out: Path) -> str:
    kind = (format or (out.suffix[1:] if out.suffix[1:].lower() in SOUNDS else "wav")).lower()
    if kind not in SOUNDS:
        raise UsageError(f"a moment cannot be written as {kind!r}.", hint=f"Choose {', '.join(SOUNDS[:-1])} or {SOUNDS[-1]}.")
    return kind


def _target(moment: Moment, out: Path, kind: str) -> Path:
    if out.suffix.lower() == f".{kind}" and not out.is_dir():
        return out
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise AuricleError(f"{readable(str(out))} cannot be made a folder: {error.strerror}.", hint="Name another folder.") from None
    return out / f"{safe_name(_name(moment))}.{kind}"


def _name(moment: Moment) -> str:
    span = f"_{seconds(round(moment.start, 3))}-{seconds(round(moment.end, 3))}"
    stem = safe_name(PurePath(moment.path).stem)
    while len(f"{stem}{span}".encode()) > 200:  # a long name must not lose its times
        stem = stem[:-1]
    return stem + span


def _heard(moment: Moment, pad: float) -> Audio:
    sound = audio.open(moment.path, start=max(0.0, moment.start - pad), end=moment.end + pad, limits=audio.Limits.stream())
    if not sound.samples.shape[1]:
        text = f"{readable(moment.path)} holds no sound from {seconds(moment.start)} to {seconds(moment.end)} s."
        hint = "It may have changed since it was indexed: run `auricle index` again."
        raise AudioError("Empty", moment.path, text, hint=hint)
    return sound


def _faded(sound: Audio, fade: float) -> Audio:
    n = min(round(fade * sound.rate), sound.samples.shape[1] // 2)
    if n == 0:
        return sound
    samples = np.array(sound.samples)
    ramp = np.arange(n, dtype=np.float32) / n
    samples[:, :n] *= ramp
    samples[:, -n:] *= ramp[::-1]
    return audio.Audio(samples, sound.rate, sound.source, sound.offset)


def _subtype(path: str, kind: str) -> str:
    """Enough bits for what the recording has."""
    if kind == "ogg":
        return "VORBIS"
    deeper = next((subtype for codec, subtype in _DEEPER.items() if audio.probe(path).codec.startswith(codec)), "PCM_16")
    return "PCM_24" if kind == "flac" and deeper == "FLOAT" else deeper
