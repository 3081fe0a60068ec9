"""Sound that is made here: speech by espeak-ng and flite, music by fluidsynth. Truth is exact, because it is written first."""

from __future__ import annotations

import random
import struct
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import soundfile as sf
from clips import HALVES, Clip, seeded

TICKS = 480  # per beat
RATE = 44100
GAP = 3.0  # seconds of silence between pieces, for their tails
SCALES = {"major": (0, 2, 4, 5, 7, 9, 11), "minor": (0, 2, 3, 5, 7, 8, 10)}
DRUM_KEYS = {"k": 36, "s": 38, "h": 42, "o": 46, "r": 51, "t": 45, "c": 49}
SLOW, FAST = 72, 150  # beats per minute


@dataclass(frozen=True)
class Note:
    channel: int
    key: int
    start: float  # beats
    length: float
    velocity: int = 90


@dataclass(frozen=True)
class Piece:
    name: str
    notes: tuple[Note, ...]
    bpm: float
    programmes: tuple[tuple[int, int], ...]  # (channel, programme)
    concepts: tuple[str, ...]
    maybe: tuple[str, ...]

    @property
    def seconds(self) -> float:
        return max(n.start + n.length for n in self.notes) * 60 / self.bpm


def render_speech(speech: Mapping[str, Any], cache: Path) -> list[Clip]:
    """Every text in one voice of its half (two for every third text), the foreign and the whispered lines in theirs."""
    folder = cache / "speech"
    folder.mkdir(parents=True, exist_ok=True)
    clips: list[Clip] = []
    for half in HALVES:
        voices = speech["voices"][half]
        for index, item in enumerate(speech["texts"][half]):
            for take in range(2 if index % 3 == 0 else 1):
                voice = voices[(index + 2 * take) % len(voices)]
                concepts = ("english", *voice["concepts"].split(), *([item["matter"]] if item["matter"] != "speech" else []))
                name = f"{item['title']}-{voice['voice']}"
                path = _speak(voice["engine"], voice["voice"], item["text"], folder / f"{name}.wav")
                clips.append(_spoken(name, path, concepts, f"speech:{item['title']}", half, item["title"], item["text"]))
        for item in speech["foreign"][half]:
            path = _speak("espeak-ng", item["voice"], item["text"], folder / f"foreign-{half}-{item['voice']}.wav")
            concepts = (item["language"], "computer-voice")
            name = f"{item['language']}-{half}"
            clips.append(_spoken(name, path, concepts, f"speech:{name}", half, f"{item['language']} lesson", item["text"]))
        item = speech["whisper"][half]
        path = _speak("espeak-ng", item["voice"], item["text"], folder / f"whisper-{half}.wav")
        clips.append(_spoken(f"whisper-{half}", path, ("english", "whispering"), f"speech:whisper-{half}", half, "secret", item["text"]))
    return clips


def _spoken(name: str, path: Path, concepts: Sequence[str], family: str, half: str, title: str, text: str) -> Clip:
    return Clip(f"speech:{name}", "rendered-speech", path, tuple(concepts), (), family, half, title, text)


def _speak(engine: str, voice: str, text: str, path: Path) -> Path:
    if path.exists():
        return path
    partial = path.with_suffix(".part.wav")
    if engine == "flite":
        command = ["flite", "-voice", voice, "-t", text, "-o", str(partial)]
    else:
        command = ["espeak-ng", "-v", voice, "-s", "150", "-w", str(partial), text]
    subprocess.run(command, check=True, capture_output=True)
    partial.replace(path)
    return path


def render_music(music: Mapping[str, Any], folders: Mapping[str, Path], cache: Path) -> list[Clip]:
    """Solo pieces, ensembles and drum patterns, each from one font for a half and from the other font for the other half."""
    folder = cache / "music"
    folder.mkdir(parents=True, exist_ok=True)
    fonts = sorted(music["fonts"])
    clips: list[Clip] = []
    for font in fonts:
        pieces = [(p, half) for half in HALVES for p in _pieces(music, half) if _font(p, half, fonts) == font]
        spec = music["fonts"][font]
        path = folders[spec["package"]] / spec["path"]
        outs = [folder / f"{half}-{piece.name}.flac" for piece, half in pieces]
        if not all(out.exists() for out in outs):
            _render([p for p, _ in pieces], path, outs, folder / f"{font}.mid")
        for (piece, half), out in zip(pieces, outs, strict=True):
            key = f"music:{half}-{piece.name}"
            clips.append(Clip(key, spec["package"], out, piece.concepts, piece.maybe, key, half, piece.name))
    return clips


def _font(piece: Piece, half: str, fonts: Sequence[str]) -> str:
    """Which font plays it: by the first programme's parity, exchanged for the other half."""
    first = piece.programmes[0][1] if piece.programmes else seeded(piece.name)
    return fonts[(first + HALVES.index(half)) % 2]


def _pieces(music: Mapping[str, Any], half: str) -> Iterator[Piece]:
    forms = music["pieces"]
    for order, (programme, concept) in enumerate(sorted(music["programmes"].items())):
        for turn in range(2):
            form = forms[(2 * order + 3 * turn + HALVES.index(half)) % len(forms)]
            rng = random.Random(seeded(f"{half} {programme} {turn}"))
            notes = tuple(_part(form["form"], 0, concept, rng))
            name = f"{concept}_{_mood(form)}{form['form']}_{programme:03d}"
            yield Piece(name, notes, form["bpm"], ((0, programme),), (concept, form["form"], *_tempo(form["bpm"])), ())
    for spec in music["ensembles"]:
        yield _ensemble(spec, music, half)
    for name, spec in music["drums"].items():
        bars = 4 if spec["bpm"] > 80 else 2
        notes = tuple(_drums(spec["steps"], bars))
        present = ["drum-loop", *_tempo(spec["bpm"])]
        yield Piece(f"drum_loop_{name}", notes, spec["bpm"], (), tuple(present), ("drum", "cymbal"))


def _ensemble(spec: Mapping[str, Any], music: Mapping[str, Any], half: str) -> Piece:
    rng = random.Random(seeded(f"{half} {spec['name']}"))
    notes: list[Note] = []
    concepts = ["ensemble", *_tempo(spec["bpm"])]
    key, scale = rng.choice((57, 60, 62, 64)), rng.choice(tuple(SCALES))
    for channel, (programme, role) in enumerate(spec["parts"]):
        concept = music["programmes"][programme]
        concepts.append(concept)
        notes += _part(role, channel, concept, rng, beats=16, key=key, scale=scale)
    if "drums" in spec:
        concepts.append("drum-loop")
        notes += _drums(music["drums"][spec["drums"]]["steps"], 4)
    programmes = tuple((i, part[0]) for i, part in enumerate(spec["parts"]))
    return Piece(spec["name"], tuple(notes), spec["bpm"], programmes, tuple(concepts), ("form", "drum", "cymbal"))


def _mood(form: Mapping[str, Any]) -> str:
    return {"slow-tempo": "slow_", "fast-tempo": "fast_"}.get("".join(_tempo(form["bpm"])), "") if form["form"] != "single-note" else ""


def _tempo(bpm: float) -> list[str]:
    return ["slow-tempo"] if bpm <= SLOW else ["fast-tempo"] if bpm >= FAST else []


def _part(
    role: str, channel: int, concept: str, rng: random.Random, beats: int = 12, key: int | None = None, scale: str | None = None
) -> Iterator[Note]:
    """One voice. Register: low instruments play an octave or two down, small ones up."""
    steps = SCALES[scale or rng.choice(tuple(SCALES))]
    base = (key or rng.choice((57, 60, 62, 64))) + _register(concept)
    degree = rng.randrange(5)

    def pitch(n: int) -> int:
        return base + 12 * (n // 7) + steps[n % 7]

    if role == "single-note":
        yield Note(channel, pitch(degree), 0, 4)
    elif role == "chords":
        for bar in range(beats // 4):
            root = rng.choice((0, 3, 4, 5))
            for offset in (0, 2, 4):
                yield Note(channel, pitch(root + offset), 4 * bar, 3.8, 76)
    elif role == "arpeggio":
        for half_beat in range(2 * beats):
            root = (0, 3, 4, 0)[(half_beat // 8) % 4]
            yield Note(channel, pitch(root + (0, 2, 4, 7)[half_beat % 4]), half_beat / 2, 0.45)
    elif role == "bass":
        for beat in range(beats):
            root = (0, 3, 4, 0)[(beat // 4) % 4]
            yield Note(channel, base - 12 + steps[root % 7] - (12 if base > 55 else 0), beat, 0.9)
    else:
        at = 0.0
        while at < beats:
            length = rng.choice((0.5, 0.5, 1.0, 1.0, 2.0))
            degree = max(-3, min(9, degree + rng.choice((-2, -1, -1, 0, 1, 1, 2))))
            yield Note(channel, pitch(degree), at, 0.92 * length)
            at += length


_LOW = {"cello", "bassoon", "trombone", "timpani", "saxophone"}
_VERY_LOW = {"contrabass", "tuba", "bass-guitar", "double-bass", "synth-bass", "taiko"}
_HIGH = {"piccolo", "glockenspiel", "music-box", "celesta", "xylophone", "tin-whistle", "recorder", "flute"}


def _register(concept: str) -> int:
    return -24 if concept in _VERY_LOW else -12 if concept in _LOW else 12 if concept in _HIGH else 0


def _drums(steps: Mapping[str, str], bars: int) -> Iterator[Note]:
    for bar in range(bars):
        for name, row in steps.items():
            for index, mark in enumerate(row):
                if mark == "x" and (name != "c" or bar == 0):
                    yield Note(9, DRUM_KEYS[name], 4 * bar + index / 4, 0.2, 100 if index % 4 == 0 else 80)


def _render(pieces: Sequence[Piece], font: Path, outs: Sequence[Path], midi: Path) -> None:
    """All pieces of one font in one run of fluidsynth, then cut apart: the font is loaded once."""
    starts = _write_midi(pieces, midi)
    wav = midi.with_suffix(".wav")
    command = ["fluidsynth", "-n", "-i", "-q", "-g", "0.6", "-r", str(RATE), "-F", str(wav), str(font), str(midi)]
    subprocess.run(command, check=True, capture_output=True)
    with sf.SoundFile(wav) as sound:
        for piece, start, out in zip(pieces, starts, outs, strict=True):
            sound.seek(int(start * RATE))
            samples = sound.read(int((piece.seconds + min(GAP - 0.3, 1.5)) * RATE), dtype="float32", always_2d=True)
            fade = np.linspace(1, 0, int(0.3 * RATE), dtype=np.float32)[:, None]
            samples[-len(fade) :] *= fade[-len(samples) :]
            sf.write(out, samples, RATE, subtype="PCM_16")
    wav.unlink()


def _write_midi(pieces: Sequence[Piece], path: Path) -> list[float]:
    """A standard MIDI file (format 0) at 60 beats per minute, so that a tick is a fixed time. Returns each piece's start in seconds."""
    events: list[tuple[int, int, bytes]] = []  # tick, order within the tick, message
    starts: list[float] = []
    at = 0.2
    for piece in pieces:
        starts.append(at - 0.05)
        for channel, programme in piece.programmes:
            events.append((round((at - 0.1) * TICKS), 0, bytes([0xC0 | channel, programme])))
        for note in piece.notes:
            begin = round((at + note.start * 60 / piece.bpm) * TICKS)
            end = round((at + (note.start + note.length) * 60 / piece.bpm) * TICKS)
            events.append((begin, 2, bytes([0x90 | note.channel, note.key, note.velocity])))
            events.append((max(end, begin + 1), 1, bytes([0x80 | note.channel, note.key, 0])))
        at += piece.seconds + GAP
    track = bytearray(b"\x00\xff\x51\x03" + (1_000_000).to_bytes(3, "big"))
    now = 0
    for tick, _, message in sorted(events):
        track += _variable_length(tick - now) + message
        now = tick
    track += _variable_length(3 * TICKS) + b"\xff\x2f\x00"
    header = struct.pack(">4sIHHH", b"MThd", 6, 0, 1, TICKS)
    path.write_bytes(header + struct.pack(">4sI", b"MTrk", len(track)) + track)
    return starts


def _variable_length(number: int) -> bytes:
    """Seven bits a byte, the highest first; all but the last have the top bit."""
    groups = [number & 0x7F]
    while number := number >> 7:
        groups.append(0x80 | (number & 0x7F))
    return bytes(reversed(groups))
