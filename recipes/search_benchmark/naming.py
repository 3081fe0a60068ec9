"""What a recording is called and what lies beside it: a third of the names tell nothing, a third describe, a third tell a part."""

from __future__ import annotations

import random
import re
import unicodedata
from collections import defaultdict
from dataclasses import dataclass, field

from clips import seeded
from compose import Recording

from auricle.evaluation.corpus import Concepts

STYLES = ("neutral", "descriptive", "partial")
PROJECTS = {
    "dev": ("kestrel_session", "harbour_documentary", "museum_audio_tour", "bluebird_game", "attic_tapes"),
    "test": ("falcon_session", "island_documentary", "radio_play", "redwood_game", "cellar_tapes"),
}
RECORDERS = {"dev": ("REC", "DR0"), "test": ("ZOOM", "STE")}
FOLDER_OF = {
    "animal": "animals", "nature": "nature", "human": "people", "vehicle": "transport", "machine": "machines", "music": "music",
    "home": "household", "weapon": "weapons", "interface": "ui", "impact": "impacts", "fantasy": "fantasy", "noise": "backgrounds",
}  # fmt: skip


@dataclass
class Placement:
    """path: below the half's folder, POSIX. tags: written into the file. sidecars: suffix -> text of a file beside it."""

    path: str
    style: str
    tags: dict[str, str] = field(default_factory=dict)
    sidecars: dict[str, str] = field(default_factory=dict)


class Namer:
    """Gives every recording of one half its place; no two the same."""

    def __init__(self, tree: Concepts, half: str) -> None:
        self._tree = tree
        self._half = half
        self._count: dict[str, int] = defaultdict(int)

    def place(self, recording: Recording) -> Placement:
        rng = random.Random(seeded("name " + recording.id))
        style = STYLES[seeded("style " + recording.id) % 3]
        category = FOLDER_OF[self._tree.top(self._leading(recording))]
        if style == "neutral":
            stem = self._neutral(rng)
        elif style == "descriptive":
            stem = self._described(recording, category)
        elif rng.random() < 0.5:
            stem = self._numbered(f"{category}/{category}", rng)
        else:
            project = rng.choice(PROJECTS[self._half])
            stem = self._numbered(f"projects/{project}/take", rng)
        place = Placement(f"{stem}{'.wav' if recording.kind == 'clip' and rng.random() < 0.12 else '.flac'}", style)
        if style == "neutral" and place.path.endswith(".flac") and rng.random() < 0.3:
            place.tags = {"title": readable(recording.title), "genre": category}
        self._add_texts(place, recording, rng)
        return place

    def _leading(self, recording: Recording) -> str:
        clip = next((e.clip for e in recording.events if e.clip is not None and not e.bed), None)
        clip = clip or next((e.clip for e in recording.events if e.clip is not None), None)
        return clip.concepts[0] if clip else "pink-noise"

    def _neutral(self, rng: random.Random) -> str:
        prefix = rng.choice(RECORDERS[self._half])
        self._count[prefix] += 1
        return f"recorder/{prefix}{self._count[prefix]:04d}"

    def _numbered(self, start: str, rng: random.Random) -> str:
        self._count[start] += rng.randint(1, 3)
        return f"{start}_{self._count[start]:03d}"

    def _described(self, recording: Recording, category: str) -> str:
        name = slug(recording.title) or category
        start = f"{'scenes' if recording.kind != 'clip' else category}/{name}"
        self._count[start] += 1
        return start if self._count[start] == 1 else f"{start}_{self._count[start]}"

    def _add_texts(self, place: Placement, recording: Recording, rng: random.Random) -> None:
        spoken = [(e.start, e.end, e.clip.transcript) for e in recording.events if e.clip is not None and e.clip.transcript]
        if not spoken or rng.random() > 0.55:
            return
        if recording.kind == "clip":
            place.sidecars[".txt"] = spoken[0][2] + "\n"
        else:
            lines = [f"{i}\n{clock(a)} --> {clock(b)}\n{text}\n" for i, (a, b, text) in enumerate(sorted(spoken), 1)]
            place.sidecars[".srt"] = "\n".join(lines)


def slug(title: str) -> str:
    """A file name that people write: letters, digits, underscores; accents kept off, catalogue numbers cut."""
    plain = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode()
    plain = re.sub(r"^[0-9]{4,}__[a-z0-9-]+__", "", plain)
    plain = re.sub(r"^LR|_LA(_cut)?$|_?LACut$|_cut$", "", plain)
    plain = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", plain)
    return re.sub(r"[^A-Za-z0-9]+", "_", plain).strip("_").lower()


def readable(title: str) -> str:
    return slug(title).replace("_", " ")


def clock(seconds: float) -> str:
    """SubRip's time stamp."""
    ms = round(seconds * 1000)
    return f"{ms // 3600000:02d}:{ms // 60000 % 60:02d}:{ms // 1000 % 60:02d},{ms % 1000:03d}"
