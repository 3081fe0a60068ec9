"""Music that is made here: what is played is written first, so instrument, pitch, key, tempo and number of notes are exact."""

from __future__ import annotations

import random
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import soundfile as sf
from clips import seeded
from likeness import Floats, prints
from render import FAST, GAP, SCALES, SLOW, Note, Piece, _drums, _font, _part, _pieces, _register, _write_midi

RATE = 32000
CHUNK = 250  # pieces in one run of fluidsynth
NAMES = ("C", "C sharp", "D", "E flat", "E", "F", "F sharp", "G", "A flat", "A", "B flat", "B")
FORMS = ("melody", "arpeggio", "chords", "bass")


@dataclass(frozen=True)
class Tune:
    """A piece, the font that plays it, its family and side, and what is known of it."""

    piece: Piece
    font: str
    family: str
    side: str
    caption: str
    extra: Mapping[str, Any] = field(default_factory=dict)
    kind: str = "music"


class Band:
    """The instruments that may be learned from: (font, programme) and (font, key of its kit), each on one side."""

    def __init__(self, music: Mapping[str, Any], theirs: Mapping[str, Any], fonts: Mapping[str, Path], known: Sequence[str] = ()) -> None:
        """known: what an earlier build left out, for one that has not all fonts to compare with."""
        self.music = music
        self.fonts = fonts
        self.left_out: set[str] = set(known)
        self.label = {**music["programmes"], **theirs["programmes"]}
        barred = barred_by(theirs)
        playing = [font for font in fonts if not music["fonts"][font].get("effects")]
        heard = {font: _heard(fonts[font], self.label, music["kit"]) for font in playing}
        self.programmes = [(f, p) for p in sorted(self.label) for f in playing if self._allowed(f, p, False, barred, heard)]
        self.keys = [(f, k) for k in sorted(music["kit"]) for f in playing if self._allowed(f, k, True, barred, heard)]

    def _allowed(self, font: str, number: int, kit: bool, barred: set[tuple[str, int]], heard: Mapping[str, Mapping[Any, Floats]]) -> bool:
        """Neither of the test half, nor just like one that is: a font may play two programmes from the same samples."""
        here = heard[font][kit, number]
        name = f"{font}-{'kit-' if kit else ''}{number}"
        if not here.any() or name in self.left_out or (font in _TESTED if kit else (font, number) in barred):
            return False
        theirs = [(f, number) for f in _TESTED if f in heard] if kit else sorted(pair for pair in barred if pair[0] in heard)
        for other, programme in theirs:
            alike = float((here * heard[other][kit, programme]).sum(axis=1).max())
            if alike >= self.music["same"][0 if programme == number else 1]:
                self.left_out.add(name)
                return False
        return True

    def side(self, font: str, number: int, kit: bool = False) -> str:
        """One font of each programme is for dev; which one goes round."""
        own = [f for f, n in (self.keys if kit else self.programmes) if n == number]
        if len(own) < 2 or (len(own) == 2 and number % 2):
            return "train"
        return "dev" if own[number % len(own)] == font and (not kit or number % 2 == 0) else "train"

    def drummers(self) -> list[str]:
        """Fonts whose kit has what a beat needs."""
        return [f for f in sorted({f for f, _ in self.keys}) if {k for g, k in self.keys if g == f} >= _BEAT]


_TESTED = ("tim", "fluid")  # fonts whose standard kits the test half plays
_BEAT = {36, 38, 42, 46, 51}  # bass drum, snare drum, closed and open hi-hat, ride cymbal


def barred_by(theirs: Mapping[str, Any]) -> set[tuple[str, int]]:
    """(font, programme) of everything that the search benchmark's test half plays."""
    fonts = sorted(theirs["fonts"])
    return {(_font(piece, "test", fonts), programme) for piece in _pieces(theirs, "test") for _, programme in piece.programmes}


def _heard(font: Path, programmes: Mapping[int, str], kit: Mapping[int, str]) -> dict[tuple[bool, int], Floats]:
    """The prints of middle C of every programme and of every key of the kit."""
    pieces = [Piece(str(p), (Note(0, 60, 0, 2),), 120, ((0, p),), (), ()) for p in sorted(programmes)]
    pieces += [Piece(f"k{k}", (Note(9, k, 0, 1, 100),), 120, (), (), ()) for k in sorted(kit)]
    keys = [(False, p) for p in sorted(programmes)] + [(True, k) for k in sorted(kit)]
    found = {}
    for key, samples in zip(keys, play(pieces, font), strict=True):
        found[key] = prints(samples, RATE) if len(samples) and np.abs(samples).max() > 1e-3 else np.zeros((2, 1280), np.float32)
    return found


def tunes(band: Band) -> Iterator[Tune]:
    """Everything to render, in a fixed order."""
    each = band.music["each"]
    for font, programme in band.programmes:
        for kind in ("note", "chord", "phrase"):
            for turn in range(each[kind]):
                yield _solo(band, font, programme, kind, turn)
    for font, key in band.keys:
        for turn in range(band.music["keys"]):
            yield _hit(band, font, key, turn)
    for side in ("train", "dev"):
        for number in range(band.music["ensembles"][side]):
            yield _ensemble(band, side, number)
        for number in range(band.music["drums"][side] if band.drummers() else 0):
            yield _pattern(band, side, number)


def _solo(band: Band, font: str, programme: int, kind: str, turn: int) -> Tune:
    label = band.label[programme]
    rng = random.Random(seeded(f"{font} {programme} {kind} {turn}"))
    name = f"{font}-{programme:03d}-{kind}-{turn}"
    family, side = f"music:{font}-{programme:03d}", band.side(font, programme)
    base = 60 + _register(label)
    extra: dict[str, Any] = {"instrument": label, "programme": programme, "font": font, "drums": False}
    said = label.replace("-", " ")
    if kind == "note":
        pitch, length = base + rng.randint(-9, 14), rng.choice((0.5, 1, 2, 3))
        notes: tuple[Note, ...] = (Note(0, pitch, 0, 2 * length, rng.randint(50, 120)),)
        extra |= {"pitch": pitch, "note": note_name(pitch), "notes": 1}
        return Tune(
            Piece(name, notes, 120, ((0, programme),), (label, "single-note"), ()),
            font,
            family,
            side,
            f"a single note on the {said}",
            extra,
        )
    if kind == "chord":
        chord = rng.choice(sorted(band.music["chords"]))
        root = base + rng.randint(-7, 7)
        notes = tuple(Note(0, root + step, 0, 4, 84) for step in band.music["chords"][chord])
        extra |= {"chord": chord, "root": NAMES[root % 12], "notes": len(notes)}
        caption = f"a {NAMES[root % 12]} {chord} chord on the {said}"
        return Tune(Piece(name, notes, 120, ((0, programme),), (label, "chords"), ()), font, family, side, caption, extra)
    form = FORMS[(programme + turn) % len(FORMS)] if label not in ("orchestra-hit",) else "melody"
    bpm, key, scale = _tempo(band, rng), rng.choice((55, 57, 59, 60, 62, 64)), rng.choice(tuple(SCALES))
    notes = tuple(_part(form, 0, label, rng, rng.choice(band.music["beats"]), key, scale))
    extra |= {"form": form, "key": f"{NAMES[key % 12]} {scale}", "tempo": bpm, "notes": len(notes)}
    concepts = (label, *(["synth-bass"] if form == "bass" and label == "synth-bass" else [form] if form != "bass" else []), *_pace(bpm))
    caption = (
        f"a {_word(bpm)}{'bass line' if form == 'bass' else form.removesuffix('s') + ' part' if form == 'chords' else form} on the {said}"
    )
    return Tune(Piece(name, notes, bpm, ((0, programme),), tuple(dict.fromkeys(concepts)), ()), font, family, side, caption, extra)


def _hit(band: Band, font: str, key: int, turn: int) -> Tune:
    label = band.music["kit"][key]
    rng = random.Random(seeded(f"{font} kit {key} {turn}"))
    count = (1, 1, rng.choice((2, 3, 4)))[turn % 3]
    gap = rng.choice((0.5, 1.0, 1.5))
    notes = tuple(Note(9, key, i * gap, 0.3, (112, 76, 96)[turn % 3]) for i in range(count))
    extra = {"instrument": label, "key": key, "font": font, "drums": True, "notes": count}
    times = {1: "one hit", 2: "two hits", 3: "three hits", 4: "four hits"}[count]
    piece = Piece(f"{font}-kit-{key}-{turn}", notes, 120, (), (label,), ())
    return Tune(piece, font, f"music:{font}-kit-{key}", band.side(font, key, kit=True), f"{times} of a {label.replace('-', ' ')}", extra)


def _ensemble(band: Band, side: str, number: int) -> Tune:
    rng = random.Random(seeded(f"ensemble {side} {number}"))
    font = rng.choice(sorted({f for f, p in band.programmes if band.side(f, p) == side}))
    own = [p for f, p in band.programmes if f == font and band.side(f, p) == side and band.label[p] not in _UNFIT]
    bpm, key, scale, beats = _tempo(band, rng), rng.choice((57, 60, 62, 64)), rng.choice(tuple(SCALES)), 16
    roles = rng.choice(
        (("melody", "bass"), ("melody", "chords"), ("melody", "arpeggio"), ("melody", "chords", "bass"), ("arpeggio", "melody", "bass"))
    )
    notes: list[Note] = []
    labels: list[str] = []
    programmes: list[tuple[int, int]] = []
    for channel, role in enumerate(roles):
        programme = rng.choice(own)
        labels.append(band.label[programme])
        programmes.append((channel, programme))
        notes += _part(role, channel, band.label[programme], rng, beats=beats, key=key, scale=scale)
    keys = {k for f, k in band.keys if f == font}
    drums = rng.random() < 0.5 and font in band.drummers()
    if drums:
        notes += [n for n in _drums(_beat(rng), beats // 4) if n.key in keys]
    names = [label.replace("-", " ") for label in dict.fromkeys(labels)]
    extra = {
        "instrument": list(dict.fromkeys(labels)), "font": font, "key": f"{NAMES[key % 12]} {scale}", "tempo": bpm, "drums": drums,
        "notes": len(notes), "parts": len(roles),
    }  # fmt: skip
    concepts = dict.fromkeys([*labels, "ensemble", *(["drum-loop"] if drums else []), *_pace(bpm)])
    caption = f"{_word(bpm)}music in {NAMES[key % 12]} {scale} with {' and '.join(names)}{' and drums' if drums else ''}"
    piece = Piece(
        f"{side}-ensemble-{number:03d}",
        tuple(notes),
        bpm,
        tuple(programmes),
        tuple(concepts),
        ("form", "drum", "cymbal") if drums else ("form",),
    )
    return Tune(piece, font, f"music:{side}-ensemble-{number:03d}", side, caption, extra)


def _pattern(band: Band, side: str, number: int) -> Tune:
    rng = random.Random(seeded(f"drums {side} {number}"))
    font = rng.choice(band.drummers())
    keys = {k for f, k in band.keys if f == font}
    bpm = _tempo(band, rng)
    notes = tuple(n for n in _drums(_beat(rng), rng.choice((2, 4))) if n.key in keys)
    extra = {"font": font, "tempo": bpm, "drums": True, "notes": len(notes)}
    piece = Piece(f"{side}-drums-{number:03d}", notes, bpm, (), ("drum-loop", *_pace(bpm)), ("cymbal",))
    return Tune(piece, font, f"music:{side}-drums-{number:03d}", side, f"a {_word(bpm)}drum beat", extra)


_UNFIT = {"orchestra-hit", "synth-effect", "agogo", "woodblock", "tom-drum", "electronic-percussion", "taiko", "bell", "steel-drum"}


def _beat(rng: random.Random) -> dict[str, str]:
    def row(often: float, strong: Sequence[int]) -> str:
        return "".join("x" if i in strong or rng.random() < often else "." for i in range(16))

    steps = {"k": row(0.1, (0, 8)), "s": row(0.06, (4, 12)), rng.choice("hro"): row(0.1, tuple(range(0, 16, rng.choice((1, 2, 2, 4)))))}
    if rng.random() < 0.3:
        steps["t"] = row(0.15, ())
    if rng.random() < 0.4:
        steps["c"] = "x" + 15 * "."
    return steps


def _tempo(band: Band, rng: random.Random) -> int:
    return rng.randint(*band.music["tempo"])


def _pace(bpm: float) -> list[str]:
    return ["slow-tempo"] if bpm <= SLOW else ["fast-tempo"] if bpm >= FAST else []


def _word(bpm: float) -> str:
    return "slow " if bpm <= SLOW else "fast " if bpm >= FAST else ""


def note_name(pitch: int) -> str:
    return f"{NAMES[pitch % 12]}{pitch // 12 - 1}"


def play(pieces: Sequence[Piece], font: Path) -> Iterator[Floats]:
    """Every piece as mono samples at 32 kHz; the font is loaded once for many of them. Every second run is without reverberation."""
    for run, first in enumerate(range(0, len(pieces), CHUNK)):
        some = pieces[first : first + CHUNK]
        with tempfile.TemporaryDirectory() as folder:
            midi, wav = Path(folder) / "pieces.mid", Path(folder) / "pieces.wav"
            starts = _write_midi(some, midi)
            dry = ["-R", "0", "-C", "0"] if run % 2 else []
            command = ["fluidsynth", "-n", "-i", "-q", *dry, "-g", "0.6", "-r", str(RATE), "-F", str(wav), str(font), str(midi)]
            subprocess.run(command, check=True, capture_output=True)
            with sf.SoundFile(wav) as sound:
                for piece, start in zip(some, starts, strict=True):
                    sound.seek(min(int(start * RATE), sound.frames))
                    samples = sound.read(int((piece.seconds + min(GAP - 0.3, 1.2)) * RATE), dtype="float32", always_2d=True).mean(axis=1)
                    fade = np.linspace(1, 0, int(0.3 * RATE), dtype=np.float32)
                    if len(samples) > len(fade):
                        samples[-len(fade) :] *= fade
                    yield samples
