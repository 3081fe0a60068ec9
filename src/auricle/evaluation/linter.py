"""Looks at a task before anything is measured on it: what would make its number wrong (an error), or must be known to read it (a warning).

    look(task)                                   # of the items themselves; every task
    of_texts(queries, documents, relevant)       # of retrieval
    of_choices(choices)                          # of questions with options

A ceiling is what somebody finds who knows everything but which of several like questions is meant. A task that can be solved without
its sound is told by two heuristics that see the text alone: the longest option, and the option that is right most often elsewhere.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np

from auricle.data.items import Item
from auricle.data.texts import normal
from auricle.evaluation.benchmark import Finding, Task

CEILING_K = 5  # places of a ranking that the ceiling is computed for
LOW_CEILING = 0.5  # below it the task does not measure what it says
MAJORITY = 0.5  # share of one class from which accuracy alone misleads
FEWEST = 20  # things asked below which heuristics say nothing
SURE = 3.0  # standard errors above chance
SOURCES = ("sound_id", "freesound_id", "fsID", "youtube_id", "ytid", "track_id", "recording", "src_file")


def error(rule: str, message: str) -> Finding:
    return Finding("error", rule, message)


def warning(rule: str, message: str) -> Finding:
    return Finding("warning", rule, message)


def look(task: Task) -> list[Finding]:
    """Ids, sources, labels and sounds of the items."""
    return [*_ids(task), *_groups(task), *_labels(task), *_sounds(task.items)]


# ------------------------------------------------------------------------------------------------------------------- items


def _ids(task: Task) -> list[Finding]:
    twice = _several(item.id for item in task.items)
    return [error("ids", f"{len(twice)} ids stand more than once ({_some(twice)})")] if twice else []


def _groups(task: Task) -> list[Finding]:
    """Sources that are known but not what the interval is resampled over, or that some items do not tell."""
    group, found = task.benchmark.groups, []
    lacking = [item for item in task.items if not _grouped(item, group)]
    if group != "clip" and lacking:
        found.append(
            error("groups", f"{len(lacking)} of {len(task.items)} items do not say their {group} ({_some(i.id for i in lacking)})")
        )
    elif group == "clip" and lacking:
        keys = sorted({key for item in lacking for key in SOURCES if item.extra.get(key)})
        origins = _several(item.source for item in lacking if item.source)
        origins = origins if len({item.source for item in lacking}) > 1 else []  # one for all is the set's own
        if keys or origins:
            what = f"extra.{keys[0]}" if keys else f"their source ({_some(origins)})"
            found.append(error("groups", f"{len(lacking)} items tell {what}, but no clip: takes of one source would count as independent"))
        else:
            found.append(warning("groups", f"{len(lacking)} of {len(task.items)} items name no source; each counts as its own"))
    return found


def _grouped(item: Item, group: str) -> bool:
    return bool(item.extra.get(group.removeprefix("extra."))) if group.startswith("extra.") else bool(item.clip)


def _labels(task: Task) -> list[Finding]:
    found = []
    labels = [label for item in task.items for label in item.labels]
    empty = sorted(item.id for item in task.items if any(not normal(label) for label in item.labels))
    if empty:
        found.append(error("empty", f"{len(empty)} items have a label without words ({_some(empty)})"))
    single = [item.labels[0] for item in task.items if len(item.labels) == 1]
    if labels and len(single) == len(task.items):
        (most, count), *_ = Counter(single).most_common(1)
        share = count / len(single)
        if len(set(single)) > 1 and share > MAJORITY:
            found.append(warning("balance", f"{share:.0%} are {most!r}: saying only that is right so often"))
        few = sorted(label for label, n in Counter(single).items() if n < 2)
        if few and len(few) < len(set(single)):
            found.append(warning("balance", f"{len(few)} of {len(set(single))} classes have one item ({_some(few)})"))
    if labels and task.benchmark.classes:
        never = sorted(set(task.benchmark.classes) - set(labels))
        if never:
            found.append(warning("classes", f"{len(never)} of {len(task.benchmark.classes)} classes are of no item ({_some(never)})"))
    return found


def _sounds(items: Sequence[Item]) -> list[Finding]:
    """The same sound under several ids, where it says something else each time."""
    found = []
    by_sound: dict[str, list[Item]] = defaultdict(list)
    for item in items:
        by_sound[item.hash or f"{item.audio}#{item.start:g}" if item.hash or item.audio else item.id].append(item)
    same = [own for own in by_sound.values() if len(own) > 1]
    if any(len({i.labels for i in own}) > 1 for own in same):
        torn = [i.id for own in same if len({i.labels for i in own}) > 1 for i in own]
        found.append(error("same-sound", f"{len(torn)} items are the same sound with other labels ({_some(torn)})"))
    elif same and any(i.hash for own in same for i in own):
        found.append(
            warning("same-sound", f"{sum(map(len, same)) - len(same)} items hold the sound of another ({_some(i.id for i in same[0])})")
        )
    empty = [item.id for item in items if item.duration == 0]
    if empty:
        found.append(error("empty", f"{len(empty)} sounds last 0 seconds ({_some(empty)})"))
    return found


# --------------------------------------------------------------------------------------------------------------- retrieval


def of_texts(queries: Sequence[str], documents: Sequence[str], relevant: Sequence[Iterable[str]] | None = None) -> list[Finding]:
    """``queries``: as they would be asked, one for each right document; ``documents``: texts that are ranked."""
    found = []
    for name, texts in (("queries", queries), ("documents", documents)):
        empty = sum(not normal(text) for text in texts)
        if empty:
            found.append(error("empty", f"{empty} of {len(texts)} {name} have no words"))
    lacking = sum(not list(one) for one in relevant) if relevant is not None else 0
    if lacking:
        found.append(error("relevant", f"{lacking} of {len(queries)} queries have nothing that is right"))
    most = ceiling(queries, CEILING_K)
    different = len({normal(text) for text in queries})
    if queries and most < LOW_CEILING:
        rule = "ceiling<5%" if most < 0.05 else "ceiling"
        message = (
            f"{len(queries)} queries are {different} texts: with one right answer each nobody finds more than {most:.1%} at {CEILING_K}"
        )
        found.append(error(rule, message))
    elif different < len(queries):
        again = sum(n for n in Counter(map(normal, queries)).values() if n > 1)
        message = f"{again} of {len(queries)} queries have the text of another: it is asked once, and what is right for one is for all"
        found.append(warning("duplicate-queries", message))
    return found


def ceiling(queries: Sequence[str], k: int) -> float:
    """The most that hit@k can be where each query has one right answer of its own: like texts give one ranking."""
    counts = Counter(map(normal, queries))
    return sum(min(k, n) for n in counts.values()) / len(queries) if queries else 1.0


# ----------------------------------------------------------------------------------------------------------------- choices


@dataclass(frozen=True)
class Choice:
    """A question as it is asked: its options in the order in which they stand. ``right``: the place of the right one, or None."""

    id: str
    source: str
    sound: str
    question: str
    options: tuple[str, ...]
    right: int | None


def of_choices(choices: Sequence[Choice]) -> list[Finding]:
    """Options that cannot be told apart, answers that are none, questions that their text answers."""
    found = []
    few = [c.id for c in choices if len(c.options) < 2]
    if few:
        found.append(error("options", f"{len(few)} questions have fewer than two options ({_some(few)})"))
    same = [c.id for c in choices if len({normal(o) for o in c.options}) < len(c.options)]
    if same:
        found.append(error("options", f"{len(same)} questions have an option twice ({_some(same)})"))
    none = [c.id for c in choices if c.right is None]
    if none:
        found.append(error("answer", f"the answer of {len(none)} questions is none of their options ({_some(none)})"))
    empty = [c.id for c in choices if not normal(c.question) or any(not normal(o) for o in c.options)]
    if empty:
        found.append(error("empty", f"{len(empty)} questions or their options have no words ({_some(empty)})"))
    twice = _several(f"{c.sound}\n{normal(c.question)}\n{sorted(map(normal, c.options))}" for c in choices)
    if twice:
        found.append(error("duplicate-questions", f"{len(twice)} questions are asked twice of the same sound"))
    return [*found, *_solvable([c for c in choices if c.right is not None and len(c.options) > 1])]


def _solvable(choices: Sequence[Choice]) -> list[Finding]:
    """What can be had without listening."""
    if len(choices) < FEWEST:
        return []
    chance = float(np.mean([1 / len(c.options) for c in choices]))
    found = []
    place, count = Counter(c.right for c in choices).most_common(1)[0]
    if _above(count / len(choices), chance, len(choices)):
        level = error if count == len(choices) else warning
        found.append(level("position", f"option {(place or 0) + 1} is right in {count / len(choices):.0%} of the questions"))
    for rule, how, right in (
        ("length", "the longest option", _longest(choices)),
        ("text-only", "what is right elsewhere", _elsewhere(choices)),
    ):
        if _above(right, chance, len(choices)):
            found.append(warning(rule, f"choosing {how} is right in {right:.0%} (chance {chance:.0%}): no sound is needed for that"))
    told = [c for c in choices if _tells(c)]
    if len(told) * 20 > len(choices):
        found.append(
            warning("told", f"{len(told)} of {len(choices)} questions hold their answer and no other option ({_some(c.id for c in told)})")
        )
    return found


def _longest(choices: Sequence[Choice]) -> float:
    """Ties give their share."""
    shares = []
    for c in choices:
        lengths = [len(normal(o)) for o in c.options]
        best = [n for n, length in enumerate(lengths) if length == max(lengths)]
        shares.append((c.right in best) / len(best))
    return float(np.mean(shares))


def _elsewhere(choices: Sequence[Choice]) -> float:
    """Choose the option that is right most often where it stands in questions of other sources."""
    right: Counter[str] = Counter()
    offered: Counter[str] = Counter()
    own: dict[str, tuple[Counter[str], Counter[str]]] = defaultdict(lambda: (Counter(), Counter()))
    for c in choices:
        for n, option in enumerate(c.options):
            for counter in (offered, own[c.source][1]):
                counter[normal(option)] += 1
            if n == c.right:
                for counter in (right, own[c.source][0]):
                    counter[normal(option)] += 1
    shares = []
    for c in choices:
        mine_right, mine_offered = own[c.source]
        rates = []
        for option in map(normal, c.options):
            n = offered[option] - mine_offered[option]
            rates.append((right[option] - mine_right[option] + 1 / len(c.options)) / (n + 1))
        best = [n for n, rate in enumerate(rates) if np.isclose(rate, max(rates))]
        shares.append((c.right in best) / len(best))
    return float(np.mean(shares))


def _tells(choice: Choice) -> bool:
    text = f" {normal(choice.question)} "
    named = [n for n, option in enumerate(choice.options) if f" {normal(option)} " in text]
    return named == [choice.right]


def _above(share: float, chance: float, n: int) -> bool:
    return share > chance + SURE * float(np.sqrt(chance * (1 - chance) / n))


def _several(values: Iterable[str]) -> list[str]:
    return [value for value, n in Counter(values).items() if n > 1]


def _some(values: Iterable[str]) -> str:
    first = list(islice(values, 3))
    return ", ".join(first[:2]) + (" …" if len(first) > 2 else "")
