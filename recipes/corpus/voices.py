"""Speech that is made here by espeak-ng and flite: who speaks, in which language, and every word are known."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from clips import seeded
from gather import Source
from render import _speak

LICENCE = "made here (espeak-ng GPL-3+, flite BSD-style voices; texts Apache-2.0 or public domain)"
DEV_TEXTS = 0.1  # of the texts are spoken only by the voices of dev


def speeches(speech: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """(side, what to say and how), in a fixed order. A voice is on one side, and a text is."""
    each = speech["each"]
    voices = {side: [v for v in speech["voices"]["english"] if v.get("side", "train") == side] for side in ("train", "dev")}
    last = dict(speech["english"])  # of each matter
    for matter, text in speech["english"]:
        side = "dev" if last[matter] == text or _share("text " + text) < DEV_TEXTS else "train"
        for voice in _some(voices[side], text, each["english"]):
            yield side, {**voice, "text": text, "labels": ["english", *voice["labels"].split(), *([matter] if matter != "speech" else [])]}
    for word in speech["words"]:
        side = "dev" if _share("word " + word) < DEV_TEXTS else "train"
        kind = "spoken-number" if word in _NUMBERS else "spoken-word"
        for voice in _some(voices[side], word, each["words"]):
            yield side, {**voice, "text": word, "labels": ["english", *voice["labels"].split(), kind]}
    for number, text in enumerate(speech["whisper"]):
        side = "dev" if number == len(speech["whisper"]) - 1 else "train"
        for base in speech["voices"]["whisper"][side][: each["whisper"]]:
            yield side, {"engine": "espeak-ng", "voice": base, "text": text, "labels": ["english", "whispering"]}
    for code, (language, texts) in speech["foreign"].items():
        variants = speech["voices"]["foreign"]
        for number, text in enumerate(texts):
            side = "dev" if number == len(texts) - 1 else "train"
            for variant in [variants[-1]] if side == "dev" else _some(variants[:-1], text, each["foreign"]):
                labels = [language, "female-speech" if variant[0] == "f" else "male-speech", "computer-voice"]
                labels += ["counting"] if text.count(",") + text.count("،") + text.count("，") >= 3 else []
                yield side, {"engine": "espeak-ng", "voice": f"{code}+{variant}", "text": text, "labels": labels}


_NUMBERS = frozenset(
    [
        "zero",
        "one",
        "two",
        "three",
        "four",
        "five",
        "six",
        "seven",
        "eight",
        "nine",
        "ten",
        "twenty",
        "thirty",
        "forty",
        "fifty",
        "hundred",
        "thousand",
    ]
)


def render_speeches(speech: Mapping[str, Any], work: Path) -> Iterator[tuple[str, Source]]:
    """(side, source) of everything that is said."""
    folder = work / "speech"
    folder.mkdir(parents=True, exist_ok=True)
    for side, line in speeches(speech):
        name = f"{line['voice']}-{seeded(line['text']):016x}"
        path = _speak(line["engine"], line["voice"], line["text"], folder / f"{name}.wav")
        extra = {"voice": line["voice"], "engine": line["engine"]} | _person(line["labels"])
        yield side, Source(
            f"speech:{name}", "rendered-speech", path, tuple(line["labels"]), (), f"speech:{line['voice']}", "speech", "", line["text"],
            1, extra, LICENCE,
        )  # fmt: skip


def _person(labels: list[str]) -> dict[str, Any]:
    person = {"male-speech": "man", "female-speech": "woman"}
    return {"speaker": next((person[i] for i in labels if i in person), "unknown"), "language": labels[0].capitalize()}


def _some(voices: list[Any], text: str, count: int) -> list[Any]:
    rng = random.Random(seeded("voices " + text))
    return rng.sample(voices, min(count, len(voices)))


def _share(text: str) -> float:
    return (seeded(text) % 10_000) / 10_000
