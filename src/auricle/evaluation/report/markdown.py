"""The report as Markdown: its tables, and the numbers of its figures."""

from __future__ import annotations

import re
from collections.abc import Iterator

from auricle.evaluation.report.blocks import Block, Cell, Code, Figures, Fold, Notices, Report, Table, Words

_MARKUP = re.compile(r"([\\`*_\[\]<>|])")
_TONES = {"brick": "**Alarm**", "amber": "**Note**"}


def markdown(report: Report) -> str:
    parts = [f"# {_text(report.title)}", _text(report.lede)]
    for section in report.sections:
        parts.append(f"## {_text(section.title)}")
        parts += [f"*{_text(', '.join(section.tags))}*"] * bool(section.tags) + [_text(section.lede)] * bool(section.lede)
        for block in section.blocks:
            parts += _block(block, 3, section.title)
    return "\n\n".join(parts) + "\n"


def _block(block: Block, level: int, below: str) -> Iterator[str]:
    head = "#" * level
    if isinstance(block, Table):
        yield from [f"{head} {_text(block.title)}"] * (block.title not in ("", below))
        yield _table(block)
    elif isinstance(block, Figures):
        if block.title:
            yield f"{head} {_text(block.title)}"
        for figure in block.figures:
            yield f"{head}# {_text(figure.numbers.title)}"
            if figure.caption not in figure.numbers.title:
                yield _text(figure.caption)
            yield _table(figure.numbers)
    elif isinstance(block, Words):
        yield _text(block.text)
    elif isinstance(block, Code):
        fence = "`" * (2 + max((len(run) for run in re.findall("`+", block.text)), default=1))
        yield f"{fence}\n{block.text}\n{fence}"
    elif isinstance(block, Notices):
        yield "\n".join(f"- {_TONES[tone]} ({_text(where)}): {_text(words)}" for tone, where, words in block.notices)
    elif isinstance(block, Fold):
        yield f"{head} {_text(block.title)}" + (f" ({_text(block.beside)})" if block.beside else "")
        for inner in block.blocks:
            yield from _block(inner, level + 1, block.title)


def _table(table: Table) -> str:
    # A column that only draws shows nothing here: what it draws stands in the column before it.
    kept = table.filled(drawn=False)
    head = [_text(table.columns[i].title) or " " for i in kept]
    rule = ["---:" if table.columns[i].number else "---" for i in kept]
    lines = [_line(head), _line(rule), *(_line([_cell(row[i]) for i in kept]) for row in table.rows)]
    foot = [f"<sub>{_text('. '.join(table.foot))}.</sub>"] if table.foot else []
    return "\n".join(lines) + "".join(f"\n\n{line}" for line in foot)


def _line(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _cell(cell: Cell) -> str:
    text = f"**{_text(cell.text)}**" if cell.strong and cell.text else _text(cell.text)
    if not cell.beside:
        return text
    return f"{text}, {_text(cell.beside)}" if "(" in cell.beside else f"{text} ({_text(cell.beside)})"


def _text(words: str) -> str:
    """What comes from files and models is text, never markup."""
    return _MARKUP.sub(r"\\\1", " ".join(words.split()))
