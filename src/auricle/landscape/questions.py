"""Finding, comparing, counting, citing."""

from __future__ import annotations

import math
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from auricle.errors import UsageError
from auricle.landscape.conflicts import Conflict, conflicts
from auricle.landscape.licences import LICENSED, WEIGHTS, Terms, terms, use_of_claims
from auricle.landscape.loading import load
from auricle.landscape.names import plain, resolve, spellings
from auricle.landscape.schema import FAMILIES, KINDS, Edge, Fact, Figure, Landscape, Record

MEANING: Final = 0.2  # what likeness of meaning weighs beside words
ENOUGH: Final = 20  # records that hold a word of the query, before those that hold none are looked at
Embed = Callable[[Sequence[str]], Any]  # texts → an array of unit vectors, one a text


@dataclass(frozen=True, slots=True)
class Hit:
    record: Record
    score: float


@dataclass(frozen=True, slots=True)
class Shown:
    """All that is known of one record."""

    record: Record
    out: list[Edge]
    into: list[Edge]
    figures: list[Figure]  # of a model its scores, of a benchmark the scores on it
    conflicts: list[Conflict]
    terms: Terms | None  # what it is stated to be under, and what it was made of; None for kinds that carry no licence


def find(
    text: str = "", *, kind: str | None = None, family: str | None = None, domain: str | None = None, task: str | None = None,
    since: int | None = None, until: int | None = None, free: bool = False, limit: int = 20, embed: Embed | None = None,
    field: Landscape | None = None,
) -> list[Hit]:  # fmt: skip
    """Records that fit the filters, by how well they answer the text: by words, and by meaning where an encoder is given.

    free: only models whose weights are under a licence that lets a company use them, as read in its source.
    """
    field = field or load()
    _known("kind", kind, KINDS)
    _known("family", family, [name for names in FAMILIES.values() for name in names])
    wanted = resolve(field, task, "task").id if task else None
    pool = [
        record for record in field.records.values()
        if (kind is None or record.kind == kind) and (family is None or record.family == family)
        and (domain is None or domain in record.domains)
        and (since is None or record.year >= since) and (until is None or 0 < record.year <= until)
        and (not free or (record.kind == "model" and use_of_claims(record, WEIGHTS) == "free"))
    ]  # fmt: skip
    if wanted:
        solving = {edge.subject for edge in field.into(wanted, "solves-task")}
        pool = [record for record in pool if record.id in solving]
    if not text.strip():
        return [Hit(record, 1.0) for record in sorted(pool, key=lambda r: (-r.year, r.id))[:limit]]
    ranked = sorted(zip(_scores(field, pool, text, embed), pool, strict=True), key=lambda pair: (-pair[0], pair[1].id))
    return [Hit(record, round(score, 4)) for score, record in ranked[:limit] if score > 0]


def _scores(field: Landscape, pool: list[Record], text: str, embed: Embed | None) -> list[float]:
    """Words that are rare in the field weigh more; a name that is asked for stands first; meaning decides the rest."""
    documents = [told(field, record) for record in pool]
    bags = [Counter(_words(document)) for document in documents]
    held = Counter(word for bag in bags for word in bag)
    asked = [word for word in _words(text) if word in held]
    weights = {word: math.log(1 + len(bags) / held[word]) for word in asked}
    scale = sum(weights.values()) or 1.0
    lexical = [sum(weight * min(bag[word], 2) / 2 for word, weight in weights.items()) / scale for bag in bags]
    key = plain(text)
    named = [1.0 if any(key == spelled for spelled in spellings(record)) else 0.0 for record in pool]
    scores = [n + score for n, score in zip(named, lexical, strict=True)]
    if embed is None:
        return scores
    # The encoder that ships knows sounds better than it knows papers: words lead, meaning tells apart what words leave equal, and answers
    # alone where no word is met. What holds no word is left out as long as enough holds one.
    held_one = [i for i, score in enumerate(scores) if score > 0]
    near = held_one if len(held_one) >= ENOUGH else list(range(len(pool)))
    vectors = embed([text, *(documents[i] for i in near)])
    for i, vector in zip(near, vectors[1:], strict=True):
        scores[i] += MEANING * max(0.0, float(vectors[0] @ vector))
    return scores


def told(field: Landscape, record: Record) -> str:
    """A record as text to search in: its name, what it is, its tasks and objectives."""
    linked = [field.records[edge.object].name for edge in field.out(record.id, "solves-task", "uses-objective")]
    return ". ".join(
        filter(None, [record.name, f"{record.family} {record.kind}", record.about, ", ".join(linked), ", ".join(record.domains)])
    )


def _words(text: str) -> list[str]:
    return [word[:-1] if len(word) > 4 and word.endswith("s") else word for word in re.findall(r"\w+", text.casefold()) if len(word) > 1]


def _known(what: str, given: str | None, known: Sequence[str]) -> None:
    if given is not None and given not in known:
        raise UsageError(f"there is no {what} {given!r}.", hint=f"Choose from {', '.join(dict.fromkeys(known))}.")


def show(name: str, *, unverified: bool = False, field: Landscape | None = None) -> Shown:
    """unverified: count licences and relations that nobody read in their source for what was inherited, too."""
    field = field or load()
    record = resolve(field, name)
    figures = [figure for figure in field.figures if record.id in (figure.model, figure.benchmark)]
    disagreeing = conflicts(field, model=record.id) if record.kind == "model" else conflicts(field, benchmark=record.id)
    licences = terms(record.id, unverified=unverified, field=field) if record.kind in LICENSED else None
    return Shown(record, field.out(record.id), field.into(record.id), figures, disagreeing, licences)


@dataclass(frozen=True, slots=True)
class Comparison:
    """Records side by side. ``figures`` holds what they were both measured on; numbers of different protocols are not one ranking."""

    records: list[Record]
    rows: dict[str, list[list[Fact]]]  # key → the facts of each record
    shared: dict[str, list[str]]  # relation → what all of them have
    own: dict[str, list[list[str]]]  # relation → what each has that not all have
    figures: dict[tuple[str, str, str], list[list[Figure]]]  # benchmark, metric, split → the figures of each


def compare(names: Sequence[str], *, field: Landscape | None = None) -> Comparison:
    field = field or load()
    if len(names) < 2:
        raise UsageError("to compare takes two names at least.")
    records = [resolve(field, name) for name in names]
    if len({record.id for record in records}) < len(records):
        raise UsageError("the same record is named twice.")
    keys = dict.fromkeys(fact.key for record in records for fact in record.facts)
    shared, own = {}, {}
    for relation in ("trained-on", "builds-on", "derived-from", "uses-objective", "solves-task"):
        held = [list(dict.fromkeys(edge.object for edge in field.out(record.id, relation))) for record in records]
        both = [id for id in held[0] if all(id in ids for ids in held)]
        if any(held):
            shared[relation], own[relation] = both, [[id for id in ids if id not in both] for ids in held]
    figures: dict[tuple[str, str, str], list[list[Figure]]] = {}
    for i, record in enumerate(records):
        for figure in field.figures:
            if figure.model == record.id:
                figures.setdefault((figure.benchmark, figure.metric, figure.split), [[] for _ in records])[i].append(figure)
    common = {key: columns for key, columns in figures.items() if sum(bool(column) for column in columns) > 1}
    return Comparison(records, {key: [record.said(key) for record in records] for key in keys}, shared, own, common)


def timeline(
    *, kind: str | None = None, family: str | None = None, since: int | None = None, until: int | None = None,
    field: Landscape | None = None,
) -> dict[int, list[Record]]:  # fmt: skip
    """Year → what was published in it: models, sets and benchmarks, or one kind."""
    field = field or load()
    _known("kind", kind, KINDS)
    _known("family", family, [name for names in FAMILIES.values() for name in names])
    kinds: tuple[str, ...] = (kind,) if kind else ("model", "set", "benchmark")
    years: dict[int, list[Record]] = {}
    for record in field.records.values():
        fits = record.kind in kinds and record.year and (family is None or record.family == family)
        if fits and (since is None or record.year >= since) and (until is None or record.year <= until):
            years.setdefault(record.year, []).append(record)
    return {year: sorted(years[year], key=lambda record: (kinds.index(record.kind), record.id)) for year in sorted(years)}


def stats(*, field: Landscape | None = None) -> dict[str, int]:
    """Counts. ``facts`` are all statements that carry a source (facts, relations, figures); ``checked`` those whose source was read."""
    field = field or load()
    marks = [said.mark for record in field.records.values() for said in record.facts]
    marks += [edge.mark for edge in field.edges] + [figure.mark for figure in field.figures]
    return {
        "models": len(field.of("model")), "sets": len(field.of("set")), "benchmarks": len(field.of("benchmark")),
        "edges": len(field.edges), "facts": len(marks), "checked": marks.count("checked"),
    }  # fmt: skip


def cite(name: str, *, field: Landscape | None = None) -> str:
    """BibTeX. A paper that nobody looked up for us says so in its note."""
    field = field or load()
    record = resolve(field, name)
    paper = record.paper
    if paper is None or not paper.title:
        link = f" See {record.links[0]}." if record.links else ""
        raise UsageError(f"no paper is recorded for {record.name}.{link}")
    kind = "inproceedings" if paper.venue else "misc"
    year = paper.year or record.year
    fields = {
        "title": "{" + paper.title + "}", "author": " and ".join(paper.authors), "booktitle": paper.venue,
        "year": str(year) if year else "", "eprint": paper.arxiv, "archiveprefix": "arXiv" if paper.arxiv else "",
        "doi": paper.doi, "url": paper.url or (f"https://arxiv.org/abs/{paper.arxiv}" if paper.arxiv else ""),
        "note": "" if paper.mark == "checked" else "not checked against the paper",
    }  # fmt: skip
    lines = [f"  {key} = {{{value}}}," for key, value in fields.items() if value]
    return "\n".join([f"@{kind}{{{_key(record, year)},", *lines, "}"])


def _key(record: Record, year: int) -> str:
    first = record.paper.authors[0].split(",")[0] if record.paper and record.paper.authors else record.id
    letters = unicodedata.normalize("NFKD", first).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]", "", letters.casefold()) + (str(year) if year else "") + re.sub(r"[^a-z0-9]", "", record.id)
