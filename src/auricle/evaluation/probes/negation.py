"""Does "no" turn an answer around? Asked of the model's own text vectors, and of the way in which auricle searches.

*Words*: "no dog barking" should lie nearer to a clip without a dog than to one with it. Text encoders hear the dog and not the "no".
*Search*: a clip A, and the same clip with B laid over it; "A, no B" should put A alone first. Plain "A" does so already where
B hides A, so what counts is how much oftener "A, no B" does, pair by pair. The search is that of
``auricle.tasks.retrieve``, with the probe's own sounds as its library.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from auricle.data.items import Item
from auricle.data.world.acoustics import Float32
from auricle.errors import AudioError
from auricle.evaluation.heldout import HeldOut, unit_mean
from auricle.evaluation.metrics import points
from auricle.evaluation.probes import mixing
from auricle.evaluation.probes.base import Audit, Sounds, too_few
from auricle.evaluation.score import How, Mean, Score, digest, measured
from auricle.evaluation.statistics import Floats
from auricle.models.capabilities import EmbedsAudio, EmbedsText, Vectors
from auricle.models.two_towers import unit
from auricle.tasks import retrieve

PAIRS = 120
SECONDS = 4.0
SHORTEST = 0.3  # seconds of a sound
TITLE = "What “no” does"
NEGATIONS = ("no {}", "without {}", "there is no {}")


@dataclass(frozen=True)
class Pair:
    """``alone``: the first item; ``both``: with the second laid over it."""

    first: Item
    second: Item
    alone: Float32
    other: Float32
    both: Float32

    @property
    def labels(self) -> tuple[str, str]:
        return self.first.labels[0], self.second.labels[0]


class Negation:
    name = "negation"
    title = TITLE
    needs = (EmbedsAudio, EmbedsText)

    def run(self, model: Any, sounds: Sounds, *, seed: int, told: Callable[[str], None]) -> Audit:
        pairs = compose(sounds.held, seed)
        if len(pairs) < 2:
            raise too_few(self.name, "clips of two kinds that have nothing in common")
        told(f"{len(pairs)} pairs of sounds")
        vectors = [np.stack([unit_mean(mixing.heard(model, s)) for s in (p.alone, p.other, p.both)]) for p in pairs]
        return audit(model, sounds.held, pairs, vectors)


def compose(held: HeldOut, seed: int) -> list[Pair]:
    """Pairs that share no source: every clip stands in one of them."""
    rng = np.random.default_rng(seed)
    items = mixing.labelled(held)
    waiting: list[tuple[Item, Float32]] = []
    used: set[str] = set()
    found: list[Pair] = []
    for place in rng.permutation(len(items)):
        item = items[int(place)]
        if item.cluster in used or len(found) == PAIRS:
            continue
        try:
            piece = mixing.cut(held, item, SECONDS)
        except AudioError:
            continue
        if len(piece) < SHORTEST * mixing.RATE:
            continue
        used.add(item.cluster)
        match = next((n for n, (other, _) in enumerate(waiting) if mixing.apart(item, other)), None)
        if match is None:
            waiting.append((item, piece))
            continue
        other, under = waiting.pop(match)
        found.append(_laid(other, under, item, piece, int(rng.integers(1 << 31))))
    return found


def _laid(first: Item, under: Float32, second: Item, over: Float32, floor: int) -> Pair:
    n = max(len(under), len(over))
    pieces = [(0, under), ((n - len(over)) // 2, over)]
    made = [mixing.laid(n, part, np.random.default_rng(floor)) for part in (pieces[:1], pieces[1:], pieces)]
    return Pair(first, second, *mixing.within(made))


def audit(model: Any, held: HeldOut, pairs: Sequence[Pair], vectors: Sequence[Vectors]) -> Audit:
    """``vectors``: of each pair, ``[3, d]``: alone, the other alone, both."""
    sounds = np.stack(vectors)
    ids = [f"{p.first.id} + {p.second.id}" for p in pairs]
    sources = [p.first.cluster for p in pairs]
    data = f"{held.name}: {len(pairs)} pairs of clips that share no source"
    made_of = digest([held.hash, ids])

    def score(metric: str, values: Floats, baselines: dict[str, float], details: dict[str, Any]) -> Score:
        how = How("negation", data, made_of, metric, {**details, "interval": "95 %, bootstrap over pairs"})
        return measured(metric, Mean.of(values, ids, sources), how, model, baselines=baselines)

    searched = {query: search(model, sounds, pairs, query) for query in ("{a}, no {b}", "{a}", "{a} and {b}")}
    first = {query: points(values[:, 0] - values[:, 2]) for query, values in searched.items()}
    asked, plain = first["{a}, no {b}"], first["{a}"]
    scores = [
        score("search: what the “no” gains", asked - plain, {"no effect": 0.0}, {"queries": ["{a}, no {b}", "{a}"]}),
        score(
            "search: A alone first for “A, no B”", asked,
            {"“A” alone": float(plain.mean()), "“A and B”": float(first["{a} and {b}"].mean())}, {"query": "{a}, no {b}"},
        ),
    ]  # fmt: skip
    own = texts(model, pairs, ["{}"])
    negated = texts(model, pairs, NEGATIONS)
    for name, text in (("words: “no B” nearer to what has no B", negated), ("words: “B” farther from what has no B", own)):
        apart = np.sum((sounds[:, 0] - sounds[:, 1]) * text, axis=1)
        values = points(apart if text is negated else -apart)
        scores.append(score(name, values, {"chance": 0.5}, {"texts": list(NEGATIONS) if text is negated else ["{}"]}))
    alike = np.sum(own * negated, axis=1)
    scores.append(score("words: cosine of “B” and “no B”", alike, {"turned around": -1.0}, {"texts": list(NEGATIONS)}))
    return Audit(Negation.name, TITLE, tuple(scores))


def texts(model: Any, pairs: Sequence[Pair], forms: Sequence[str]) -> Vectors:
    """Of the second label of each pair, the mean over the forms, unit norm."""
    labels = sorted({p.labels[1] for p in pairs})
    found = unit(np.mean([model.embed_text([form.format(label) for label in labels]) for form in forms], axis=0))
    place = {label: n for n, label in enumerate(labels)}
    return found[[place[p.labels[1]] for p in pairs]]


def search(model: Any, sounds: Vectors, pairs: Sequence[Pair], query: str) -> Floats:
    """``[pairs, 3]``: evidence of the three sounds of each pair for its query, as a library that holds all of them weighs it."""
    library = sounds.reshape(-1, sounds.shape[-1])
    weights = retrieve.Weights()
    found = np.zeros((len(pairs), 3))
    for row, (pair, own) in enumerate(zip(pairs, sounds, strict=True)):
        a, b = pair.labels
        asked = retrieve.understand(query.format(a=a, b=b))

        def surprise(text: str, own: Any = own) -> Any:
            vector = model.embed_text([text])[0]
            general = library @ vector
            return retrieve.standardise(own @ vector, float(general.mean()), float(general.std()))

        evidence = surprise(asked.wanted)
        pieces = np.asarray([surprise(part) for part in retrieve.parts(asked.wanted)], np.float32).reshape(-1, 3)
        evidence = retrieve.together(evidence, pieces)
        unwanted = np.asarray([surprise(part) for part in asked.unwanted], np.float32).reshape(-1, 3)
        found[row] = retrieve.against(evidence, unwanted, weights)
    return np.round(found, mixing.DECIMALS)
