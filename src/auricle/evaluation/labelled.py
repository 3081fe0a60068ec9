"""Single clips of the benchmark with what is certainly heard in them, and what is certainly not: for fitting and checking probabilities.

for clip in labelled_clips(Corpus.load(folder), "dev"):
    clip.path, clip.labels          # {"dog barking": True, "rain falling": False, …}; what the labels leave open is not there
"""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from auricle.evaluation.corpus import Corpus, Half


@dataclass(frozen=True)
class LabelledClip:
    """``labels``: plain name of a concept -> is it heard? ``family``: clips of one family come from one recording session."""

    path: Path
    family: str
    labels: Mapping[str, bool]


def usable_concepts(corpus: Corpus, half: Half, *, fewest: int = 2) -> list[str]:
    """Leaves of the tree that at least ``fewest`` clips of the half show, in the tree's order."""
    count = Counter(concept for r in corpus.half(half) if r.kind == "clip" for concept in r.events[0].concepts)
    return [leaf for leaf in corpus.concepts.leaves if count[leaf] >= fewest]


def labelled_clips(corpus: Corpus, half: Half, *, concepts: Iterable[str] | None = None) -> Iterator[LabelledClip]:
    """The half's single clips that show at least one of ``concepts`` (default: :func:`usable_concepts`)."""
    wanted = list(usable_concepts(corpus, half) if concepts is None else concepts)
    for recording in corpus.half(half):
        if recording.kind != "clip":
            continue
        event = recording.events[0]
        present, possible = corpus.concepts.reading(event.concepts, event.maybe)
        labels = {corpus.concepts.names[c]: c in present for c in wanted if c in present or c not in possible}
        if any(labels.values()):
            yield LabelledClip(corpus.folder / recording.path, event.family, labels)


def is_fitted(label: str) -> bool:
    """Half of all labels are there to fit on, the others to check on. By name, so that it never changes."""
    return zlib.crc32(label.encode()) % 2 == 0
