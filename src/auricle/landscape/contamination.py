"""What a model's score on a benchmark can and cannot claim: every known way by which test sounds may have reached its training.

Parts matter. Training on the training part of a set and testing on its test part is no leak, but no zero-shot either; a set that contains
the test part of another is one. Where nobody has counted, that is said. Only relations that somebody read in their source count; what is
left out is told beside the answer, and the answer that it would give.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

from auricle.landscape.graph import weakest
from auricle.landscape.loading import load
from auricle.landscape.names import resolve
from auricle.landscape.schema import DESIGN, Edge, Figure, Landscape, Mark, Record

Level = Literal["seen", "partly", "same-set", "possible", "pool", "removed", "apart"]
LEVELS: Final[tuple[Level, ...]] = ("apart", "removed", "pool", "possible", "same-set", "partly", "seen")
Verdict = Literal["seen", "partly", "same-set", "possible", "pool", "none known", "unknown"]

CLAIMS: Final[dict[Verdict, tuple[str, str]]] = {
    "seen": (
        "how well the model does on sounds of which it met the very recordings while it learnt",
        "zero-shot ability, or how it does on new sounds; compare it only with models that met them, too",
    ),
    "partly": (
        "zero-shot or held-out ability once the items that were met are left out and the rest is scored again",
        "that the whole test was new to the model: some of its items were, or may have been, in the training data",
    ),
    "same-set": (
        "how the model does on held-out sounds of a set whose training part it learnt from",
        "zero-shot ability, or how it does on sounds that were gathered and described in another way",
    ),
    "possible": (
        "held-out ability if an audit by id finds no shared recordings",
        "that it was clean: training and test have an origin in common, and nobody has counted what they share",
    ),
    "pool": (
        "zero-shot or held-out ability, as far as is known",
        "that it is certain: training and test come from one site, and only an audit by id or fingerprint could tell",
    ),
    "none known": (
        "zero-shot or held-out ability, as far as the records reach",
        "more than that: no known way is not a proof, since re-uploads and undeclared data are in no list",
    ),
    "unknown": (
        "how the model does on this test",
        "zero-shot or held-out ability: what it was trained on, or what the test was made of, is not published, not recorded here, or not"
        " read in its source",
    ),
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One way from the training data to the test. ``edges`` run from the model to the benchmark; ``mark`` is that of the weakest."""

    level: Level
    words: str
    edges: list[Edge]
    count: int | None = None
    out_of: int | None = None

    @property
    def mark(self) -> Mark:
        return weakest([edge.mark for edge in self.edges])


@dataclass(frozen=True, slots=True)
class Report:
    model: Record
    benchmark: Record
    verdict: Verdict
    can: str
    cannot: str
    findings: list[Finding]  # the gravest first
    unpublished: list[str]  # parts of the model of which the training data are not known
    figures: list[Figure]  # the scores that this is about
    left_out: list[Edge]  # relations on the ways that nobody read in their source: not counted
    otherwise: Verdict  # what the verdict would be if they were


def contamination(model: str, benchmark: str, *, unverified: bool = False, field: Landscape | None = None) -> Report:
    """Every known way from a model's training data to a benchmark, and what that leaves of its score.

    unverified: also count relations that nobody read in their source.
    """
    field = field or load()
    trained = resolve(field, model, "model")
    test = resolve(field, benchmark, "benchmark", "set")
    findings, unpublished, taught = _study(field, trained, test)
    verdict = otherwise = _verdict(findings, bool(unpublished), taught)
    left_out: list[Edge] = [] if unverified else _unread(field, trained, test, findings)
    if left_out:
        findings, unpublished, taught = _study(field.checked, trained, test)
        verdict = _verdict(findings, True, taught)  # what was not read may hold a way
    can, cannot = CLAIMS[verdict]
    figures = [figure for figure in field.figures if (figure.model, figure.benchmark) == (trained.id, test.id)]
    return Report(trained, test, verdict, can, cannot, findings, unpublished, figures, left_out, otherwise)


def _study(field: Landscape, trained: Record, test: Record) -> tuple[list[Finding], list[str], bool]:
    teachings = list(_teachings(field, trained.id))
    findings = sorted(_findings(field, teachings, test), key=lambda f: (-LEVELS.index(f.level), len(f.edges), f.words))
    return findings, _unpublished(field, trained.id), bool(teachings)


def _verdict(findings: list[Finding], silent: bool, taught: bool) -> Verdict:
    gravest: Level = findings[0].level if findings else "apart"
    if gravest in ("removed", "apart"):
        return "unknown" if silent or not taught else "none known"
    if gravest in ("pool", "possible") and silent:
        return "unknown"
    return gravest  # type: ignore[return-value]  # "removed" and "apart" are gone


def _unread(field: Landscape, trained: Record, test: Record, findings: list[Finding]) -> list[Edge]:
    """What the answer hangs on and nobody read in its source: what the model learnt from and is built on, what the test is made of."""
    chains = [*_parts(field, trained.id), *_teachings(field, trained.id), *(finding.edges for finding in findings)]
    chains += [way for ways in _material(field, test.id).values() for way in ways]
    met = {id(edge): edge for chain in chains for edge in chain if edge.mark != "checked"}
    return list(met.values())


def _parts(field: Landscape, model: str) -> Iterator[list[Edge]]:
    """Chains to all that the model is built on and that may have heard something; the first is empty: the model itself."""
    chains: list[list[Edge]] = [[]]
    seen = {model}
    while chains:
        chain = chains.pop(0)
        yield chain
        for edge in field.out(chain[-1].object if chain else model, "builds-on"):
            if edge.object not in seen and edge.part != DESIGN and field.records[edge.object].family != "text":
                seen.add(edge.object)
                chains.append([*chain, edge])


def _teachings(field: Landscape, model: str) -> Iterator[list[Edge]]:
    """Chains that end in a set the model, or what it is built on, was trained on."""
    for chain in _parts(field, model):
        yield from ([*chain, edge] for edge in field.out(chain[-1].object if chain else model, "trained-on"))


def _unpublished(field: Landscape, model: str) -> list[str]:
    """The model and those of its parts whose training data nobody has published, or recorded."""
    found, line, seen = [], [model], {model}
    while line:
        record = field.records[line.pop(0)]
        closed = any(fact.value == "no" for fact in record.said("open-data"))
        trained = bool(field.out(record.id, "trained-on"))
        if record.kind == "model" and record.family != "cooperated" and (closed or not trained):
            found.append(record.id)
        for edge in field.out(record.id, "builds-on"):
            if edge.object not in seen and edge.part != DESIGN and field.records[edge.object].kind == "model":
                seen.add(edge.object)
                line.append(edge.object)
    return found


def _findings(field: Landscape, teachings: list[list[Edge]], test: Record) -> Iterator[Finding]:
    material = _material(field, test.id)
    told: set[str] = set()
    for chain in sorted(teachings, key=len):
        if chain[-1].object in told:
            continue
        told.add(chain[-1].object)
        removed = next((id for id in chain[-1].without if id == test.id or id in material), None)
        if removed and (removed == test.id or set(material) == {removed}):
            words = f"the trainers declare {field.records[removed].name} removed from {field.records[chain[-1].object].name}"
            yield Finding("removed", words, chain)
            continue
        yield from _meetings(field, chain, test, material)


def _material(field: Landscape, test: str) -> dict[str, list[list[Edge]]]:
    """Every set that a benchmark's sounds come from, with the ways there: several where parts of it lie in several parts."""
    ways: dict[str, list[list[Edge]]] = {}
    chains: list[list[Edge]] = [[edge] for edge in field.out(test, "derived-from")]
    while chains:
        chain = chains.pop(0)
        here = chain[-1].object
        known = ways.setdefault(here, [])
        fresh = not known
        if here != test and (fresh or len(chain) == len(known[0])):
            known.append(chain)
            if fresh:
                chains += [[*chain, edge] for edge in field.out(here, "derived-from")]
    return ways


def _meetings(field: Landscape, chain: list[Edge], test: Record, material: dict[str, list[list[Edge]]]) -> Iterator[Finding]:
    """How one trained set meets the test; the plainest way only, and counts always."""
    taught = chain[-1]
    part = taught.part
    source = field.records[taught.object]
    if source.id == test.id:
        level: Level = "seen" if test.kind == "benchmark" or _tested(part) else "same-set"
        what = f"its {part} part" if part else "which part is not said"
        if level == "same-set" and any(fact.value == "test only" for fact in test.said("splits")):
            level, what = "partly", f"{what}; it was made for testing alone"
        yield Finding(level, f"{test.name} itself is among the training data ({what})", chain)
        return
    counted = list(_overlaps(field, chain, test, material))
    yield from counted
    if source.id in material:
        ways = [_inside(field, chain, way, test, part) for way in material[source.id]]
        yield max(ways, key=lambda finding: LEVELS.index(finding.level))
        return
    above = _material(field, source.id)
    if test.id in above:
        ways = [_drawn_from(field, chain, way, test) for way in above[test.id]]
        yield max(ways, key=lambda finding: LEVELS.index(finding.level))
        return
    if any(finding.level in ("seen", "partly") for finding in counted):
        return
    yield from _siblings(field, chain, above, material, test)


def _inside(field: Landscape, chain: list[Edge], inside: list[Edge], test: Record, part: str) -> Finding:
    """The test was made of the trained set."""
    source = field.records[chain[-1].object]
    lies_in = inside[-1].object_part
    edges = [*chain, *reversed(inside)]
    who = field.records[chain[-1].subject]
    heard = "the model" if len(chain) == 1 else f"its part {who.name}"
    if _tested(lies_in) and not _everything(lies_in) and part and not _tested(part):
        return Finding("same-set", f"{test.name} was made of the test part of {source.name}; {heard} learnt from its {part} part", edges)
    if _tested(lies_in) and not _everything(lies_in) and not part:
        return Finding(
            "possible", f"{test.name} was made of the test part of {source.name}; which part {heard} learnt from is not said", edges
        )
    whole = all(_whole(edge) for edge in inside) and (not _everything(lies_in) or _everything(part))
    say = "all of its sounds lie" if whole else "some or all of its sounds may lie"
    first = inside[0]
    words = f"{test.name} was made of {source.name}: {say} in what {heard} heard"
    return Finding("seen" if whole else "partly", words, edges, first.count, first.out_of)


def _drawn_from(field: Landscape, chain: list[Edge], above: list[Edge], test: Record) -> Finding:
    """The trained set was made of the tested one."""
    source = field.records[chain[-1].object]
    edges = [*chain, *above]
    if _trained_only(above[-1].object_part) or _trained_only(chain[-1].part):
        return Finding("same-set", f"{source.name} was made of the training part of {test.name}", edges)
    last = above[-1]
    say = "also of its test part" if _everything(last.object_part) else "and whether of its test part, too, is not said"
    level: Level = "partly" if _everything(last.object_part) or _whole(last) else "same-set"
    return Finding(level, f"{source.name} was made of {test.name}, {say}", edges, last.count, last.out_of)


def _overlaps(field: Landscape, chain: list[Edge], test: Record, material: dict[str, list[list[Edge]]]) -> Iterator[Finding]:
    """Counts between the trained set and the test (or a set that is all the test was made of)."""
    taught = chain[-1].object
    whole = {id: way for id, ways in material.items() for way in ways if all(_whole(edge) for edge in way)}
    stems: dict[str, list[Edge]] = {test.id: [], **whole}
    for id, way in stems.items():
        for edge in (*field.out(id, "overlaps-with"), *field.into(id, "overlaps-with")):
            if {edge.subject, edge.object} != {id, taught} or edge.subject == edge.object:
                continue
            ours, theirs = (edge.part, edge.object_part) if edge.subject == id else (edge.object_part, edge.part)
            if (ours and not (_tested(ours) or _everything(ours))) or (theirs and not _met(theirs, chain[-1].part)):
                continue
            yield _overlap(field, [*chain, edge, *reversed(way)], edge, id, theirs)


def _overlap(field: Landscape, edges: list[Edge], edge: Edge, id: str, theirs: str) -> Finding:
    name, other = field.records[id].name, field.records[edge.object if edge.subject == id else edge.subject].name
    where = f"the {theirs} part of {other}" if theirs else other
    basis = {"": "", "declared": ", as declared"}.get(edge.basis, f", by {edge.basis}")
    if edge.count == 0:
        return Finding("apart", f"{name} and {where} share nothing{basis}", edges, 0, edge.out_of)
    ours = edge.part if edge.subject == id else edge.object_part
    if _everything(ours) and any("train" in str(fact.value) for fact in field.records[id].said("splits")):
        amount = f"{edge.share:.1%}" if edge.share is not None else f"{edge.count:,} items" if edge.count is not None else "some"
        words = f"{amount} of {name}, its training part included, are in {where}{basis}; how much of its test is not said"
        return Finding("possible", words, edges)
    if edge.count is not None and edge.subject == id:
        level: Level = "seen" if edge.out_of is not None and edge.count == edge.out_of else "partly"
        of = f" of {edge.out_of:,}" if edge.out_of else ""
        return Finding(level, f"{edge.count:,}{of} items of {name} are in {where}{basis}", edges, edge.count, edge.out_of)
    if edge.share is not None:
        return Finding("partly", f"{edge.share:.1%} of {name} are in {where}{basis}", edges)
    return Finding("partly", f"{name} and {where} overlap{basis}; nobody has counted it" if edge.count is None else
                   f"{name} and {where} share {edge.count:,} items{basis}", edges, edge.count)  # fmt: skip


def _siblings(
    field: Landscape, chain: list[Edge], above: dict[str, list[list[Edge]]], material: dict[str, list[list[Edge]]], test: Record
) -> Iterator[Finding]:
    source = field.records[chain[-1].object]
    shared = next((id for id in above if id in material), None)
    if shared:
        way = [*chain, *above[shared][0], *reversed(material[shared][0])]
        words = f"{source.name} and {test.name} were both drawn from {field.records[shared].name}; what they share is not counted"
        yield Finding("possible", words, way)
        return
    pools = _pools(field, source.id) & _pools(field, test.id)
    if pools:
        yield Finding("pool", f"{source.name} and {test.name} both hold sounds of {', '.join(sorted(pools))}", chain)


def _pools(field: Landscape, id: str) -> set[str]:
    facts = field.records[id].said("pools")
    return {pool for fact in facts if isinstance(fact.value, list) for pool in fact.value if pool != "web-video"}


def _whole(edge: Edge) -> bool:
    return edge.share == 1.0 or (edge.count is not None and edge.count == edge.out_of)


def _tested(part: str) -> bool:
    return bool(re.search(r"\b(test|eval|evaluation)\b", part)) or _everything(part)


def _everything(part: str) -> bool:
    return bool(re.search(r"\ball\b|\bwhole\b", part)) or bool(re.search(r"train", part) and re.search(r"test|evaluation", part))


def _trained_only(part: str) -> bool:
    return "train" in part and not _tested(part)


def _met(theirs: str, taught: str) -> bool:
    """Whether the part that overlaps may have been trained on."""
    if _everything(theirs) or _everything(taught):
        return True
    if not taught:  # not said: by custom the training part
        return not _tested(theirs) and theirs not in ("val", "validation")
    words, learnt = set(theirs.split()), set(taught.split())
    return words <= learnt or learnt <= words
