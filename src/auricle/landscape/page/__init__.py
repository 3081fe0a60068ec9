"""The field as one page that needs nothing else: search, filters, records and what ties them, pictures, the question of contamination.

Written to a file it carries its script and style in it; served by the page's server it names them, for that server lets no script run
that stands in a page.
"""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any, Final

from auricle.landscape import asked, pictures
from auricle.landscape.contamination import CLAIMS, Finding, contamination
from auricle.landscape.pictures.canvas import colours, themed
from auricle.landscape.schema import Landscape

_HERE = Path(__file__).parent
LINEAGES: Final = 8  # of the works with most relations; `auricle landscape draw lineage` draws any other
# The two ends of a relation, as headings above the records at the other end.
RELATIONS: Final = {
    "trained-on": ("Trained on", "What was trained on it"),
    "evaluated-on": ("Evaluated on", "What was evaluated on it"),
    "derived-from": ("Made from", "What was made from it"),
    "overlaps-with": ("Shares items with", "What shares its items"),
    "builds-on": ("Builds on", "What builds on it"),
    "uses-objective": ("Objective", "What is trained with it"),
    "solves-task": ("Tasks", "What is made for it"),
    "promotes": ("Promotes", "Promoted by"),
    "constrains": ("Constrains", "Constrained by"),
    "critiques": ("Shows a fault of", "Criticised by"),
}
MEANING: Final = {
    "checked": "the text of the source was read for this statement on that date",
    "abstract": "from an abstract, a card, or a page as quoted elsewhere",
    "unverified": "general knowledge or hearsay: nobody has looked it up for us",
}
_WORDS: Final = {
    "model": "model", "set": "data set", "two-towers": "two towers", "two-heads": "two heads", "one-head": "one head",
    "cooperated": "cooperated systems", "third-party": "others", "seen": "all of it heard before",
    "partly": "partly heard before", "same-set": "trained on the same set", "possible": "possibly heard before",
    "pool": "from the same site", "none known": "no way known", "unknown": "unknown", "user": "a user",
}  # fmt: skip


def page(field: Landscape) -> str:
    """The page as one file."""
    style, script = f'<link rel="icon" href="data:,"><style>{css()}</style>', f"<script>{js()}</script>"
    return _document(field, style, script, "")


def served(field: Landscape) -> str:
    """The page as the server gives it, beside ``/landscape.css`` and ``/landscape.js``."""
    style = '<link rel="icon" href="./icon.svg" type="image/svg+xml"><link rel="stylesheet" href="./landscape.css">'
    script = '<script src="./landscape.js"></script>'
    return _document(field, style, script, '<a class="plain" href="./">auricle</a>')


def css() -> str:
    """Light, dark by the system, dark by choice; then the rules."""
    return f"{colours()}\n{(_HERE / 'landscape.css').read_text('utf-8')}{themed()}"


def js() -> str:
    return (_HERE / "landscape.js").read_text("utf-8")


def _document(field: Landscape, style: str, script: str, home: str) -> str:
    # A script element ends where its text says so: "<" never stands in the data.
    data = json.dumps(content(field), ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")
    templates = [f'<template id="picture-{key}">{svg}</template>' for key, (_, svg) in _drawn(field).items()]
    body = f'{"".join(templates)}<script type="application/json" id="data">{data}</script>{script}'
    frame = (_HERE / "landscape.html").read_text("utf-8")
    return frame.replace("<!-- head -->", style).replace("<!-- home -->", home).replace("<!-- body -->", body)


def _drawn(field: Landscape) -> dict[str, tuple[str, str]]:
    """Key → title and SVG of each picture in the page."""
    drawn = {kind: (title, pictures.draw(field, kind).svg(embedded=True)) for kind, title in pictures.KINDS.items() if kind != "lineage"}
    works = [id for id, _ in pictures.degrees(field).most_common() if field.records[id].kind in ("set", "model", "benchmark")]
    for id in works[:LINEAGES]:
        drawn[f"lineage-{id}"] = (f"Lineage of {field.records[id].name}", pictures.draw(field, "lineage", id).svg(embedded=True))
    return drawn


def content(field: Landscape) -> dict[str, Any]:
    """What the script reads."""
    from auricle.landscape.compile import document

    whole = document(field)
    weight = pictures.degrees(field)
    for record in whole["records"]:
        record.pop("file", None), record.pop("line", None)
        record["degree"] = weight[record["id"]]
        whole_record = field.records[record["id"]]
        record["traps"] = list(asked.traps(field, whole_record))
        if use := asked.use_of_record(whole_record):
            record["licence"] = use
        record["marks"] = sorted({fact["mark"] for fact in record.get("facts", ())})
    return {
        "about": about(field),
        "records": sorted(whole["records"], key=lambda record: (-record["degree"], record["name"].lower())),
        "edges": whole["edges"],
        "figures": whole["figures"],
        "relations": RELATIONS,
        "meaning": MEANING,
        "words": _WORDS,
        "pictures": {key: title for key, (title, _) in _drawn(field).items()},
        "tests": sorted(asked.tests(field)),
        "claims": CLAIMS,
        "verdicts": {model.id: verdicts(field, model.id) for model in field.of("model")},
    }


def verdicts(field: Landscape, model: str) -> dict[str, Any]:
    """``of``: the tests to which there is a known way, or on which the model was scored; all others have the verdict ``rest``."""
    scored = {edge.object for edge in field.out(model, "evaluated-on")}
    found: dict[str, Any] = {}
    quiet: dict[str, Any] = {}
    unpublished: list[str] = []
    for test in asked.tests(field):
        report = contamination(model, test, field=field)
        unpublished = report.unpublished
        otherwise = {"otherwise": report.otherwise} if report.otherwise != report.verdict else {}
        one = {"verdict": report.verdict, "ways": [_way(model, way) for way in report.findings], "left": len(report.left_out), **otherwise}
        plain = report.verdict in ("none known", "unknown") and test not in scored and not report.findings and not otherwise
        (quiet if plain else found)[test] = one
    # What most tests without a way have in common is said once.
    rest = Counter((one["verdict"], one["left"]) for one in quiet.values()).most_common(1)
    verdict, left = rest[0][0] if rest else ("none known", 0)
    found |= {test: one for test, one in quiet.items() if (one["verdict"], one["left"]) != (verdict, left)}
    return {"rest": verdict, "left": left, "of": found, "unpublished": unpublished}


def _way(model: str, found: Finding) -> dict[str, Any]:
    """``via``: the records that it leads through, from the model to the test."""
    via = [model]
    for edge in found.edges:
        via.append(edge.object if edge.subject == via[-1] else edge.subject)
    sources = list(dict.fromkeys(edge.source for edge in found.edges))
    return {"words": found.words, "level": found.level, "mark": found.mark, "via": via, "sources": sources}


def about(field: Landscape) -> str:
    counts = f"{len(field.records)} records, {len(field.edges)} relations and {len(field.figures)} published figures"
    return (
        f"{counts} of audio and language: models, what they were trained on, what they are measured with, and how these lean on and limit "
        "each other."
    )
