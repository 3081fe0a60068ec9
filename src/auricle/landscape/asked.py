"""What the rest of auricle asks: what is known of this model, what do these sets share, a record of a model that was made here."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from auricle.landscape.conflicts import conflicts
from auricle.landscape.licences import DATA, UNREAD, WEIGHTS, Use, strictest, terms, unread, use_of, use_of_claims, worded
from auricle.landscape.names import plain, spellings
from auricle.landscape.schema import Edge, Landscape, Record

MEANING: Final[dict[Use, str]] = {
    "free": "any use, with credit at most",
    "own terms": "a licence of its own that one has to read",
    "none stated": "its makers state none, which permits nothing",
    "non-commercial": "not for commercial use",
    "closed": "not handed out",
    "unknown": "what it permits is not known",
}
WARNED: Final[tuple[Use, ...]] = ("none stated", "non-commercial", "closed", "unknown")


@dataclass(frozen=True, slots=True)
class Known:
    """A model of the field. ``traps``: what one should know before one trusts or uses it, each with where it is from."""

    record: Record
    use: Use | None  # of its weights, the strictest of what was read in its source; None: no licence is recorded
    traps: tuple[str, ...] = field(default=())


@dataclass(frozen=True, slots=True)
class Declared:
    """What two sets are known to share. ``way``: ids from the one to the other, where it goes through more than one step."""

    left: str
    right: str
    says: str
    source: str
    mark: str
    way: tuple[str, ...]


def about_model(field: Landscape, name: str) -> Known | None:
    """The record of a model by id, name, alias or the repository that holds its weights (``hf:…`` and revisions do not matter)."""
    record = find_model(field, name)
    if record is None:
        return None
    return Known(record, use_of_record(record), tuple(traps(field, record)))


def render(field: Landscape, known: Known) -> str:
    """The record of a model in a few lines of text, for a terminal."""
    record = known.record
    lines = [f"{record.name} ({record.id}), {record.family.replace('-', ' ')}, {record.year or 'undated'}", record.about]
    for words, relation in (("trained on", "trained-on"), ("builds on", "builds-on"), ("evaluated on", "evaluated-on")):
        edges = [edge for edge in field.edges if edge.subject == record.id and edge.type == relation]
        named = [f"{field.records[edge.object].name}{'' if edge.mark == 'checked' else f' ({edge.mark})'}" for edge in edges]
        lines += [f"{words}: {', '.join(dict.fromkeys(named))}"] if named else []
    lines += [f"trap: {trap}" for trap in known.traps]
    return "\n".join(line for line in lines if line)


def licence_warning(name: str, known: Known | None, stated: str = "") -> str:
    """A sentence for who is about to use weights that may not be used freely; empty where they may. ``stated``: as a card or hub says."""
    claims = [str(fact.value) for key in WEIGHTS for fact in known.record.said(key) if fact.mark == "checked"] if known else []
    claims += [_tag(stated)] if stated else []
    hearsay = [str(fact.value) for fact in unread(known.record, WEIGHTS)] if known else []
    if not claims and known is None:
        return ""
    where = f" See `auricle landscape show {known.record.id}`." if known else ""
    if not claims and hearsay:
        return f"the licence of the weights of {name}: {UNREAD} (claimed: {'; '.join(dict.fromkeys(hearsay))}).{where}"
    bound = strictest([use_of(claim) for claim in claims])
    if bound not in WARNED and strictest([use_of(claim) for claim in (*claims, *hearsay)]) not in WARNED:
        return ""
    said = f" Stated: {'; '.join(dict.fromkeys(claims))}." if claims else " None is recorded."
    other = f" Claimed elsewhere, {UNREAD}: {'; '.join(dict.fromkeys(hearsay))}." if hearsay else ""
    return f"the licence of the weights of {name}: {bound}, {MEANING[bound]}.{said}{other}{where}"


def _tag(stated: str) -> str:
    """``cc-by-nc-4.0``, as hubs write it → ``CC BY-NC 4.0``."""
    found = re.fullmatch(r"cc-(by(?:-\w{2})*)-(\d\.\d)", stated.strip().lower())
    return f"CC {found[1].upper()} {found[2]}" if found else stated


def find_model(field: Landscape, name: str) -> Record | None:
    """By the whole of a name only: whoever asks may mean something that the field does not know."""
    asked = name.strip().partition("@")[0]
    loose = None
    for record in field.of("model"):
        hubs = [one for one in (*record.aliases, *record.links) if "/" in one and (one.startswith("hf:") or "://" not in one)]
        links = [_repository(link) for link in record.links if "://" in link]
        if plain(asked) in spellings(record) | {plain(one) for one in (*hubs, *links)}:
            return record
        if "/" in asked and asked.rpartition("/")[2].lower() in {one.rpartition("/")[2].lower() for one in hubs}:
            loose = loose or record  # the same weights in another's repository
    return loose


def use_of_record(record: Record) -> Use | None:
    """The strictest of what was read in its source of the record itself; ``unknown`` where claims are recorded that nobody read."""
    keys = WEIGHTS if record.kind in ("model", "encoder") else DATA
    return use_of_claims(record, keys) if any(record.said(key) for key in keys) else None


def traps(field: Landscape, record: Record) -> Iterator[str]:
    """What one should know of a record before one trusts or uses it."""
    for fact in record.said("trap"):
        yield f"{fact.value} ({fact.source}; {fact.mark})"
    for edge in field.into(record.id, "critiques"):
        yield f"{edge.note or f'{field.records[edge.subject].name} shows a fault of it.'} ({edge.source}; {edge.mark})"
    if record.kind != "model":
        return
    for found in conflicts(field, model=record.id):
        values = ", ".join(f"{figure.value:g} ({figure.source})" for figure in found.figures)
        yield f"Published figures differ: {field.records[found.benchmark].name}, {found.metric}: {values}."
    claims = [fact for key in WEIGHTS for fact in record.said(key)]
    bound = use_of_record(record)
    if bound in WARNED:
        said = "; ".join(f"{worded(fact)} ({fact.source}; {fact.mark})" for fact in claims)
        yield f"Licence of the weights: {bound}, {MEANING[bound]}. {said}"
    inherited = terms(record.id, field=field)
    if inherited.conflict and inherited.use != bound and inherited.use in ("non-commercial", "closed"):
        below = dict.fromkeys(
            f"{field.records[link.record].name} ({link.fact.value})" for link in inherited.inherited if link.use == inherited.use
        )
        yield f"Made from what is {inherited.use}: {', '.join(list(below)[:4])}{' and more' if len(below) > 4 else ''}."


def declared(field: Landscape, sets: Collection[str], others: Collection[str]) -> list[Declared]:
    """What sets by these names are known to share with the others, directly or by what they are made of; names that are no record
    are passed over."""
    left, right = _data(field, sets), _data(field, others)
    found = []
    for one in left:
        for other in right:
            if one != other:
                found += _between(field, one, other)
    return list(dict.fromkeys(found))


def tests(field: Landscape) -> set[str]:
    """Ids of what models are measured with: benchmarks, and sets that a model was evaluated on."""
    return {record.id for record in field.of("benchmark")} | {edge.object for edge in field.edges if edge.type == "evaluated-on"}


def _data(field: Landscape, names: Collection[str]) -> list[str]:
    ids: dict[str, str] = {}
    for record in field.records.values():
        if record.kind in ("set", "benchmark"):
            ids |= {_bare(one): record.id for one in (record.id, record.name, *record.aliases)}
    return list(dict.fromkeys(ids[_bare(name)] for name in names if _bare(name) in ids))


def _between(field: Landscape, one: str, other: str) -> list[Declared]:
    mine, theirs = _ancestry(field, one), _ancestry(field, other)
    found: list[Declared] = []
    for a, way in mine.items():
        for b, back in theirs.items():
            if found and len(way) + len(back) > 2:
                continue  # what was counted between the two themselves says more than what their parents share
            for edge in field.edges:
                if a != b and edge.type == "overlaps-with" and {edge.subject, edge.object} == {a, b}:
                    if edge.count == 0 and (a, b) != (one, other):
                        continue
                    found.append(Declared(one, other, _says(field, edge), edge.source, edge.mark, (*way, *reversed(back))))
    if other in mine or one in theirs:
        child, parent = (one, other) if other in mine else (other, one)
        way = mine.get(other) or theirs[one]
        edge = next(e for e in field.out(way[0], "derived-from") if e.object == way[1])
        through = f", by {' → '.join(field.records[id].name for id in way[1:-1])}" if len(way) > 2 else ""
        says = f"{field.records[child].name} is made from {field.records[parent].name}{through}"
        found.append(Declared(one, other, says, edge.source, edge.mark, way))
    elif common := [id for id in mine if id in theirs and len(mine[id]) > 1 and len(theirs[id]) > 1]:
        nearest = min(common, key=lambda id: len(mine[id]) + len(theirs[id]))
        edge = next(e for e in field.out(one, "derived-from") if e.object == mine[nearest][1])
        says = f"both are made from {field.records[nearest].name}; what they share is not counted here"
        if not found:
            found.append(Declared(one, other, says, edge.source, edge.mark, (*mine[nearest], *reversed(theirs[nearest][:-1]))))
    return found


def _ancestry(field: Landscape, id: str) -> dict[str, tuple[str, ...]]:
    """What a set is made from → the way there, itself first."""
    ways: dict[str, tuple[str, ...]] = {id: (id,)}
    front = [id]
    while front:
        at = front.pop(0)
        for edge in field.out(at, "derived-from"):
            if edge.object not in ways:
                ways[edge.object] = (*ways[at], edge.object)
                front.append(edge.object)
    return ways


def _says(field: Landscape, edge: Edge) -> str:
    ends = ((edge.subject, edge.part), (edge.object, edge.object_part))
    mine, theirs = (field.records[id].name + (f" ({part})" if part else "") for id, part in ends)
    number = f"{edge.share:.1%}" if edge.share is not None else "some"
    if edge.count is not None:
        number = f"{edge.count:,}" + (f" of {edge.out_of:,}" if edge.out_of else "")
    return f"{number} of {mine} in {theirs}" + (f", by {edge.basis}" if edge.basis else "")


def from_card(card: Mapping[str, Any], field: Landscape, *, date: str) -> tuple[str, str]:
    """Id and YAML of the record of a model that was made here: what its card says, and nothing more. Sets of its data that are records of
    ``field`` become what it was trained on.
    """
    import yaml

    facts: dict[str, Any] = {"licence-weights": card.get("licence") or "unknown"}
    chain = list(card.get("chain", ()))
    if chain:
        facts["made-from"] = [f"{link['what']}: {link['licence']}" for link in chain]
    facts |= {key: card[key] for key in ("data", "limits") if card.get(key)}
    for result in card.get("results", ()):
        told = ", ".join(filter(None, [result.get("protocol", ""), f"n = {result['n']}" if result.get("n") else ""]))
        entry = {"value": round(float(result["value"]), 4), **({"note": told} if told else {})}
        facts.setdefault("measured-" + _slug(result["metric"]), []).append(entry)
    year = str(card.get("created", ""))[:4]
    learnt = _data(field, [link["source"] for link in chain if link.get("source")])
    id = _slug(f"{card['name']}-{card['version']}")
    record = {
        "id": id, "name": f"{card['name']}@{card['version']}", **({"year": int(year)} if year.isdigit() else {}),
        "family": card["family"], "domains": list(card.get("trained", ())), "source": f"card of {card['name']}@{card['version']}",
        "about": card.get("description") or f"{card['name']}, made with auricle.", "mark": "checked", "date": date, "facts": facts,
        **({"trained-on": learnt} if learnt else {}),
    }  # fmt: skip
    text: str = yaml.safe_dump([record], sort_keys=False, allow_unicode=True, width=120)
    return id, text


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")


def _bare(text: str) -> str:
    return re.sub(r"[^a-z0-9]", "", text.lower())


def _repository(link: str) -> str:
    """The last two parts of an address."""
    return "/".join(link.rstrip("/").split("/")[-2:])
