"""Retrieval: what was asked, how evidence is weighed, and which moments are shown.

Pure functions over arrays; a library feeds them. The path of a query:

    "rain, no voices" → understand → wanted "rain", unwanted ("voices",)
    scores of windows → standardise (against the library's own windows) → weigh wanted against unwanted
    sound, words, texts → fuse → merge neighbouring windows into moments → diversify over recordings
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Query:
    """What a person asked for. ``wanted`` is empty when only unwanted sounds were named."""

    wanted: str
    unwanted: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Weights:
    """How much each source of evidence counts, and how moments are formed.

    Chosen on the development half of the search benchmark; see ``recipes/search_benchmark``.
    """

    sound: float = 1.0
    words: float = 1.5
    texts: float = 2.0
    meaning: float = 0.3  # cosine from which what a name means counts at all
    unwanted: float = 1.0  # how hard an unwanted sound pulls down
    surprise: float = 3.0  # standard deviations above the library's mean that count as half-certain
    merge: float = 1.0  # neighbours within this many standard deviations of the peak join its moment
    repeat: float = 0.15  # each further moment of one recording is ranked lower by this much


# "no", "without", … open an unwanted part; it lasts to a comma, a full stop, or a word that turns back to what is wanted.
_OPENER = re.compile(
    r"(?:^|[\s,;(–—-])(?:(?:but|and|with|has|having|there (?:is|are))\s+)*"
    r"(?:without|excluding|except(?:\s+for)?|minus|lacking|free of|neither|nor|nobody|nothing|none|no|not|"
    r"isn't|aren't|doesn't (?:have|contain))\s+",
    re.IGNORECASE,
)
_CLOSER = re.compile(r"[,;.()]|\s(?:but|while|yet|only|just|with(?!out)|instead)\s", re.IGNORECASE)
_SPLIT = re.compile(r"\s*(?:\bor\b|\bnor\b|\band\b|/|&)\s*", re.IGNORECASE)
_FILLER = re.compile(
    r"^(?:(?:no|not|without|any|a|an|the|some|much|too|sounds? of|noises? of|hearing|of|kind of|one|any(?:one|body)?)\s+)+", re.IGNORECASE
)
_DANGLING = re.compile(
    r"(?:^[\s,;.)]+|[\s,;.(]+$|(?<=\s)\)|\s+(?:but|and|with|or|please|(?:that|which) (?:is|are|has|have))\s*$)", re.IGNORECASE
)
_PREPOSITION = re.compile(r"^(?:on|in|at|from|by|near|inside|outside|under|over|through)\s", re.IGNORECASE)
# Openers that only look like a negation: "no. 5", "no 5", "not only", "no-one", "no man's land".
_NOT_NEGATION = re.compile(r"^(?:\.|\d|only\b|just\b|one\b|man'?s land)", re.IGNORECASE)


def understand(query: str, unwanted: Sequence[str] = ()) -> Query:
    """Split a query into what is wanted and what is not.

    ``"rain on a tin roof, no voices or music"`` → wanted ``"rain on a tin roof"``, unwanted ``("voices", "music")``.
    An unwanted part that starts with a preposition is read with what precedes it: ``"footsteps, not on wood"`` → ``"footsteps on wood"``.
    ``unwanted`` adds more, as ``--not`` does. Text in double quotes is never read as a negation.
    """
    quoted: list[str] = []

    def hide(match: re.Match[str]) -> str:
        quoted.append(match.group(1))
        return f"\x00{len(quoted) - 1}\x00"

    def show(text: str) -> str:
        return re.sub(r"\x00(\d+)\x00", lambda m: quoted[int(m.group(1))], text)

    rest = re.sub(r'"([^"]*)"', hide, " ".join(query.split()))
    wanted, found = "", list[str]()
    while match := _OPENER.search(rest):
        tail = rest[match.end() :]
        if _NOT_NEGATION.match(tail):
            wanted, rest = wanted + rest[: match.end()], tail
            continue
        head = wanted + rest[: match.start()]
        close = _CLOSER.search(tail)
        part = tail[: close.start()] if close else tail
        wanted, rest = head + " ", tail[close.start() :] if close else ""
        for piece in _SPLIT.split(part):
            piece = _FILLER.sub("", _tidy(piece))
            if piece and _PREPOSITION.match(piece) and _tidy(head):
                piece = f"{_tidy(head)} {piece}"
            if piece:
                found.append(piece)
    wanted = _tidy(wanted + rest)
    every = [show(p) for p in found] + [" ".join(u.split()) for u in unwanted if u.strip()]
    return Query(show(wanted), tuple(dict.fromkeys(every)))


def _tidy(text: str) -> str:
    text = re.sub(r"\s+([,;.])", r"\1", " ".join(text.split()))
    text = re.sub(r"([,;])\s*[,;.]+", r"\1", text)
    while (shorter := _DANGLING.sub("", text)) != text:
        text = shorter
    return re.sub(r"^(?:but|and|with)\s+", "", text, flags=re.IGNORECASE)


_JOINT = re.compile(r"[,;]|\b(?:and|with|while|then|over|followed by|before|after|plus)\b", re.IGNORECASE)


def parts(wanted: str) -> list[str]:
    """The sounds that a compound query names: ``"rain with thunder"`` → ``["rain", "thunder"]``; nothing for a simple one."""
    found = [p for piece in _JOINT.split(wanted) if (p := _FILLER.sub("", _tidy(piece)))]
    return found if len(found) > 1 else []


def together(whole: Floats, pieces: Floats) -> Floats:
    """Evidence ``[n]`` for a compound from that for all of it and that for its pieces ``[m, n]``, in standard deviations.

    Pieces are capped, so that one that is loud and clear does not stand for those that are missing.
    """
    if pieces.size == 0:
        return whole
    return np.asarray(0.5 * whole + 0.5 * np.minimum(pieces, 4.0).mean(axis=0), dtype=np.float32)


def standardise(scores: Floats, mean: float, deviation: float) -> Floats:
    """Scores in standard deviations above the library's mean for this query, so that queries compare and fuse."""
    return ((scores - mean) / max(deviation, 1e-6)).astype(np.float32)


def certainty(surprise: Floats, weights: Weights) -> Floats:
    """Standard deviations → 0…1, half at ``weights.surprise``; strictly increasing, so it never reorders."""
    return np.asarray(1.0 / (1.0 + np.exp(weights.surprise - surprise.astype(np.float64))), dtype=np.float32)


def against(wanted: Floats, unwanted: Floats, weights: Weights) -> Floats:
    """Standardised evidence ``[n]`` for what is wanted, less what speaks for unwanted sounds ``[m, n]``.

    Kinds of sound resemble each other (rain and running water): only where an unwanted one is clearly the better name, by more
    than one deviation, does it count.
    """
    if unwanted.size == 0:
        return wanted
    presence = np.maximum(unwanted.max(axis=0) - wanted - 1.0, 0.0)
    return np.asarray(wanted - weights.unwanted * presence, dtype=np.float32)


def apart(evidence: Floats, clips: Floats, weights: Weights) -> Floats:
    """Evidence ``[n]``, less what sounds like clips that were turned down ``[m, n]``: all that stands out as like them counts."""
    if clips.size == 0:
        return evidence
    return np.asarray(evidence - weights.unwanted * np.maximum(clips.max(axis=0) - 1.0, 0.0), dtype=np.float32)


@dataclass(frozen=True, slots=True)
class Moment:
    """Neighbouring windows of one content, joined. ``peak`` is the index of the best window in the arrays given to :func:`merge`."""

    content: int
    start: float
    end: float
    score: float
    peak: int


RELATIVE = 0.3  # of a peak's score: below it no neighbour joins, or a weak peak would swallow its recording


def merge(contents: npt.NDArray[np.int64], starts: Floats, ends: Floats, scores: Floats, reach: float) -> list[Moment]:
    """Join windows of one content that touch and score within ``reach`` of the best of them; best moment first.

    Arrays are parallel, one entry a candidate window ``[n]``; windows that are no candidates break a moment.
    A window belongs to one moment only, the one of its highest peak.
    """
    by_time = np.lexsort((starts, contents))
    place = np.empty_like(by_time)
    place[by_time] = np.arange(len(by_time))
    floors = (scores - np.minimum(np.float32(reach), np.float32(RELATIVE) * np.abs(scores))).tolist()
    order, at_place, in_time = np.argsort(-scores, kind="stable").tolist(), place.tolist(), by_time.tolist()
    # Plain numbers: thousands of windows are looked at one by one, and an array gives each up ten times as slowly.
    content, begin, finish, score = contents.tolist(), starts.tolist(), ends.tolist(), scores.tolist()
    taken = [False] * len(order)
    moments = []
    for peak in order:
        if taken[peak]:
            continue
        taken[peak] = True
        own, start, end, floor = content[peak], begin[peak], finish[peak], floors[peak]
        for step in (-1, 1):
            at = at_place[peak] + step
            while 0 <= at < len(in_time):
                i = in_time[at]
                if content[i] != own or taken[i] or score[i] < floor or begin[i] > end or finish[i] < start:
                    break
                taken[i] = True
                start, end = min(start, begin[i]), max(end, finish[i])
                at += step
        moments.append(Moment(own, start, end, score[peak], peak))
    return moments


def separate(moments: Sequence[Moment]) -> list[Moment]:
    """Drop a moment whose middle lies inside a better moment of the same content: overlapping windows hear the same thing twice."""
    kept: list[Moment] = []
    by_content: dict[int, list[tuple[float, float]]] = {}
    for moment in moments:
        better = by_content.setdefault(moment.content, [])
        middle = (moment.start + moment.end) / 2
        for start, end in better:
            if start <= middle <= end:
                break
        else:
            better.append((moment.start, moment.end))
            kept.append(moment)
    return kept


def diversify(moments: Sequence[Moment], limit: int, repeat: float) -> list[Moment]:
    """The first ``limit`` moments when the k-th of one content is ranked ``(k-1) · repeat`` lower: none floods the list."""
    seen: dict[int, int] = {}
    ranked = []
    for order, moment in enumerate(moments):
        count = seen.get(moment.content, 0)
        seen[moment.content] = count + 1
        ranked.append((-(moment.score - repeat * count), order))
    ranked.sort()
    return [moments[order] for _, order in ranked[:limit]]


def fuse(parts: Mapping[str, Floats], weights: Weights) -> Floats:
    """The weighted sum of evidence, each part 0…1; windows ``[n]`` in every part. Weights are by the part's name."""
    total: Floats | None = None
    for name, values in parts.items():
        term = getattr(weights, name) * values
        total = term if total is None else total + term
    if total is None:
        raise ValueError("no evidence to fuse")
    return np.asarray(total, dtype=np.float32)
