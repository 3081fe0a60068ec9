"""The section of a benchmark: all scores, controls, figures, leakage, the worst items, the protocol."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import PurePath

from auricle.evaluation.controls import WORDS
from auricle.evaluation.report import charts
from auricle.evaluation.report.axes import scale_of, whisker
from auricle.evaluation.report.blocks import Block, Cell, Code, Column, Figure, Figures, Fold, Notices, Section, Table, Words
from auricle.evaluation.report.document import Item, Leakage, Run, Scored
from auricle.evaluation.report.groups import Group, Models, baselines, chance, foot, pretty
from auricle.evaluation.report.numbers import NONE, amount, between, count, plain, said, signed, whole
from auricle.evaluation.report.sounds import Sounds, worst
from auricle.evaluation.report.summary import control, notices, valued

_BARS = 40  # classes that a figure shows: the lowest
_CURVES = 6  # precision–recall curves in colour where not all can be: the lowest
_PAIRS = 12  # confusions that the table beside a matrix names
_LISTED = 30  # ids of flagged items
_ORDER = ("per class", "reliability", "confusion", "precision and recall")

Drawing = Callable[[Run, str], Figure | None]


def section(group: Group, models: Models, sounds: Sounds) -> Section:
    blocks: list[Block] = []
    if met := notices((models.name(run.model, run.pipeline_id), "", run) for run in group.runs):
        blocks.append(Notices(met))
    blocks.append(_scores(group, models))
    drawings: dict[str, Drawing] = {
        "Listening controls": _controls, "Per class": _per_class, "Calibration": _reliability, "Confusion": _confusion,
        "Precision and recall": _precision_recall,
    }  # fmt: skip
    for title, draw in drawings.items():
        figures = [figure for run in group.runs if (figure := draw(run, models.name(run.model, run.pipeline_id)))]
        if figures:
            blocks.append(Figures(title, figures))
    if leaks := _leakage(group, models):
        blocks += leaks
    first = True
    for run in group.runs:
        if items := worst(run):
            name = models.name(run.model, run.pipeline_id)
            blocks.append(
                Fold(
                    f"The {_number(len(items))} worst of {name}", f"of {count(len(run.items), 'item')}", [_worst(run, items, sounds)], first
                )
            )
            first = False
    blocks.append(Fold("Protocol", group.runs[0].protocol_hash, [Code(pretty(_protocol(group.runs[0])))]))
    tags = [group.runs[0].kind.replace("_", " "), "synthetic" if group.runs[0].synthetic else "recorded"]
    return Section(group.id, group.title, "", blocks, [tag for tag in tags if tag], "Benchmarks")


def _protocol(run: Run) -> object:
    return run.protocol or (run.scores[0].protocol if run.scores else {})


def _number(n: int) -> str:
    return ("", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")[n]


def scores_table(title: str, rows: Sequence[tuple[str, Scored]], models: Models) -> Table:
    """Metric by metric, so that models stand one below the other on one scale."""
    columns = [
        Column("metric"), Column("model"), Column("score", number=True), Column("interval"), Column("n", number=True),
        Column("sources", number=True, about="independent recordings, which the interval is resampled over"), Column("baselines"),
        Column("notes"),
    ]  # fmt: skip
    by_metric: dict[str, list[tuple[str, Scored]]] = {}
    for name, score in rows:
        by_metric.setdefault(score.metric, []).append((name, score))
    lines = []
    for metric, found in by_metric.items():
        scale = scale_of(v for _, s in found for v in (s.value, s.low, s.high, *s.baselines.values()))
        for i, (name, s) in enumerate(found):
            picture = whisker(scale, s.value, s.low, s.high, marks=[(chance(s), "chance")])
            notes = "; ".join(s.notes)
            lines.append([
                Cell(metric, tone="dim" if i else ""), Cell(name), valued(s, strong=True), Cell(drawn=picture), Cell(amount(s.n)),
                Cell(amount(s.sources)), Cell(baselines(s)), Cell(notes, tone="amber" if notes else ""),
            ])  # fmt: skip
    return Table(title, columns, lines, foot([s for _, s in rows], models))


def _scores(group: Group, models: Models) -> Table:
    return scores_table("Scores", [(models.name(r.model, r.pipeline_id), s) for r in group.runs for s in r.scores], models)


def _controls(run: Run, name: str) -> Figure | None:
    score = run.headline
    known = {key: found for key, found in run.controls.items() if found is not None}
    if score is None or not known:
        return None
    rows = [charts.Bar("the sound itself", score.value, score.low, score.high)]
    rows += [charts.Bar(WORDS.get(key, key), c.value, c.low, c.high, colour="edge", hollow=True) for key, c in known.items()]
    scale = scale_of(v for r in rows for v in r[1:4])
    best, gain = control(run), run.audio_gain
    caption = ""
    if gain is not None and best is not None:
        caption = f"Audio gain {whole(gain)}: the score less that with {WORDS.get(best[0], best[0])}."
    table = Table(
        f"Listening controls, {name}",
        [Column("heard"), Column(score.metric, True)],
        [[Cell(r.name), valued(r)] for r in rows],
    )
    return Figure(name, charts.bars(rows, scale, f"Listening controls of {name}", chance=chance(score)), caption, table)


def _per_class(run: Run, name: str) -> Figure | None:
    all_ = sorted(run.details.per_class, key=lambda c: (c.value is None, c.value or 0.0, c.name))
    if not all_:
        return None
    rows = [charts.Bar(c.name, c.value, c.low, c.high, amount(c.n)) for c in all_[:_BARS]]
    left = len(all_) - len(rows)
    caption = f"The lowest first, with the number of items{f'; {left} higher ones are left out' if left else ''}."
    table = Table(
        f"Per class, {name}", [Column("class"), Column("n", True), Column("value", True)],
        [[Cell(r.name), Cell(r.beside), valued(r)] for r in rows],
    )  # fmt: skip
    scale = scale_of(v for r in rows for v in r[1:4])
    return Figure(name, charts.bars(rows, scale, f"Score of each class, {name}", chance=chance(run.headline)), caption, table)


def _reliability(run: Run, name: str) -> Figure | None:
    bins = run.details.reliability
    full = [b for b in bins if b.n and b.confidence is not None and b.accuracy is not None]
    if not full:
        return None
    total = sum(b.n for b in full)
    error = sum(b.n * abs((b.confidence or 0) - (b.accuracy or 0)) for b in full) / total
    surer = sum(b.n * ((b.confidence or 0) - (b.accuracy or 0)) for b in full) / total
    leaning = "surer than right" if surer > 0 else "less sure than right"
    caption = f"Expected calibration error {plain(error)} over {count(total, 'item')}; on the whole {leaning}."
    rows = [[Cell(between(b.low, b.high)), Cell(amount(b.n)), Cell(plain(b.confidence)), Cell(plain(b.accuracy))] for b in full]
    columns = [Column("confidence"), Column("n", True), Column("mean confidence", True), Column("accuracy", True)]
    return Figure(
        name, charts.reliability(bins, f"Reliability of {name}. {caption}"), caption, Table(f"Reliability, {name}", columns, rows)
    )


def _confusion(run: Run, name: str) -> Figure | None:
    classes, matrix = run.details.classes, run.details.confusion
    if not classes or not matrix:
        return None
    answers = [*classes, *["no answer"] * max(0, len(matrix[0]) - len(classes))]
    pairs = [
        (n, classes[r], answers[c], sum(row)) for r, row in enumerate(matrix[: len(classes)]) for c, n in enumerate(row) if n and r != c
    ]
    pairs.sort(key=lambda pair: (-pair[0], pair[1], pair[2]))
    most = (
        f"Most often: {pairs[0][1]} taken for {pairs[0][2]}, {amount(pairs[0][0])} of {amount(pairs[0][3])}."
        if pairs
        else "None is taken for another."
    )
    rows = [[Cell(truth), Cell(answer), Cell(f"{amount(n)} of {amount(of)}")] for n, truth, answer, of in pairs[:_PAIRS]]
    left = [f"{len(pairs) - _PAIRS} rarer ones are left out"] if len(pairs) > _PAIRS else []
    table = Table(f"Confusions, {name}", [Column("truth"), Column("answer"), Column("items", True)], rows, left)
    return Figure(
        name, charts.confusion(classes, matrix, f"Confusion matrix of {name}. {most}"), f"Truth down, answer across. {most}", table
    )


def _precision_recall(run: Run, name: str) -> Figure | None:
    found = {key: points for key, points in run.details.precision_recall.items() if points}
    if not found:
        return None
    areas = {key: _area(points) for key, points in found.items()}
    lowest = sorted(areas, key=lambda key: (areas[key], key))
    shown = lowest if len(found) <= _CURVES + 1 else lowest[:_CURVES]
    rows = [[Cell(key), Cell(plain(areas[key]))] for key in lowest[:_BARS]]
    caption = (
        "Step-wise area below a curve in the table"
        + ("" if len(shown) == len(found) else f"; the {_number(_CURVES)} lowest in colour")
        + "."
    )
    table = Table(f"Average precision, {name}", [Column("class"), Column("area", True)], rows)
    return Figure(name, charts.precision_recall(dict(found), shown, f"Precision and recall of {name}"), caption, table)


def _area(points: Sequence[tuple[float, float]]) -> float:
    ordered = sorted(points)
    before = [0.0, *(recall for recall, _ in ordered[:-1])]
    return sum((recall - last) * precision for (recall, precision), last in zip(ordered, before, strict=True))


def _leakage(group: Group, models: Models) -> list[Block]:
    found = [(run, run.leakage) for run in group.runs if run.leakage is not None]
    if not found:
        return []
    scale = scale_of(v for _, leak in found for s in (leak.all, leak.clean, leak.flagged) if s for v in (s.value, s.low, s.high))
    rows = []
    for run, leak in found:
        name = models.name(run.model, run.pipeline_id)
        parts = (("all", leak.all), ("clean", leak.clean), ("flagged", leak.flagged))
        for part, s in parts:
            told = [Cell(name, tone="" if part == "all" else "dim"), Cell(part)]
            if s is None:
                rows.append([*told, Cell(NONE), Cell(), Cell(NONE)])
                continue
            colour = {"all": "accent", "clean": "c3"}.get(part, "amber")
            picture = whisker(scale, s.value, s.low, s.high, colour=colour)
            rows.append([*told, valued(s, strong=True), Cell(drawn=picture), Cell(amount(s.n))])
        for part, change in (("all − clean", leak.inflation), ("flagged − clean", leak.difference)):
            if change is not None:
                by = Cell(signed(change.value), between(change.low, change.high, signed))
                rows.append([Cell(name, tone="dim"), Cell(part), by, Cell(), Cell()])
    columns = [Column("model"), Column("items"), Column("score", True), Column("interval"), Column("n", True)]
    lines = foot(s for _, leak in found for s in (leak.all, leak.clean, leak.flagged) if s)
    blocks: list[Block] = [Table("Leakage: with and without what may have been in the training data", columns, rows, lines)]
    blocks += [Words(words) for words in dict.fromkeys(words for _, leak in found for words in _declared(leak))]
    for run, leak in found:
        name, levels = models.name(run.model, run.pipeline_id), ", ".join(f"{key} {_items(one)}" for key, one in leak.levels.items())
        if leak.ids:
            flagged = [[Cell(id_), Cell(", ".join(reasons))] for id_, reasons in list(leak.ids.items())[:_LISTED]]
            left = [f"{len(leak.ids) - _LISTED} more are in the results file"] if len(leak.ids) > _LISTED else []
            table = Table("Flagged items", [Column("item"), Column("found by")], flagged, left)
            blocks.append(Fold(f"Flagged for {name}", count(len(leak.ids), "item") + (f": {levels}" if levels else ""), [table]))
    return blocks


def _items(level: object) -> str:
    """Of a level: how many, with what it means where that is told."""
    return said(level["items"]) if isinstance(level, dict) and "items" in level else said(level)


def _declared(leak: Leakage) -> Iterator[str]:
    if leak.trained_on:
        yield f"Compared with {PurePath(leak.trained_on).name}: {count(len(leak.ids), 'item')} may have been learnt from."
    yield from leak.notes
    for one in leak.declared:
        yield f"Declared: {said(one.get('says'))} ({said(one.get('source'))}, {said(one.get('mark'))})."


def _worst(run: Run, items: Sequence[Item], sounds: Sounds) -> Table:
    columns = [Column("item"), Column("sound"), Column("truth"), Column("answer"), Column("value", True), Column("confidence", True)]
    return Table("", columns, list(_worst_rows(run, items, sounds)))


def _worst_rows(run: Run, items: Sequence[Item], sounds: Sounds) -> Iterator[list[Cell]]:
    for item in items:
        sound = sounds.of(run, item)
        heard = Cell(sound, tone="dim") if isinstance(sound, str) else Cell(sound.name, sound=sound)
        answered = item.status == "ok"
        why = "" if answered else f"{item.status}: {item.reason}" if item.reason else item.status
        answer = Cell(said(item.answer), why, tone="" if answered else "amber")
        yield [Cell(item.id), heard, Cell(said(item.truth)), answer, Cell(plain(item.value)), Cell(plain(item.confidence))]
