"""The state of the field is what the records say now, and every query that it names can be run."""

from __future__ import annotations

import re
import runpy
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner
from typer.main import get_command

from auricle import landscape
from auricle.cli.main import app
from auricle.landscape import trends
from auricle.landscape.report import report
from auricle.landscape.schema import Figure, Landscape, Record

DOCS = Path(__file__).parents[2] / "docs"
CITED = {"source": "a paper", "mark": "checked", "date": "2026-11-01"}


@pytest.fixture(scope="module")
def made():
    return runpy.run_path(str(DOCS / "make_landscape.py"))["made"]()


def test_the_page_is_of_today(made):
    for name, text in made.items():
        assert (DOCS / name).read_text("utf-8") == text, f"docs/{name} is not what the records say: run `python docs/make_landscape.py`"


def test_every_sentence_names_its_query(made):
    body = made["state-of-the-field.md"].split("## ", 1)[1]
    paragraphs = [part for part in body.split("\n\n") if part.strip()]
    for part in paragraphs:
        plain = not part.startswith(("|", "!", "#")) and part != paragraphs[0]
        assert not plain or part.rstrip().endswith("`]"), part
        if part.startswith("|") and "query" in part.splitlines()[0]:
            assert all("`auricle landscape" in line for line in part.splitlines()[2:]), part


def queries():
    text = (DOCS / "state-of-the-field.md").read_text("utf-8").split("## ", 1)[1]
    return sorted({query for query in re.findall(r"`([^`]+)`", text) if " " in query or "(" in query})


def test_every_query_can_be_run():
    found = queries()
    assert len(found) > 40
    command = get_command(app)  # once: to build it takes a while
    space = {"landscape": landscape, "trends": trends, "field": landscape.load()}
    for query in found:
        if query.startswith("auricle "):
            ran = CliRunner().invoke(command, shlex.split(query)[1:])
            assert ran.exit_code == 0, f"{query}: {ran.output}"
            assert ran.stdout.strip(), f"{query} answers nothing"
        else:
            assert eval(query, space), query  # a page of ours


def test_numbers_are_those_of_the_queries(made):
    field = landscape.load()
    text = made["state-of-the-field.md"]
    counts = landscape.stats()
    assert f"{counts['models']} models, {counts['sets']} data sets and {counts['benchmarks']} benchmarks" in text
    assert f"Of {counts['facts']} statements {counts['checked']} (" in text
    assert f"{len(landscape.conflicts(field))} times one model has unlike figures" in text
    free = len(landscape.find(kind="model", free=True, limit=1000))
    assert f"the weights of {free} models" in text


def small(*figures):
    records = [Record("exam", "benchmark", "Exam", 2020, "choice", ["sound"])]
    records += [Record(f"m{i}", "model", f"M{i}", 2020 + i, "two-towers", ["sound"]) for i in range(5)]
    made = [Figure(str(i), model, "exam", metric, value, **CITED) for i, (model, metric, value) in enumerate(figures)]
    return Landscape({r.id: r for r in records}, (), tuple(made))


def test_room_is_what_the_best_leaves_and_what_two_years_added():
    figures = [("m0", "accuracy", 50.0), ("m1", "accuracy", 70.0), ("m2", "accuracy", 80.0), ("m4", "accuracy", 92.5)]
    [one] = trends.room(small(*figures))
    assert (one.left, one.gain, one.models, one.saturated) == (7.5, 12.5, 4, True)


def test_room_needs_models_and_an_end():
    assert trends.room(small(("m0", "accuracy", 50.0), ("m0", "accuracy", 51.0), ("m1", "accuracy", 70.0))) == []
    assert trends.room(small(*((f"m{i}", "FAD", 1.0 + i) for i in range(5)))) == []


def test_years_count_families():
    counted = trends.by_year(small(), "model")
    assert [(year, dict(count)) for year, count in counted.items()] == [(2020 + i, {"two-towers": 1}) for i in range(5)]


def test_a_changed_record_changes_the_sentence():
    before, after = (report(small(("m1", "accuracy", 60.0), *more)) for more in ([], [("m1", "accuracy", 80.0)]))
    assert "0 times one model has unlike figures" in before
    assert "1 times one model has unlike figures" in after
