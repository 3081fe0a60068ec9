"""Clips as samples: recordings out of pinned Debian packages, SoundFont keys, scores, and speech. float32 ``[n, 2]`` at 44.1 kHz."""

from __future__ import annotations

import hashlib
import re
import struct
import subprocess
import tempfile
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import soundfile
import soxr

RATE = 44_100
Stereo = npt.NDArray[np.float32]
SEMITONES = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
DRUM_CHANNEL = 9


class Packages:
    """Downloads, checks and unpacks Debian packages into a cache folder."""

    def __init__(self, pins: dict[str, dict[str, str]], cache: Path) -> None:
        self.pins, self.cache = pins, cache
        cache.mkdir(parents=True, exist_ok=True)

    def root(self, name: str) -> Path:
        """The folder that holds the unpacked package; downloaded and verified when it is not there yet."""
        pin = self.pins[name]
        root = self.cache / f"{name}_{pin['sha256'][:12]}"
        if not root.exists():
            deb = self._download(name, pin["version"])
            digest = hashlib.sha256(deb.read_bytes()).hexdigest()
            if digest != pin["sha256"]:
                raise SystemExit(f"{name}={pin['version']}: sha256 is {digest}, not {pin['sha256']}")
            staged = root.with_suffix(".part")
            subprocess.run(["dpkg-deb", "-x", str(deb), str(staged)], check=True)
            staged.rename(root)
        return root

    def _download(self, name: str, version: str) -> Path:
        found = list(self.cache.glob(f"{name}_*.deb"))
        if not found:
            subprocess.run(["apt-get", "download", "-q", f"{name}={version}"], cwd=self.cache, check=True)
            found = list(self.cache.glob(f"{name}_*.deb"))
        return found[0]


def stereo(samples: npt.NDArray[Any], rate: int) -> Stereo:
    """Any soundfile array as ``[n, 2]`` at :data:`RATE`."""
    samples = np.asarray(samples, dtype=np.float32)
    if samples.ndim == 1:
        samples = samples[:, None]
    samples = np.repeat(samples, 2, axis=1) if samples.shape[1] == 1 else samples[:, :2]
    return samples if rate == RATE else np.asarray(soxr.resample(samples, rate, RATE), dtype=np.float32)


def clip_samples(clip: dict[str, Any], packages: Packages) -> Stereo:
    if "voice" in clip:
        return speak(clip["text"], clip["voice"])
    if "score" in clip:
        font = packages.root(clip["package"]) / clip["folder"] / clip["file"]
        return fluidsynth(midi(clip["score"], clip["bpm"]), font, clip.get("reverb", True))
    path = packages.root(clip["package"]) / clip["folder"] / clip["file"]
    if "preset" in clip:
        tick = 60.0 / 120.0
        track = {"bank": clip["bank"], "preset": clip["preset"], "notes": f"#{clip['key']}:{clip['seconds'] / tick}@110"}
        return trim(fluidsynth(midi([track], 120), path, reverb=False)[: round(clip["seconds"] * RATE)])
    if "index" in clip:
        return stereo(*soundfile.read(BytesIO(opensfx(path.read_bytes(), clip["index"])), dtype="float32", always_2d=True))
    return stereo(*soundfile.read(path, dtype="float32", always_2d=True))


def opensfx(container: bytes, index: int) -> bytes:
    """One WAV out of OpenTTD's sound container: a table of (offset, size), then a length-prefixed name before each sound."""
    offset, size = struct.unpack_from("<II", container, index * 8)
    offset &= 0x7FFFFFFF
    start = offset + 1 + container[offset]
    return container[start : start + size]


def speak(text: str, voice: str) -> Stereo:
    with tempfile.TemporaryDirectory() as folder:
        wav = Path(folder) / "speech.wav"
        subprocess.run(["flite", "-voice", voice, "-t", text, "-o", str(wav)], check=True)
        samples, rate = soundfile.read(wav, dtype="float32", always_2d=True)
    return stereo(samples, rate)


def fluidsynth(midi_file: bytes, font: Path, reverb: bool = True) -> Stereo:
    with tempfile.TemporaryDirectory() as folder:
        score, wav = Path(folder) / "score.mid", Path(folder) / "out.wav"
        score.write_bytes(midi_file)
        effect = "1" if reverb else "0"
        options = f"-ni -q -r {RATE} -g 0.6 -R {effect} -C 0 -o synth.midi-bank-select=gs -F".split()
        subprocess.run(["fluidsynth", *options, str(wav), str(font), str(score)], check=True, capture_output=True)
        samples, rate = soundfile.read(wav, dtype="float32", always_2d=True)
    return stereo(samples, rate)


def trim(samples: Stereo, floor: float = 1e-3) -> Stereo:
    """Without the near-silence before the first and after the last sound."""
    loud = np.flatnonzero(np.abs(samples).max(axis=1) > floor * np.abs(samples).max())
    return samples[loud[0] : loud[-1] + 1] if loud.size else samples


# ------------------------------------------------------------------------------------------------------------- scores


def midi(tracks: list[dict[str, Any]], bpm: float, ticks: int = 480) -> bytes:
    """A format 0 MIDI file. A track: ``preset``, ``bank`` (0), ``drums`` (false), and ``notes`` in the grammar of :func:`parse_notes`."""
    events: list[tuple[int, int, bytes]] = []
    for number, track in enumerate(tracks):
        channel = DRUM_CHANNEL if track.get("drums") else number
        setup = bytes([0xB0 | channel, 0, track.get("bank", 0)]), bytes([0xC0 | channel, track["preset"]])
        events += [(0, order, message) for order, message in enumerate(setup)]
        for start, beats, key, velocity in parse_notes(track["notes"]):
            events.append((round(start * ticks), 3, bytes([0x90 | channel, key, velocity])))
            events.append((round((start + beats) * ticks), 2, bytes([0x80 | channel, key, 0])))
    body = b"\x00\xff\x51\x03" + round(60e6 / bpm).to_bytes(3, "big")
    last = 0
    for tick, _, message in sorted(events):
        body += variable_length(tick - last) + message
        last = tick
    body += variable_length(ticks) + b"\xff\x2f\x00"
    return b"MThd" + struct.pack(">IHHH", 6, 0, 1, ticks) + b"MTrk" + struct.pack(">I", len(body)) + body


def parse_notes(notes: str) -> list[tuple[float, float, int, int]]:
    """``"C4+E4:2@70 -:1 #60:0.5"`` (names or #keys, joined by +; beats; velocity) as (start, beats, key, velocity); ``|`` is ignored."""
    start, velocity, out = 0.0, 80, []
    for token in notes.split():
        if token == "|":
            continue
        match = re.fullmatch(r"([^:@]+):([\d.]+)(?:@(\d+))?", token)
        if not match:
            raise SystemExit(f"not a note: {token!r}")
        beats = float(match[2])
        velocity = int(match[3]) if match[3] else velocity
        if match[1] != "-":
            out += [(start, beats, key_of(name), velocity) for name in match[1].split("+")]
        start += beats
    return out


def key_of(name: str) -> int:
    if name.startswith("#"):
        return int(name[1:])
    letter, accidental, octave = re.fullmatch(r"([A-G])([#b]?)(\d)", name).groups()  # type: ignore[union-attr]
    return 12 * (int(octave) + 1) + SEMITONES[letter] + {"": 0, "#": 1, "b": -1}[accidental]


def variable_length(value: int) -> bytes:
    out = [value & 0x7F]
    while value := value >> 7:
        out.insert(0, (value & 0x7F) | 0x80)
    return bytes(out)
