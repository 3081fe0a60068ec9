"""The report as one HTML file that needs nothing else: style, script, pictures and sound stand in it, and its policy lets nothing else in.

The page's server lets no script or style run that stands in a page: ``served`` names them instead, as ``/report.css`` and ``/report.js``.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from html import escape
from itertools import groupby
from pathlib import Path

from auricle.evaluation.report.blocks import Block, Cell, Code, Column, Figure, Figures, Notices, Report, Section, Sound, Table, Tone, Words
from auricle.landscape.pictures.canvas import colours, themed

_HERE = Path(__file__).parent
_WORDS: dict[Tone, str] = {"brick": "Alarm", "amber": "Note", "dim": "", "": ""}
_DENSE = 10  # columns above which an interval stands below its number
_HEAD = re.compile(r"<!-- head -->.*?<!-- /head -->", re.DOTALL)
_SCRIPT = re.compile(r"<!-- script -->.*?<!-- /script -->", re.DOTALL)


def page(report: Report) -> str:
    """The page as one file."""
    policy = (
        f"default-src 'none'; style-src {_hash(css())}; script-src {_hash(js())}; img-src data:; media-src data:; base-uri 'none';"
        " form-action 'none'"
    )
    head = f'<meta http-equiv="Content-Security-Policy" content="{policy}"><link rel="icon" href="data:,"><style>{css()}</style>'
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n<meta name="color-scheme" content="light dark">\n'
        f"<title>{escape(report.title)} · auricle</title>\n<!-- head -->{head}<!-- /head -->\n</head>\n<body>\n"
        f'<a class="skip" href="#{escape(report.sections[0].id)}">To the results</a>\n'
        f"<header><div><h1>{escape(report.title)}</h1><p>{escape(report.lede)}</p></div>"
        '<div class="end"><!-- home --><button class="plain" id="theme" type="button" hidden>Dark</button></div></header>\n'
        f'<div class="columns">{_contents(report.sections)}<main>{"".join(map(_section, report.sections))}</main></div>\n'
        f"<!-- script --><script>{js()}</script><!-- /script -->\n</body>\n</html>\n"
    )


def served(html: str, home: str) -> str:
    """A page that ``page`` wrote, for the server. ``home``: HTML for its upper right corner."""
    head = '<link rel="icon" href="./icon.svg" type="image/svg+xml"><link rel="stylesheet" href="./report.css">'
    text = _HEAD.sub(head, html, count=1)
    text = _SCRIPT.sub('<script src="./report.js"></script>', text, count=1)
    # The policy of the server knows no data: for sound; the script makes blobs of it.
    return text.replace("<!-- home -->", home, 1).replace(' src="data:audio/', ' data-src="data:audio/')


@lru_cache(maxsize=1)
def css() -> str:
    return f"{colours()}\n{(_HERE / 'report.css').read_text('utf-8')}{themed()}"


@lru_cache(maxsize=1)
def js() -> str:
    return (_HERE / "report.js").read_text("utf-8")


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _contents(sections: Sequence[Section]) -> str:
    parts = []
    for part, group in groupby(sections, key=lambda section: section.part):
        links = "".join(f'<li><a href="#{escape(one.id)}">{escape(one.title)}</a></li>' for one in group)
        title = f"<p>{escape(part)}</p>" if part else ""
        parts.append(f"{title}<ul>{links}</ul>")
    return f'<nav class="contents" aria-label="Contents"><details open><summary>Contents</summary>{"".join(parts)}</details></nav>'


def _section(section: Section) -> str:
    tags = "".join(f'<span class="tag">{escape(tag)}</span>' for tag in section.tags)
    lede = f'<p class="lede">{escape(section.lede)}</p>' if section.lede else ""
    body = "".join(_block(block, section.title) for block in section.blocks)
    return (
        f'<section id="{escape(section.id)}" aria-labelledby="{escape(section.id)}-title">'
        f'<h2 id="{escape(section.id)}-title">{escape(section.title)}{tags}</h2>{lede}{body}</section>\n'
    )


def _block(block: Block, where: str) -> str:
    if isinstance(block, Table):
        title = f"<h3>{escape(block.title)}</h3>" if block.title and block.title != where else ""
        return title + _table(block, where)
    if isinstance(block, Figures):
        title = f"<h3>{escape(block.title)}</h3>" if block.title else ""
        return f'{title}<div class="figures">{"".join(map(_figure, block.figures))}</div>'
    if isinstance(block, Words):
        return f"<p>{escape(block.text)}</p>"
    if isinstance(block, Code):
        return f'<pre tabindex="0"><code>{escape(block.text)}</code></pre>'
    if isinstance(block, Notices):
        lines = (
            f'<li class="{tone}"><b>{_WORDS[tone]}</b> {escape(words)} <span class="where">{escape(place)}</span></li>'
            for tone, place, words in block.notices
        )
        return f'<ul class="notices">{"".join(lines)}</ul>'
    body = "".join(_block(inner, f"{where}, {block.title}") for inner in block.blocks)
    beside = f' <span class="dim">{escape(block.beside)}</span>' if block.beside else ""
    state = " open" if block.open else ""
    return f'<details class="fold"{state}><summary>{escape(block.title)}{beside}</summary>{body}</details>'


def _figure(figure: Figure) -> str:
    caption = f" <span>{escape(figure.caption)}</span>" if figure.caption else ""
    numbers = _table(figure.numbers, figure.numbers.title)
    fold = f'<details><summary>Numbers<span class="unseen"> of {escape(figure.numbers.title)}</span></summary>{numbers}</details>'
    return f"<figure><figcaption><b>{escape(figure.title)}</b>{caption}</figcaption>{figure.drawn}{fold}</figure>"


def _table(table: Table, where: str) -> str:
    name = where if not table.title or table.title == where else f"{where}: {table.title}"
    kept = table.filled(drawn=True)
    head = "".join(_column(table.columns[i]) for i in kept)
    rows = "".join(f"<tr>{''.join(_cells(table, row, kept))}</tr>" for row in table.rows)
    foot = f'<div class="foot">{"".join(f"<p>{escape(line)}</p>" for line in table.foot)}</div>' if table.foot else ""
    dense = _classes("dense" if len(kept) > _DENSE else "")
    grid = f"<table{dense}><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"
    return f'<div class="wide" role="group" tabindex="0" aria-label="{escape(name)}">{grid}</div>{foot}'


def _column(column: Column) -> str:
    about = f' title="{escape(column.about)}"' if column.about else ""
    kinds = _classes("number" if column.number else "")
    return f'<th scope="col"{kinds}{about}>{escape(column.title)}</th>'


def _cells(table: Table, row: Sequence[Cell], kept: Sequence[int]) -> Iterator[str]:
    for i in kept:
        cell = row[i]
        kinds = _classes("number" if table.columns[i].number else "", cell.tone, "drawn" if cell.drawn else "")
        yield f'<th scope="row"{kinds}>{_cell(cell)}</th>' if i == 0 else f"<td{kinds}>{_cell(cell)}</td>"


def _classes(*names: str) -> str:
    kept = " ".join(filter(None, names))
    return f' class="{kept}"' if kept else ""


def _cell(cell: Cell) -> str:
    if cell.sound is not None:
        return _player(cell.sound)
    text = escape(cell.text)
    text = f"<b>{text}</b>" if cell.strong and text else text
    text = f'<a href="#{escape(cell.to)}">{text}</a>' if cell.to else text
    beside = f" <small>{escape(cell.beside)}</small>" if cell.beside else ""
    return f"{text}{beside}{cell.drawn}"


def _player(sound: Sound) -> str:
    name = escape(sound.name)
    source = f"data:audio/ogg;base64,{sound.data}"
    length = f"{sound.seconds:.1f}"
    return (
        f'<div class="player"><audio controls preload="none" src="{source}" data-seconds="{length}" aria-label="{name}"></audio>'
        f'<div class="wave">{sound.wave}</div><span class="name">{name} <small>{length} s</small></span></div>'
    )
