"""The records that ship: all valid, all cited, and what is compiled is what they say."""

from __future__ import annotations

import subprocess
import sys
import time

import pytest

from auricle import landscape
from auricle.landscape import compile
from auricle.landscape.contamination import contamination
from auricle.landscape.loading import COMPILED, read
from auricle.landscape.schema import FAMILIES, MARKS


def test_every_record_is_valid_and_compiled():
    field, problems = compile.study()
    assert problems == []
    assert compile.text(field) == COMPILED.read_text("utf-8"), "run `python -m auricle.landscape.compile`"


def test_every_statement_has_source_mark_and_date():
    field = landscape.load()
    said = [fact for record in field.records.values() for fact in record.facts] + [*field.edges, *field.figures]
    assert len(said) > 2000
    for one in said:
        assert one.source.strip(), one
        assert one.mark in MARKS
        assert one.date <= time.strftime("%Y-%m-%d")


def test_the_survey_is_in_and_then_some():
    counts = landscape.stats()
    assert counts["models"] >= 113
    assert counts["sets"] + counts["benchmarks"] >= 112
    counted = [e for e in landscape.load().edges if e.type == "overlaps-with" or (e.type == "derived-from" and e.count)]
    assert len(counted) >= 32
    assert {e.type for e in landscape.load().edges} == set(landscape.load().edges[0].__annotations__ and compile.RELATIONS)
    assert 0 < counts["checked"] < counts["facts"]


def test_unverified_stays_unverified():
    field = landscape.load()
    looked_up = [one for record in field.records.values() for one in record.facts if one.mark != "unverified"] + [
        edge for edge in field.edges if edge.mark != "unverified"
    ]
    assert not [one for one in looked_up if "not looked up" in one.source and "again" not in one.source]
    checked = [one for one in (*field.edges, *field.figures) if one.mark == "checked"]
    assert not [one for one in checked if "as read for our survey" in one.source]


def test_what_a_person_sees_is_a_sentence():
    for record in landscape.load().records.values():
        assert record.about.endswith((".", "?")), record.id
        assert record.family in FAMILIES[record.kind]
        assert len(record.about) < 200, record.id


def test_it_loads_in_milliseconds():
    def once():
        start = time.process_time()  # what it takes, not what a busy machine lets it wait
        read(COMPILED)
        return time.process_time() - start

    assert min(once() for _ in range(5)) < 0.05


def test_reading_it_imports_nothing_heavy():
    code = "import sys; from auricle import landscape; landscape.load(); print(sorted({'pydantic', 'yaml', 'numpy'} & set(sys.modules)))"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert ran.stdout.strip() == "[]"


@pytest.mark.parametrize("kind", ["model", "set", "benchmark"])
def test_every_record_can_be_shown_and_found(kind):
    field = landscape.load()
    for record in field.of(kind):
        assert landscape.one(field, record.id) is record
        assert landscape.show(record.id).record is record


def test_every_model_can_be_asked_about_every_benchmark():
    field = landscape.load()
    tests = {figure.benchmark for figure in field.figures}
    verdicts = {contamination(model.id, test).verdict for model in field.of("model") for test in sorted(tests)[:8]}
    assert {"seen", "partly", "same-set", "unknown"} <= verdicts
