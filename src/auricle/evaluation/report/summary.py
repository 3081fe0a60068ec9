"""The sections over all benchmarks: the matrix, every run in a line, quality against cost, paired differences."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from auricle.evaluation.controls import WORDS
from auricle.evaluation.report import charts
from auricle.evaluation.report.axes import Scale, around_zero, scale_of, whisker
from auricle.evaluation.report.blocks import Cell, Column, Figure, Figures, Notices, Section, Table, Tone, Words
from auricle.evaluation.report.document import STATUSES, Results, Run, Scored
from auricle.evaluation.report.groups import Group, Models, baselines, chance, foot, slug
from auricle.evaluation.report.numbers import NONE, Ranged, amount, between, chance_of, count, plain, signed, size, span, whole

_READ = (
    "A dot is the score, the bar through it the 95 % interval, the dashed line chance, the ring the best listening control: the same"
    " questions with silence, noise, another sound or none. What is not above the ring was not heard."
)

_PROBED = "Of each probe the first score; whether more is better, its name tells."


def overview(all_: Sequence[Group], models: Models, results: Results) -> Section:
    named = list(dict.fromkeys((run.model, run.pipeline_id) for group in all_ for run in group.runs))
    columns = [Column("benchmark"), *(Column(models.name(*key)) for key in named)]
    rows = []
    for group in all_:
        scale = group_scale(group)
        by_model = {(run.model, run.pipeline_id): run for run in group.runs}
        base = next((f", chance {plain(chance(s))}" for s in group.headlines if chance(s) is not None), "")
        head = Cell(group.title, f"{group.metric}, n = {amount(group.n)}{base}", to=group.id)
        rows.append([head, *(_matrix_cell(by_model.get(key), scale) for key in named)])
    blocks: list[Table | Notices | Words] = []
    met = notices((models.name(run.model, run.pipeline_id), group.title, run) for group in all_ for run in group.runs)
    alarms, notes = ([one for one in met if one[0] == tone] for tone in ("brick", "amber"))
    if alarms:
        blocks.append(Notices(alarms))
    if rows:
        blocks += [Words(_READ), Table("Models and benchmarks", columns, rows, [_hashes(all_)])]
    if notes:
        blocks.append(Notices(notes))
    if results.audits:
        blocks += [Words(_PROBED), _audits(results, models)]
    if results.replaced:
        blocks.append(Words(f"{count(results.replaced, 'older result')} gave way to newer ones of the same model and protocol."))
    return Section("summary", "Summary", "", blocks)


def group_scale(group: Group) -> Scale:
    values = [v for s in group.headlines for v in (s.value, s.low, s.high, *s.baselines.values())]
    return scale_of([*values, *(c.value for run in group.runs for c in run.controls.values() if c)])


def _audits(results: Results, models: Models) -> Table:
    """The first score of every probe, model by model; a row a protocol."""
    named = list(dict.fromkeys((audit.model, audit.pipeline_id) for audit in results.audits))
    probes: dict[tuple[str, str], dict[tuple[str, str], Scored]] = {}
    titles = {audit.probe: audit.title or audit.probe for audit in results.audits}
    for audit in results.audits:
        if audit.scores:
            probes.setdefault((audit.probe, audit.scores[0].protocol_hash), {})[audit.model, audit.pipeline_id] = audit.scores[0]
    rows = []
    for (probe, _), found in probes.items():
        scale = scale_of(v for s in found.values() for v in (s.value, s.low, s.high, *s.baselines.values()))
        first = next(iter(found.values()))
        rows.append([Cell(titles[probe], f"{first.metric}, n = {amount(first.n)}", to=slug(f"audit {probe}"))])
        for key in named:
            s = found.get(key)
            if s is None:
                rows[-1].append(Cell(NONE, "not asked", tone="dim"))
                continue
            picture = whisker(scale, s.value, s.low, s.high, marks=[(chance(s), "chance")], width=132)
            rows[-1].append(Cell(plain(s.value), between(s.low, s.high), picture, strong=True))
    columns = [Column("probe"), *(Column(models.name(*key)) for key in named)]
    return Table("Models and probes", columns, rows, foot(s for found in probes.values() for s in found.values()))


def valued(found: Ranged, *, strong: bool = False) -> Cell:
    return Cell(plain(found.value), between(found.low, found.high), strong=strong)


def _matrix_cell(run: Run | None, scale: Scale) -> Cell:
    if run is None:
        return Cell(NONE, "not measured", tone="dim")
    score = run.headline
    if score is None:
        return Cell(NONE, "no score", tone="brick")
    flag = ", ".join(filter(None, ["alarm" if run.alarms else "", "lint" if any(one.level == "error" for one in run.lint) else ""]))
    beside = ", ".join(filter(None, [between(score.low, score.high), flag]))
    return Cell(plain(score.value), beside, drawn(run, score, scale, 132), "brick" if flag else "", strong=True)


def drawn(run: Run, score: Scored, scale: Scale, width: float = 168) -> str:
    best = control(run)
    marks = [(chance(score), "chance"), (best[1].value if best else None, "control")]
    return whisker(scale, score.value, score.low, score.high, marks=marks, width=width)


def control(run: Run) -> tuple[str, Scored] | None:
    """The control that scores best: the one that the run itself names, else the highest."""
    known = {name: score for name, score in run.controls.items() if score is not None and score.value is not None}
    if run.audio_gain is not None and run.audio_gain.best_control in known:
        return run.audio_gain.best_control, known[run.audio_gain.best_control]
    return max(known.items(), key=lambda pair: pair[1].value or 0.0, default=None)


def _hashes(all_: Iterable[Group]) -> str:
    return "protocols: " + ", ".join(f"{group.title} {group.runs[0].protocol_hash or 'not told'}" for group in all_)


def notices(runs: Iterable[tuple[str, str, Run]]) -> list[tuple[Tone, str, str]]:
    """What a reader must know first, from (model, benchmark or "", run): what is alike is said once, alarms first."""
    found: dict[tuple[Tone, str], dict[str, list[str]]] = {}
    for name, title, run in runs:
        for about in of_run(run):
            found.setdefault(about, {}).setdefault(title, []).append(name)
    told: list[tuple[Tone, str, str]] = []
    for (tone, words), places in found.items():
        by_models: dict[str, list[str]] = {}
        for title, names in places.items():
            by_models.setdefault(", ".join(dict.fromkeys(names)), []).append(title)
        where = (" on ".join(filter(None, [names, "; ".join(filter(None, titles))])) for names, titles in by_models.items())
        told.append((tone, "; ".join(where), words))
    return sorted(told, key=lambda one: one[0] != "brick")


def of_run(run: Run) -> Iterator[tuple[Tone, str]]:
    for alarm in run.alarms:
        yield "brick", alarm
    for one in run.lint:
        rule = f" [{one.rule}]" if one.rule else ""
        yield ("brick" if one.level == "error" else "amber"), f"{one.message}{rule}"
    for note in run.headline.notes if run.headline else ():
        yield "amber", note
    counted = sum(run.columns.get(name) or 0 for name in ("ok", *STATUSES))
    if run.columns and counted != run.n:
        yield "brick", f"the columns add up to {counted:,} of {run.n:,} items"
    given, heard = run.seconds.given, run.seconds.heard
    if given and heard is not None and heard < given * 0.999:
        yield "amber", f"{span(given - heard)} of {span(given)} were not heard"
    if run.leakage and run.leakage.ids:
        yield "amber", f"{count(len(run.leakage.ids), 'item')} of {run.n:,} may have been in the training data"


def every_run(all_: Sequence[Group], models: Models) -> Section:
    columns = [
        Column("model, benchmark"), Column("score", number=True), Column("interval"), Column("baselines"), Column("best control"),
        Column("audio gain", number=True, about="score − best control"), Column("n", number=True),
        *(Column(name, number=True) for name in STATUSES), Column("given", number=True), Column("heard", number=True),
    ]  # fmt: skip
    rows = []
    for group in all_:
        scale = group_scale(group)
        rows += [_run_row(run, group, scale, models) for run in group.runs]
    scores = [score for group in all_ for score in group.headlines]
    lede = "Every item counts: what was not answered counts as wrong, and stands in its column."
    return Section("runs", "Every run", lede, [Table("Every run", columns, rows, foot(scores, models))])


def _run_row(run: Run, group: Group, scale: Scale, models: Models) -> list[Cell]:
    score, best, gain = run.headline, control(run), run.audio_gain
    name = Cell(models.name(run.model, run.pipeline_id), group.title, to=group.id, tone="brick" if run.alarms else "")
    if score is None:
        cells = [Cell(NONE), Cell(), Cell(), Cell(), Cell()]
    else:
        gained = Cell(NONE, tone="dim")
        if gain is not None:
            deaf = gain.low is not None and gain.low <= 0
            gained = Cell(signed(gain.value), between(gain.low, gain.high, signed), tone="brick" if deaf else "")
        cells = [
            valued(score, strong=True), Cell(drawn=drawn(run, score, scale, 140)),
            _beside(baselines(score)), Cell(WORDS.get(best[0], best[0]), whole(best[1])) if best else Cell(NONE, tone="dim"), gained,
        ]  # fmt: skip
    counts = [_status(run.columns.get(status)) for status in STATUSES]
    given, heard = run.seconds.given, run.seconds.heard
    less = given is not None and heard is not None and heard < given * 0.999
    return [name, *cells, Cell(amount(run.n)), *counts, Cell(span(given)), Cell(span(heard), tone="amber" if less else "")]


def _beside(listed: str) -> Cell:
    first, _, rest = listed.partition(", ")
    return Cell(first or NONE, rest)


def _status(number: int | None) -> Cell:
    return Cell(amount(number), tone="amber" if number else "dim", strong=bool(number))


def cost(all_: Sequence[Group], models: Models) -> Section | None:
    columns = [
        Column("model, benchmark"), Column("score", number=True), Column("seconds per audio hour", number=True),
        Column("peak memory", number=True), Column("model", number=True), Column("from the cache", number=True),
    ]  # fmt: skip
    rows = []
    figures = []
    for group in all_:
        for run in group.runs:
            c, score = run.cost, run.headline
            if all(v is None for v in (c.seconds_per_audio_hour, c.peak_memory_bytes, c.model_bytes)):
                continue
            rows.append([
                Cell(models.name(run.model, run.pipeline_id), group.title, to=group.id), valued(score) if score else Cell(NONE),
                Cell(span(c.seconds_per_audio_hour)), Cell(size(c.peak_memory_bytes)), Cell(size(c.model_bytes)),
                Cell(amount(c.cached_items)),
            ])  # fmt: skip
        figures += list(_scatters(group, models))
    if not rows:
        return None
    lede = "Scores beside what they cost on the machine that measured them; cost in powers of ten."
    scores = [score for group in all_ for score in group.headlines]
    drawn_ = [Figures("", figures)] if figures else []
    return Section("cost", "Quality against cost", lede, [*drawn_, Table("Cost", columns, rows, foot(scores, models))])


def _scatters(group: Group, models: Models) -> Iterator[Figure]:
    for key, label in (("seconds_per_audio_hour", "seconds per hour of audio"), ("model_bytes", "size of the model")):
        points = []
        for run in group.runs:
            value, score = getattr(run.cost, key), run.headline
            if value and score is not None and score.value is not None:
                name, colour = models.name(run.model, run.pipeline_id), models.colour(run.model, run.pipeline_id)
                points.append(charts.Point(name, value, score.value, score.low, score.high, colour))
        if len(points) < 2:
            continue
        show = span if key.startswith("seconds") else size
        rows = [[Cell(p.name), Cell(show(p.x)), valued(p)] for p in points]
        numbers = Table(
            f"{group.title}: {group.metric} against {label}", [Column("model"), Column(label, True), Column(group.metric, True)], rows
        )
        about = f"{group.title}: {group.metric} against {label}, {count(len(points), 'model')}"
        picture = charts.scatter(points, label, group.metric, about, show)
        yield Figure(group.title, picture, f"{group.metric} against {label}", numbers)


def differences(results: Results, all_: Sequence[Group], models: Models) -> Section | None:
    if not results.differences:
        return None
    titles = {score.protocol_hash: group.title for group in reversed(all_) for run in group.runs for score in run.scores}
    scale = around_zero(v for d in results.differences for v in (d.difference, d.low, d.high))
    columns = [
        Column("first − second"), Column("benchmark"), Column("first", True), Column("second", True), Column("difference", True),
        Column("interval"), Column("p", True), Column("n", True), Column("sources", True),
        Column("protocols differ in"),
    ]  # fmt: skip
    rows = []
    for d in results.differences:
        sure = d.low is not None and d.high is not None and (d.low > 0 or d.high < 0)
        rows.append([
            Cell(f"{models.name(d.a, d.a_pipeline)} − {models.name(d.b, d.b_pipeline)}"),
            Cell(titles.get(d.protocol_hash) or d.benchmark or NONE, d.metric),
            Cell(plain(d.a_value)), Cell(plain(d.b_value)), Cell(signed(d.difference), between(d.low, d.high, signed), strong=sure),
            Cell(drawn=whisker(scale, d.difference, d.low, d.high, colour="accent" if sure else "edge", zero=True)),
            Cell(chance_of(d.p)), Cell(amount(d.n)), Cell(amount(d.sources)), Cell(", ".join(d.differ), tone="amber"),
        ])  # fmt: skip
    hashes = dict.fromkeys(f"{titles.get(d.protocol_hash, d.metric)} {d.protocol_hash or 'not told'}" for d in results.differences)
    lede = (
        "Two models on the same items, resampled over the same sources. Bold: the interval leaves zero out. With many rows some do so by"
        " accident: one in twenty."
    )
    return Section(
        "differences", "Paired differences", lede, [Table("Paired differences", columns, rows, ["protocols: " + ", ".join(hashes)])]
    )
