"""Event detection against exact truth: event F1 by collar and by intersection, and PSDS over all thresholds at once.

    heard = listen(audio, reader, model)                     # curves of probability, and the events that auricle detect would give
    f1_scores(name, truths, heards, labels, …), psds_scores(…)

Event F1 (Mesaros, Heittola and Virtanen 2016): a detected event is right where it can be matched, one to one, with a true event of its
label: begin within the collar, end within the collar or a fifth of the event's length; or intersection over union of at least one half.
Summed over labels (micro); ``macro``: the mean over labels that are heard or detected.
PSDS (Bilen et al. 2020), exact over thresholds (Ebbers, Serizel and Haeb-Umbach 2022) by ``sed_scores_eval``: area under the mean
ROC over labels up to 100 false alarms an hour and label. PSDS1: 0.7 of a detection must lie in events and 0.7 of an event be
covered; PSDS2: 0.1 of either. Unlike DCASE, cross triggers cost no more than other false alarms and the spread over labels is not
taken off: most labels have a handful of events, whose spread is chance.
"""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from auricle.audio import Audio
from auricle.errors import ModelError, UsageError
from auricle.evaluation.scenes import INTERVAL, Truth
from auricle.evaluation.score import How, Ratio, Score, digest, measured
from auricle.evaluation.statistics import Counts, Floats
from auricle.models import heads
from auricle.tasks.detect import Decoder, Reader, Rules, curves

MAX_RATE = 100.0  # false alarms an hour and label up to which PSDS looks
SHARES = {"PSDS1": 0.7, "PSDS2": 0.1}  # of a detection in events, and of an event covered
DRAWS = 500
Span = tuple[float, float, str]


@dataclass(frozen=True)
class Heard:
    """What a model makes of one scene. ``edges`` [n + 1] seconds, ``values`` [n, labels]; ``events``: None where it is not calibrated."""

    labels: tuple[str, ...]
    edges: Floats
    values: Floats
    events: tuple[Span, ...] | None


def reader_for(labels: Sequence[str], model: Any) -> tuple[Reader, bool]:
    """How the model reads these labels, and whether that is a probability: an uncalibrated model gives similarities, which only rank."""
    try:
        return Reader.of(labels, model, None), True
    except ModelError as error:
        if error.kind != "Capability":
            raise
    names = heads.check_labels(list(labels))
    text = model.embed_text(names)
    same = np.ones(len(names))
    return Reader(tuple(names), lambda v: np.asarray(v @ text.T, dtype=np.float64), same, 0 * same), False


def listen(audio: Audio, reader: Reader, model: Any, *, calibrated: bool = True, rules: Rules | None = None) -> Heard:
    """Curves, and the events of ``auricle detect`` as a user gets them: the model's own calibration, the rules' own threshold."""
    parts = list(curves((audio,), reader, model))
    edges = np.concatenate([*(starts for starts, _, _ in parts), parts[-1][1][-1:]])
    values = np.concatenate([values for _, _, values in parts])
    found = None
    if calibrated:
        decoder = Decoder(len(reader.labels), rules or Rules.of(model))
        closed = [*(event for part in parts for event in decoder.add(*part)), *decoder.finish()]
        found = tuple((start, end, reader.labels[place]) for place, start, end, _ in closed)
    return Heard(reader.labels, edges, values, found)


# ------------------------------------------------------------------------------------------------------------------ event F1

Match = Callable[[Span, Span], bool]  # true event, detected event


def collar(seconds: float, share: float = 0.2) -> Match:
    """Begin within ``seconds``; end within them, or within ``share`` of the true event's length where that is more."""

    def match(true: Span, found: Span) -> bool:
        late = max(seconds, share * (true[1] - true[0]))
        return abs(true[0] - found[0]) <= seconds + 1e-9 and abs(true[1] - found[1]) <= late + 1e-9

    return match


def overlap(least: float = 0.5) -> Match:
    """Intersection over union of at least ``least``."""

    def match(true: Span, found: Span) -> bool:
        shared = min(true[1], found[1]) - max(true[0], found[0])
        whole = max(true[1], found[1]) - min(true[0], found[0])
        return whole > 0 and shared / whole >= least - 1e-9

    return match


MATCHES: dict[str, Match] = {"0.2 s collar": collar(0.2), "1 s collar": collar(1.0), "IoU 0.5": overlap(0.5)}


def matched(true: Sequence[Span], found: Sequence[Span], match: Match) -> int:
    """The most pairs of a true and a detected event that match, each event in one pair. All of one label."""
    from scipy.sparse import csr_matrix
    from scipy.sparse.csgraph import maximum_bipartite_matching

    if not true or not found:
        return 0
    fits = csr_matrix(np.array([[match(t, f) for f in found] for t in true], dtype=np.int8))
    return int(np.sum(maximum_bipartite_matching(fits, perm_type="column") >= 0))


@dataclass(frozen=True)
class Counted:
    """``[scenes, labels]`` each. The statistic is macro F1, the mean over labels that are heard or detected at all."""

    right: Floats
    true: Floats
    found: Floats
    items: tuple[str, ...]
    clusters: tuple[str, ...]

    def at(self, counts: Counts) -> float:
        right, true, found = (counts @ x for x in (self.right, self.true, self.found))
        known = (true + found) > 0
        return float(np.mean(2 * right[known] / (true + found)[known])) if known.any() else float("nan")

    def micro(self) -> Ratio:
        over, under = 2 * self.right.sum(axis=1), (self.true + self.found).sum(axis=1)
        return Ratio(over, under, self.items, self.clusters)


def counted(truths: Sequence[Truth], heard: Sequence[Heard], labels: Sequence[str], match: Match) -> Counted:
    """Scene by scene and label by label. Labels that a scene leaves open are not counted in it, neither right nor wrong."""
    right, true, found = np.zeros((3, len(truths), len(labels)))
    place = {label: i for i, label in enumerate(labels)}
    for row, (truth, ears) in enumerate(zip(truths, heard, strict=True)):
        if ears.events is None:
            raise UsageError("a model that is not calibrated gives no events.", hint="Calibrate it, or look at PSDS alone.")
        own = {label: ([e for e in truth.events if e[2] == label], [e for e in ears.events if e[2] == label]) for label in place}
        for label, (wanted, said) in own.items():
            if label not in truth.open and (wanted or said):
                true[row, place[label]], found[row, place[label]] = len(wanted), len(said)
                right[row, place[label]] = matched(wanted, said, match)
    return Counted(right, true, found, tuple(t.id for t in truths), tuple(t.group for t in truths))


def f1_scores(
    data: str, truths: Sequence[Truth], heard: Sequence[Heard], labels: Sequence[str], model: Any, rules: Rules | None = None
) -> Iterator[Score]:
    """Micro and macro event F1 for each of ``MATCHES``. Beside them: what a model that finds nothing has, 0."""
    told = rules or Rules.of(model)
    details = {"labels": list(labels), "events": "as auricle detect gives them, all labels asked at once", "interval": INTERVAL}
    notes = [f"threshold {told.threshold:g}, low {told.low:g}, merged within {told.merge:g} s"]
    for name, match in MATCHES.items():
        sums = counted(truths, heard, labels, match)
        for way, sample in (("micro", sums.micro()), ("macro", sums)):
            how = How(f"events, {name}", data, _hash(truths), f"event F1, {way}", details)
            yield measured(f"event F1, {name}, {way}", sample, how, model, baselines={"nothing found": 0.0}, notes=notes, rounds=DRAWS)


# ------------------------------------------------------------------------------------------------------------------ PSDS


@dataclass(frozen=True)
class Roc:
    """One label's changes of true positives and false alarms at falling thresholds, and the scene that each belongs to."""

    scores: Floats  # descending
    right: Floats
    false: Floats
    scene: Counts
    events: Floats  # [scenes]: true events


@dataclass(frozen=True)
class Psds:
    """PSDS as a statistic of scenes that were drawn several times, from the deltas that ``sed_scores_eval`` gives once."""

    rocs: tuple[Roc, ...]
    seconds: Floats
    items: tuple[str, ...]
    clusters: tuple[str, ...]

    def at(self, counts: Counts) -> float:
        hours = float(counts @ self.seconds) / 3600
        areas = [_area(roc, counts, hours) for roc in self.rocs]
        known = [a for a in areas if a is not None]
        return float(np.mean(known)) if known else float("nan")


def _area(roc: Roc, counts: Counts, hours: float) -> float | None:
    """Under one label's ROC, up to MAX_RATE; None where the drawn scenes have no such event."""
    events = float(counts @ roc.events)
    if not events:
        return None
    drawn = counts[roc.scene]
    last = np.append(roc.scores[1:] != roc.scores[:-1], True)  # all changes at one score are one step
    right = np.cumsum(roc.right * drawn)[last] / events
    rate = np.cumsum(roc.false * drawn)[last] / hours
    order = np.lexsort((right, rate))
    rate, best = np.append(0.0, rate[order]), np.maximum.accumulate(np.append(0.0, right[order]))
    inside = rate <= MAX_RATE
    edges = np.append(rate[inside], MAX_RATE)
    return float(np.sum(best[inside] * np.diff(edges)) / MAX_RATE)


def psds_sample(truths: Sequence[Truth], heard: Sequence[Heard], labels: Sequence[str], share: float) -> Psds:
    """Needs ``auricle[eval]``. Raises UsageError without it."""
    steps = _steps(share)
    rocs = []
    for label in labels:
        parts = []
        for truth, ears in zip(truths, heard, strict=True):
            values = ears.values[:, ears.labels.index(label)]
            own = [e for e in truth.events if e[2] == label]
            parts.append(steps(values if label not in truth.open else values[:0], ears.edges, own))
        scores, right, false = (np.concatenate([p[i] for p in parts]) for i in range(3))
        scene = np.repeat(np.arange(len(parts)), [len(p[0]) for p in parts])
        order = np.argsort(-scores, kind="stable")
        events = np.array([sum(e[2] == label for e in t.events) for t in truths], dtype=np.float64)
        rocs.append(Roc(scores[order], right[order], false[order], scene[order], events))
    return Psds(tuple(rocs), np.array([t.seconds for t in truths]), tuple(t.id for t in truths), tuple(t.group for t in truths))


def _steps(share: float) -> Callable[[Floats, Floats, Sequence[Span]], tuple[Floats, Floats, Floats]]:
    """One label in one scene → the scores at which detections change, and how many true positives and false alarms come with each.

    By the kernel of ``sed_scores_eval``; its own loop over scenes needs tables of pandas 2, which the rest of auricle does not have.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # one of its dependencies imports pkg_resources
            from sed_scores_eval.base_modules.detection import onset_offset_curves
            from sed_scores_eval.intersection_based.intermediate_statistics import statistics_fn
    except ImportError as error:
        raise UsageError(f"PSDS needs sed_scores_eval ({error}).", hint="pip install 'auricle[eval]'") from None

    def steps(values: Floats, edges: Floats, events: Sequence[Span]) -> tuple[Floats, Floats, Floats]:
        if not len(values):
            return np.zeros(0), np.zeros(0), np.zeros(0)
        scores, onsets, offsets = onset_offset_curves(np.array(values, dtype=np.float64), np.round(edges, 6))
        starts, ends = (np.round(np.array([e[i] for e in events], dtype=np.float64), 6) for i in (0, 1))
        found = statistics_fn(onsets, offsets, starts, ends, {}, {}, share, share, None)
        at, first = np.unique(scores, return_index=True)
        changes = [np.diff(np.append(np.asarray(found[key], dtype=np.float64)[first], 0.0)) * -1 for key in ("tps", "fps")]
        some = (changes[0] != 0) | (changes[1] != 0)
        return at[some], changes[0][some], changes[1][some]

    return steps


def psds_scores(data: str, truths: Sequence[Truth], heard: Sequence[Heard], labels: Sequence[str], model: Any) -> Iterator[Score]:
    """PSDS at both operating points, over the labels that have an event."""
    there = Counter(e[2] for t in truths for e in t.events)
    asked = [label for label in labels if there[label]]
    for name, share in SHARES.items():
        details = {"labels": asked, "dtc": share, "gtc": share, "alpha_ct": 0.0, "alpha_st": 0.0, "max_efpr": MAX_RATE}
        how = How("events", data, _hash(truths), name, {**details, "interval": INTERVAL})
        yield measured(name, psds_sample(truths, heard, asked, share), how, model, baselines={"nothing found": 0.0}, rounds=DRAWS)


def _hash(truths: Sequence[Truth]) -> str:
    return digest([[t.id, round(t.seconds, 4), [[round(a, 4), round(b, 4), x] for a, b, x in t.events], sorted(t.open)] for t in truths])
