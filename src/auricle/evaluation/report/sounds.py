"""The worst items of a run, and their sound in a form that fits into a page."""

from __future__ import annotations

import base64
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from auricle import audio
from auricle.data.items import Item as Named
from auricle.data.items import check_relative, parts_of
from auricle.data.manifest import open_audio
from auricle.errors import AuricleError
from auricle.evaluation.report.blocks import Sound
from auricle.evaluation.report.charts import wave
from auricle.evaluation.report.document import Item, Run

MOST = 10  # items of a run, and seconds of a sound
RATE = 24_000  # Opus knows few rates; this one keeps what is heard on a page's speakers
_STEPS = 64  # of a drawn outline


def worst(run: Run, most: int = MOST) -> list[Item]:
    """The lowest first; among equals those that the model was surest of. What is wholly right is none of them."""
    values = {item.value for item in run.items if item.value is not None}
    right = 1.0 if values <= {0.0, 1.0} else float("inf")
    wrong = [item for item in run.items if item.value is None or item.status != "ok" or item.value < right]
    wrong.sort(key=lambda item: (-np.inf if item.value is None else item.value, -(item.confidence or 0.0), item.id))
    return wrong[:most]


@dataclass
class Sounds:
    """Embeds each file once. Where one is not found or cannot be heard, ``of`` says so in words and the report goes on."""

    missing: int = 0
    embedded: int = 0
    _made: dict[tuple[str, str], Sound | str] = field(default_factory=dict)

    def of(self, run: Run, item: Item) -> Sound | str:
        found = self._of(run, item)
        self.embedded += isinstance(found, Sound)
        self.missing += isinstance(found, str)
        return found

    def _of(self, run: Run, item: Item) -> Sound | str:
        if not item.audio:
            return "no sound is named"
        if not run.folder:
            return f"{item.audio}: its folder is not named"
        try:
            check_relative(item.audio)  # a results file may come from anywhere: it opens nothing outside the folder that it names
        except ValueError:
            return f"{item.audio}: outside the folder of the run"
        key = (run.folder, item.audio)
        if key not in self._made:
            self._made[key] = _embedded(run.folder, item.audio)
        return self._made[key]


def _embedded(folder: str, name: str) -> Sound | str:
    if not Path(folder, parts_of(name)[0]).is_file():
        return f"{name}: not found"
    try:
        heard = open_audio(Named(name, audio=name, end=MOST), folder, rate=RATE)
        with tempfile.TemporaryDirectory() as place:
            made = Path(place, "sound.opus")
            audio.write(made, heard)
            data = base64.b64encode(made.read_bytes()).decode("ascii")
    except AuricleError as error:
        return f"{name}: {error.message.rpartition(name)[2].lstrip(': ')}"
    pieces = np.array_split(np.abs(heard.samples[0]), _STEPS)
    peaks = np.array([float(piece.max(initial=0.0)) for piece in pieces])
    return Sound(name, data, heard.duration, wave((peaks / max(peaks.max(), 1e-6)).tolist()))
