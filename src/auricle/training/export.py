"""Towers → a bundle that ``auricle.load`` takes: ONNX graphs, tokenizer, card. What was made is measured against the towers.

Without a context the audio graph takes one patch of the front end and gives a frame. With one it takes a whole window, cuts the patches
out of it inside the graph, and gives a vector a window. Frozen ONNX encoders are joined with what was trained on top of them.
"""

from __future__ import annotations

import datetime
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from auricle.audio.features import front_end
from auricle.audio.types import Audio
from auricle.data.manifest import open_audio
from auricle.errors import AudioError, ModelError
from auricle.models import hub
from auricle.models.bundle import Bundle
from auricle.models.card import LicenceLink, ModelCard, Result
from auricle.models.heads import Calibration
from auricle.models.pretrained.clap_export import serialised
from auricle.models.two_towers import open_towers
from auricle.training.building import Built
from auricle.training.calibrating import calibrate
from auricle.training.corpus import Corpus
from auricle.training.graphs import Frames, Windows, audio_graph, audio_side, text_graph
from auricle.training.recipe import Recipe
from auricle.training.schema import OnnxAudio, OnnxText


@dataclass(frozen=True, slots=True)
class Exported:
    """``parity``: the largest difference between towers and float32 graphs; ``cosine``: the least between int8 and float32."""

    path: Path
    pipeline_id: str
    bytes: int
    parity: float
    cosine: float | None


def export(recipe: Recipe, built: Built, corpus: Corpus, target: Path) -> Exported:
    """Write the bundle, measured on a sample of the data. Raises ModelError."""
    towers = built.towers.eval().cpu()
    frontend, window, side, encoder = audio_side(recipe, built)
    audio = audio_graph(side, encoder, built)
    text, sentence = text_graph(towers)
    config: dict[str, Any] = {
        "format": 1,
        "architecture": "two_towers",
        "dim": towers.dim,
        "window": window,
        "audio": {"file": "audio.onnx", "frontend": frontend, "pool": "mean", "batch": 32, "output": "frames"},
        "text": {
            "file": "text.onnx", "tokenizer": "tokenizer.json", "max_length": built.words.max_length,
            "pad_id": built.words.pad_id, "output": "text", "sentence": sentence,
        },
    }  # fmt: skip
    card = card_of(recipe, corpus)
    sounds, texts = sample(built, corpus)
    noise = (np.random.default_rng(0).standard_normal(3 * built.front.rate) / 10).astype(np.float32)
    sounds, texts = [*sounds, Audio(noise, built.front.rate)], [*texts, "a sound"]

    def write(path: Path, precision: str, results: tuple[Result, ...] = (), more: dict[str, Path | bytes] | None = None) -> Bundle:
        files: dict[str, Path | bytes] = {"tokenizer.json": built.words.document, **(more or {})}
        files |= {"audio.onnx": serialised(audio, precision), "text.onnx": serialised(text, precision)}
        return Bundle.write(path, config, replace(card, results=results), files, overwrite=True)

    with tempfile.TemporaryDirectory(prefix="auricle-export-") as folder:
        made = plain = write(Path(folder) / "plain", "float32")
        parity = difference(built, plain, side, sounds, texts)
        if not parity < 1e-3:
            raise ModelError("Damaged", f"the exported graphs differ from the towers by {parity:.2g}; nothing was written.")
        cosine: float | None = None
        results: tuple[Result, ...] = ()
        if recipe.export.precision == "int8":
            made = write(Path(folder) / "small", "int8")
            cosine = least_cosine(plain, made, sounds, texts)
            protocol = f"least of {len(sounds)} sounds and {len(texts)} texts of the training data"
            results = (Result("cosine int8 to float32", cosine, protocol=protocol),)
        more: dict[str, Path | bytes] = {}
        if recipe.export.calibrate is not None:
            more[Calibration.FILE] = Path(folder) / Calibration.FILE
            calibrate(recipe, made).save(Path(folder) / Calibration.FILE)
        bundle = write(target, recipe.export.precision, results, more)
    size = sum(path.stat().st_size for path in bundle.path.rglob("*") if path.is_file())
    return Exported(bundle.path, bundle.pipeline_id, size, parity, cosine)


@torch.no_grad()
def difference(built: Built, bundle: Bundle, side: Frames | Windows, sounds: Sequence[Audio], texts: Sequence[str]) -> float:
    """The largest absolute difference between what the towers and the bundle give."""
    model = open_towers(bundle)
    front = front_end(bundle.config["audio"]["frontend"])
    worst = 0.0
    for sound in sounds:
        samples = np.ascontiguousarray(sound.mono().at(front.rate).samples[0])
        features = torch.from_numpy(front.features(samples, front.cuts(len(samples))))
        own = torch.nn.functional.normalize(side(features).double().mean(0), dim=-1).numpy()
        worst = max(worst, float(np.abs(own - model.embed_audio([sound])[0]).max()))
    for text in texts:
        ids = torch.tensor(built.words([text]))
        own = built.towers.encode_text(ids, torch.ones_like(ids, dtype=torch.bool))[0].numpy()
        worst = max(worst, float(np.abs(own - model.embed_text([text])[0]).max()))
    return worst


def least_cosine(a: Bundle, b: Bundle, sounds: Sequence[Audio], texts: Sequence[str]) -> float:
    left, right = open_towers(a), open_towers(b)
    audio = (left.embed_audio(sounds) * right.embed_audio(sounds)).sum(1)
    text = (left.embed_text(texts) * right.embed_text(texts)).sum(1)
    return float(min(audio.min(), text.min()))


def sample(built: Built, corpus: Corpus, n: int = 16) -> tuple[list[Audio], list[str]]:
    """Some sounds and texts of the training data, spread over it; what cannot be heard is passed over."""
    entries = list(corpus)
    chosen = [entries[i] for i in np.linspace(0, len(entries) - 1, min(n, len(entries))).astype(int)]
    sounds = []
    for entry in chosen:
        with suppress(AudioError):
            if entry.item.audio is not None:  # no scene: those are told, and composed when needed
                sounds.append(open_audio(entry.item, entry.folder, rate=built.front.rate).slice(0, 10))
    return sounds, [entry.texts.captions[0] for entry in chosen if entry.texts.captions]


def card_of(recipe: Recipe, corpus: Corpus) -> ModelCard:
    """The licence chain: each set of the data by licence, with counts, and the models that are inside."""
    entries = list(corpus)
    counts = Counter((entry.item.set or recipe.name, entry.item.licence or "unknown") for entry in entries)
    data = tuple(LicenceLink(f"{n} items of {name}", licence, name) for (name, licence), n in sorted(counts.items()))
    hours = sum(entry.item.duration or 0.0 for entry in entries) / 3600
    heard = f", {hours:.2f} hours" if hours else ""
    model = recipe.model
    return ModelCard(
        name=model.name,
        version=model.version,
        family="two-towers",
        description=recipe.export.description or f"Two towers trained by the recipe {recipe.name!r}.",
        licence=recipe.export.licence,
        chain=(*_inside(recipe), *data),
        trained=tuple(recipe.export.trained),
        data=f"{len(entries)} items{heard} of {len({name for name, _ in counts})} sets; recipe {recipe.name!r}, hash {recipe.hash}.",
        limits=recipe.export.limits,
        created=datetime.date.today().isoformat(),
    )


def _inside(recipe: Recipe) -> Iterator[LicenceLink]:
    """Encoders that others trained."""
    seen = set()
    for tower, spec in (("audio", recipe.model.audio), ("text", recipe.model.text)):
        name = getattr(spec, "model", None) or getattr(spec, "file", None) or getattr(spec, "folder", None)
        if name is None or name in seen:
            continue
        seen.add(name)
        if isinstance(spec, OnnxAudio | OnnxText) and spec.model is not None:
            local = recipe.path(spec.model)
            card = Bundle.open(local if (local / "card.json").is_file() else hub.resolve(spec.model)).card
            yield LicenceLink(f"the encoders of {card.full_name}", card.licence)
            yield from card.chain
        else:
            yield LicenceLink(f"the {tower} encoder {Path(name).name}", "unknown", Path(name).name)
