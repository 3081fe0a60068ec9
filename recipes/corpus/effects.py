"""The effects that General MIDI fonts carry beside their instruments (a telephone, a dog, a door), and their further drum kits."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from typing import Any

from clips import seeded
from render import Note, Piece
from tunes import Band, Tune

KEYS = (60, 55, 65)  # the higher, the faster and brighter
_CONTROLLER = 0x20  # with this bit the status of a note is that of a controller: number 0 chooses the bank
_EARLY = -0.3  # beats: the bank is chosen before the programme is


def effects(band: Band) -> Iterator[Tune]:
    """Every effect of every font that has it, at three pitches."""
    for font, banks in band.music["effects"]["fonts"].items():
        if font not in band.fonts:
            continue
        for bank in banks:
            for programme, label in band.music["effects"]["banks"][bank].items():
                for turn, key in enumerate(KEYS):
                    yield _effect(font, bank, programme, label, turn, key)


def _effect(font: str, bank: int, programme: int, label: str, turn: int, key: int) -> Tune:
    length = random.Random(seeded(f"{font} {bank} {programme} {turn}")).choice((2, 4, 6))
    notes = (Note(_CONTROLLER, 0, _EARLY, 0.1, bank), Note(0, key, 0, length, 110))
    piece = Piece(f"{font}-effect-{bank}-{programme}-{turn}", notes, 120, ((0, programme),), (label,), ())
    side = "dev" if font == "csound" and (bank + programme) % 3 == 0 else "train"
    extra: Mapping[str, Any] = {"font": font, "bank": bank, "programme": programme, "key": key, "notes": 1}
    return Tune(piece, font, f"music:{font}-effect-{bank}-{programme}", side, "", extra, "sound")


def kits(band: Band) -> Iterator[Tune]:
    """The keys of the kits that are not the standard one: rooms, brushes, drum computers."""
    for font, programmes in band.music["kits"].items():
        if font not in band.fonts:
            continue
        for programme in programmes:
            for key, label in band.music["kit"].items():
                if key in band.music["kits_keys"]:
                    yield _hit(font, programme, key, label)


def _hit(font: str, programme: int, key: int, label: str) -> Tune:
    velocity = random.Random(seeded(f"{font} kit {programme} {key}")).randint(60, 120)
    piece = Piece(f"{font}-kit-{programme}-{key}", (Note(9, key, 0, 0.3, velocity),), 120, ((9, programme),), (label,), ())
    side = "dev" if (programme, key % 4) in ((16, 0), (40, 2)) else "train"
    extra = {"instrument": label, "font": font, "kit": programme, "key": key, "drums": True, "notes": 1}
    return Tune(piece, font, f"music:{font}-kit-{programme}-{key}", side, f"one hit of a {label.replace('-', ' ')}", extra)
