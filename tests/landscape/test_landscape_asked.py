"""What the rest of auricle asks the field: models by any of their names, licences, declared overlaps, records from cards."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
import yaml
from typer.testing import CliRunner

from auricle import landscape
from auricle.cli.main import app
from auricle.landscape import asked
from auricle.landscape.conflicts import conflicts
from auricle.landscape.schema import Edge, Fact, Figure, Landscape, Record

CITED = {"source": "a card", "mark": "checked", "date": "2026-11-01"}


def fact(key, value):
    return Fact(key, value, **CITED)


@pytest.fixture
def field():
    records = [
        Record("pool", "set", "The Pool", 2017, "audio", ["sound"], aliases=["Pool"]),
        Record("talk-strong", "set", "Talk-Strong", 2019, "captions", ["speech"]),
        Record("exam", "benchmark", "Exam", 2021, "choice", ["sound"]),
        Record("quiz", "benchmark", "Quiz", 2022, "choice", ["sound"]),
        Record("clap", "model", "CLAP 1", 2022, "two-towers", ["sound"], aliases=["the CLAP", "lab/clap-htsat"],
               links=["https://hub.example/lab/clap-links", "hf:lab/clap-large"],
               facts=[fact("licence-weights", "CC BY-NC 4.0"), fact("trap", "counts are poor")]),
        Record("free", "model", "Free", 2023, "two-towers", ["sound"], facts=[fact("licence-weights", "MIT")]),
    ]  # fmt: skip
    edges = [
        Edge("derived-from", "quiz", "exam", **CITED),
        Edge("derived-from", "talk-strong", "pool", **CITED),
        Edge("overlaps-with", "exam", "pool", part="test", object_part="train", count=15, out_of=2000, basis="id", **CITED),
        Edge("trained-on", "clap", "pool", **CITED),
    ]
    figures = [
        Figure("1", "clap", "exam", "accuracy", 91.0, **CITED),
        Figure("2", "clap", "exam", "accuracy", 60.2, by="user", **CITED),
        Figure("3", "clap", "quiz", "accuracy", 50.0, split="a", **CITED),
        Figure("4", "clap", "quiz", "accuracy", 70.0, split="b", **CITED),
        Figure("5", "free", "exam", "accuracy", 66.5, **CITED),
        Figure("6", "free", "exam", "accuracy", 66.53, **CITED),
    ]
    return Landscape({r.id: r for r in records}, tuple(edges), tuple(figures))


@pytest.mark.parametrize(
    "name", ["clap", "CLAP 1", "the clap", "hf:lab/clap-htsat", "hf:Lab/CLAP-large@main", "lab/clap-links", "hf:other/clap-htsat"]
)
def test_a_model_is_known_by_any_of_its_names(field, name):
    known = asked.about_model(field, name)
    assert known.record.id == "clap"
    assert known.use == "non-commercial"


@pytest.mark.parametrize("name", ["cla", "", "pool", "hf:lab/other"])
def test_what_is_not_known_is_not_guessed(field, name):
    assert asked.about_model(field, name) is None


def test_traps_say_where_they_are_from(field):
    traps = asked.about_model(field, "clap").traps
    assert traps[0] == "counts are poor (a card; checked)"
    assert traps[1] == "Published figures differ: Exam, accuracy: 60.2 (a card), 91 (a card)."
    assert traps[2].startswith("Licence of the weights: non-commercial")
    assert len(traps) == 3


def test_figures_of_unlike_splits_or_rounding_do_not_conflict(field):
    assert [(c.model, c.benchmark, c.spread) for c in conflicts(field)] == [("clap", "exam", pytest.approx(30.8))]


def test_warnings_are_for_weights_that_are_not_free(field):
    clap, free = asked.about_model(field, "clap"), asked.about_model(field, "free")
    assert "non-commercial" in asked.licence_warning("clap", clap)
    assert asked.licence_warning("free", free) == ""
    assert "unknown" in asked.licence_warning("free", free, "other")
    assert "non-commercial" in asked.licence_warning("new", None, "cc-by-nc-sa-4.0")
    assert asked.licence_warning("new", None, "apache-2.0") == ""
    assert asked.licence_warning("new", None, "cc-by-4.0") == ""
    assert asked.licence_warning("new", None) == ""


def test_a_licence_that_nobody_read_is_told_as_that(field):
    heard = Fact("licence-weights", "MIT", "hearsay", "unverified", "2026-11-01")
    record = replace(field.records["free"], facts=[heard])
    field = Landscape({**field.records, "free": record}, field.edges, field.figures)
    known = asked.about_model(field, "free")
    assert known.use == "unknown"
    assert "not read in its source (claimed: MIT)" in asked.licence_warning("free", known)
    assert "not read in its source (claimed: MIT)" in known.traps[-1]
    stated = asked.licence_warning("free", known, "cc-by-nc-4.0")
    assert stated.startswith("the licence of the weights of free: non-commercial")
    assert "Claimed elsewhere, not read in its source: MIT." in stated
    assert asked.licence_warning("free", known, "apache-2.0") == ""


def test_overlaps_are_declared_directly_by_parents_and_by_making(field):
    direct = asked.declared(field, ["Pool"], ["exam"])
    assert [one.says for one in direct] == ["15 of 2,000 of Exam (test) in The Pool (train), by id"]
    far = asked.declared(field, ["talk strong"], ["quiz"])
    assert [(one.says, one.way) for one in far] == [
        ("15 of 2,000 of Exam (test) in The Pool (train), by id", ("talk-strong", "pool", "exam", "quiz"))
    ]
    assert [one.says for one in asked.declared(field, ["exam"], ["quiz"])] == ["Quiz is made from Exam"]
    assert asked.declared(field, ["nowhere"], ["exam"]) == []
    assert asked.tests(field) == {"exam", "quiz"}


def card(**more):
    chain = [
        {"what": "3 items of Talk-Strong", "licence": "CC0", "source": "Talk-Strong"},
        {"what": "an ear", "licence": "MIT", "source": "x"},
    ]
    return {"name": "mine", "version": "2", "family": "two-towers", "licence": "MIT", "chain": chain, "created": "2026-11-02", **more}


def test_a_card_becomes_a_record_that_knows_what_it_learnt_from(field):
    id, text = asked.from_card(card(results=[{"metric": "R@1", "value": 0.5, "n": 40}]), field, date="2026-11-25")
    [record] = yaml.safe_load(text)
    assert (id, record["trained-on"], record["year"]) == ("mine-2", ["talk-strong"], 2026)
    assert record["facts"]["measured-r-1"] == [{"value": 0.5, "note": "n = 40"}]
    assert record["facts"]["made-from"][1] == "an ear: MIT"


def test_the_shipped_model_becomes_a_record_that_passes(tmp_path):
    from auricle.landscape.compile import study
    from auricle.models import hub
    from auricle.models.bundle import Bundle

    added = run("landscape", "add", "--from-card", "tiny-towers", "--records", str(tmp_path))
    assert added.exit_code == 0, added.output
    made, problems = study(tmp_path)
    assert problems == []
    [record] = made.records.values()
    shipped = Bundle.open(hub.resolve("tiny-towers")).card
    assert record.said("licence-weights")[0].value == shipped.licence
    assert len([fact for fact in record.facts if fact.key.startswith("measured-")]) == len(shipped.results)
    assert run("landscape", "add", "--from-card", "tiny-towers", "--records", str(tmp_path)).exit_code != 0
    assert run("landscape", "add", "model", "--from-card", "tiny-towers").exit_code != 0


def run(*arguments):
    return CliRunner().invoke(app, list(arguments))


def test_models_show_prints_the_record_and_its_traps(field, monkeypatch):
    monkeypatch.setattr(landscape, "load", lambda: field)
    shown = run("models", "show", "the CLAP")
    assert shown.exit_code == 0, shown.output
    assert "trained on: The Pool" in shown.stdout
    assert "trap: counts are poor" in shown.stdout
    assert "not on this machine" in shown.stderr
    assert json.loads(run("models", "show", "clap", "--json").stdout)["landscape"]["use"] == "non-commercial"
    assert "In the landscape" not in run("models", "show", "tiny-towers").stdout


def test_pull_warns_before_it_fetches(field, monkeypatch, tmp_path):
    from auricle.models import hub

    monkeypatch.setattr(landscape, "load", lambda: field)
    monkeypatch.setattr(hub, "pull", lambda *a, **k: hub.resolve("tiny-towers"))
    pulled = run("models", "pull", "hf:lab/clap-htsat")
    assert "non-commercial" in pulled.stderr
    assert "landscape show clap" in pulled.stderr
    assert run("models", "pull", "hf:lab/unheard-of").stderr == ""


def test_data_check_tells_declared_overlaps(field, monkeypatch, tmp_path):
    monkeypatch.setattr(landscape, "load", lambda: field)
    manifest = tmp_path / "m.jsonl"
    manifest.write_text('{"id": "1", "set": "pool", "captions": ["a dog"], "licence": "CC0"}\n')
    shown = run("data", "check", str(manifest), "--no-hear")
    assert "15 of 2,000 of Exam (test) in The Pool (train), by id" in shown.stdout
    lines = [json.loads(line) for line in run("data", "check", str(manifest), "--no-hear", "--json").stdout.splitlines()]
    assert [line["right"] for line in lines if line["kind"] == "declared"] == ["exam", "quiz"]
