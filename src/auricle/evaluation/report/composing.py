"""From results to the parts of a report, in the order in which they are read."""

from __future__ import annotations

from auricle.evaluation.report import audits, details, summary
from auricle.evaluation.report.blocks import Block, Cell, Code, Column, Report, Section, Table, Words
from auricle.evaluation.report.document import Results
from auricle.evaluation.report.groups import Models, groups
from auricle.evaluation.report.numbers import count, span
from auricle.evaluation.report.sounds import MOST, Sounds

_READING = (
    "Intervals are 95 %, by bootstrap over independent recordings. Scores of unlike protocols stand in sections of their own: they are no"
    " ranking. There is no average over benchmarks, for their scores are not of one kind."
)


def compose(results: Results, command: str) -> Report:
    """``command``: the one that makes the report; it stands at its foot."""
    models, all_ = Models.of(results), groups(results)
    sounds = Sounds()
    sections: list[Section | None] = [summary.overview(all_, models, results)]
    if all_:
        sections += [summary.every_run(all_, models), summary.cost(all_, models)]
    sections.append(summary.differences(results, all_, models))
    sections += [details.section(group, models, sounds) for group in all_]
    sections += audits.sections(results.audits, models)
    sections.append(_how(results, command, sounds))
    title = next(iter({g.title for g in all_})) if len(all_) == 1 else "Results"
    return Report(title, _lede(results, len(all_), models), [s for s in sections if s is not None and s.blocks])


def _lede(results: Results, benchmarks: int, models: Models) -> str:
    heard = sum(run.seconds.heard or 0 for run in results.runs)
    probes = len({audit.probe for audit in results.audits})
    told = [
        count(len(models.known), "model"), count(benchmarks, "benchmark") if benchmarks else "", count(probes, "probe") if probes else "",
        f"{span(heard)} of sound heard" if heard else "", f"measured {results.made[:10]}" if results.made else "",
    ]  # fmt: skip
    return " · ".join(filter(None, told))


def _how(results: Results, command: str, sounds: Sounds) -> Section:
    columns = [Column("results file"), Column("measured"), Column("auricle"), Column("sha-256")]
    rows = [[Cell(one.name), Cell(one.made), Cell(one.auricle), Cell(one.sha256[:16])] for one in results.origins]
    commands = list(dict.fromkeys(one.command for one in results.origins if one.command))
    blocks: list[Block] = [Table("What it was made from", columns, rows), Words("The commands that measured, and the one that wrote this:")]
    blocks.append(Code("\n".join([*commands, command])))
    embedded = f"{count(sounds.embedded, 'sound')} of the worst items can be played here, at most {MOST} seconds of each, mono, as Opus."
    missing = f" {count(sounds.missing, 'sound')} could not be found; their rows say so." if sounds.missing else ""
    if sounds.embedded or sounds.missing:
        blocks.append(Words(embedded + missing))
    blocks.append(Words(_READING))
    return Section("made", "How this was made", "", blocks)
