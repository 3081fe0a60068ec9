"""Each bad input of the kind that real libraries hold, made on the spot: ``{name: Bad(path, kind)}``.

``kind`` is the ``AudioErrorKind`` with which it must be refused, or None where it must be heard (odd, but sound).
"""

from __future__ import annotations

import os
import struct
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import soundfile

RATE = 16_000


class Bad(NamedTuple):
    path: str
    kind: str | None


def make_all(folder: Path, *, without: tuple[str, ...] = ()) -> dict[str, Bad]:
    """Every bad input, in ``folder``. The bomb takes a second or two; leave it out with ``without=("bomb",)``."""
    made = {}
    for name, (maker, kind) in MAKERS.items():
        if name not in without:
            made[name] = Bad(os.fspath(maker(folder)), kind)
    if "denied" in made and os.access(made["denied"].path, os.R_OK):  # root reads everything
        made["denied"] = Bad(made["denied"].path, None)
    return made


def tone(seconds: float = 1.0, rate: int = RATE) -> np.ndarray:
    return (0.3 * np.sin(2 * np.pi * 440 * np.arange(round(seconds * rate)) / rate)).astype(np.float32)


def missing(folder: Path) -> Path:
    return folder / "missing.wav"


def a_folder(folder: Path) -> Path:
    path = folder / "folder.wav"
    path.mkdir()
    return path


def empty(folder: Path) -> Path:
    path = folder / "empty.wav"
    path.write_bytes(b"")
    return path


def text(folder: Path) -> Path:
    path = folder / "text.wav"
    path.write_text("Dear diary, it rained all day.\n" * 40)
    return path


def truncated_mp3(folder: Path) -> Path:
    """The first 40 % of an MP3 whose Xing header promises the rest."""
    import av

    whole = folder / "whole.mp3"
    with av.open(str(whole), "w", format="mp3") as container:
        stream = container.add_stream("libmp3lame", rate=44_100)
        stream.layout = "mono"
        frame = av.AudioFrame.from_ndarray(tone(10, 44_100)[None, :], format="fltp", layout="mono")
        frame.sample_rate, frame.pts = 44_100, 0
        resampler = av.AudioResampler(format=stream.format.name, layout="mono", rate=44_100, frame_size=stream.frame_size or 1152)
        for ready in [*resampler.resample(frame), *resampler.resample(None)]:
            container.mux(stream.encode(ready))
        container.mux(stream.encode(None))
    data = whole.read_bytes()
    whole.unlink()
    path = folder / "truncated.mp3"
    path.write_bytes(data[: len(data) * 2 // 5])
    return path


def lying_header(folder: Path) -> Path:
    """A WAV header that promises an hour over one second of samples."""
    pcm = (tone() * 32767).astype("<i2").tobytes()
    claimed = RATE * 2 * 3600
    path = folder / "lying.wav"
    fmt = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, RATE, RATE * 2, 2, 16)
    path.write_bytes(struct.pack("<4sI4s", b"RIFF", 36 + claimed, b"WAVE") + fmt + struct.pack("<4sI", b"data", claimed) + pcm)
    return path


def no_samples(folder: Path) -> Path:
    path = folder / "no_samples.wav"
    soundfile.write(path, np.zeros(0, np.float32), RATE)
    return path


def not_a_number(folder: Path) -> Path:
    samples = tone()
    samples[RATE // 2 :] = np.nan
    path = folder / "nan.wav"
    soundfile.write(path, samples, RATE, subtype="FLOAT")
    return path


def silence(folder: Path) -> Path:
    path = folder / "silence.wav"
    soundfile.write(path, np.zeros(3 * RATE, np.float32), RATE)
    return path


def a_tenth_of_a_second(folder: Path) -> Path:
    path = folder / "short.wav"
    soundfile.write(path, tone(0.1), RATE)
    return path


def denied(folder: Path) -> Path:
    path = folder / "denied.wav"
    soundfile.write(path, tone(), RATE)
    path.chmod(0)
    return path


def symlink_loop(folder: Path) -> Path:
    path, other = folder / "loop.wav", folder / "loop_back.wav"
    path.symlink_to(other)
    other.symlink_to(path)
    return path


def not_utf8(folder: Path) -> str:
    path = os.path.join(os.fsencode(folder), b"caf\xe9 \xff.wav")
    soundfile.write(folder / "plain.wav", tone() * 0.5, RATE)  # not the bytes of another file here, or it would be one of its copies
    os.replace(folder / "plain.wav", path)
    return os.fsdecode(path)


def bomb(folder: Path) -> Path:
    """Silence that FLAC packs more than 2,000 : 1: tens of kilobytes become 370 MB of float samples."""
    path = folder / "bomb.flac"
    channels, rate, seconds = 8, 48_000, 240
    second = np.zeros((rate, channels), np.int16)
    with soundfile.SoundFile(path, "w", rate, channels, "PCM_16") as file:
        for _ in range(seconds):
            file.write(second)
    assert channels * rate * seconds * 4 > 2000 * path.stat().st_size
    return path


MAKERS: dict[str, tuple[Callable[[Path], str | Path], str | None]] = {
    "missing": (missing, "Missing"),
    "folder": (a_folder, "IsFolder"),
    "empty": (empty, "Empty"),
    "text": (text, "NotAudio"),
    "truncated_mp3": (truncated_mp3, "Truncated"),
    "lying_header": (lying_header, "Truncated"),
    "no_samples": (no_samples, "Empty"),
    "nan": (not_a_number, "NonFinite"),
    "silence": (silence, None),
    "short": (a_tenth_of_a_second, None),
    "denied": (denied, "Denied"),
    "symlink_loop": (symlink_loop, "Missing"),
    "not_utf8": (not_utf8, None),
    "bomb": (bomb, "TooLarge"),
}
