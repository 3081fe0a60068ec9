"""The command that measures what ships, from end to end on tones: the shipped model, its card, the log of ESC-10."""

import csv
import importlib.util
import json
import shutil
import sys
from pathlib import Path

import pytest
from benchmark_corpus import event, recording, write_corpus

from auricle.data.items import Item
from auricle.data.manifest import write
from auricle.models.bundle import Bundle
from auricle.models.hub import resolve

sys.path.insert(0, str(Path(__file__).parents[1] / "library"))
from library_sounds import write_tone

RECIPE = Path(__file__).parents[2] / "recipes" / "tiny_towers"
PITCH = {"dog-bark": 437.5, "crow-caw": 1187.5, "thunder": 2062.5, "rain": 2812.5, "piano": 3562.5}
QUERIES = {
    half: [{"text": t, "kind": "plain", "all": [c]} for t, c in (("dog", "dog-bark"), ("storm", "thunder"))] for half in ("dev", "test")
}


@pytest.fixture(scope="module")
def recipe():
    spec = importlib.util.spec_from_file_location("tiny_towers_measure", RECIPE / "measure.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def place(tmp_path, recipe, monkeypatch):
    """A benchmark, a training corpus, ESC-10 of four clips, a copy of the shipped bundle, a log of this test's own."""
    made = []
    for half in ("dev", "test"):
        for concept in PITCH:
            for take in range(4):
                e = event(
                    concept, 0, 1 + 0.1 * take, clip=f"{half}:{concept}-{take}", says="good morning" if concept == "piano" and take else ""
                )
                made.append(recording(e, id=f"{half}{concept}{take}", half=half, path=f"{half}/{concept}{take}.wav"))
    write_corpus(tmp_path / "bench", made, QUERIES, PITCH)
    corpus = tmp_path / "corpus"
    write_tone(corpus / "a.wav")
    write(corpus / "train.jsonl", [Item(id="t", audio="a.wav", clip="trained on", labels=("bell",), split="train")])
    write(corpus / "dev.jsonl", [Item(id="d", audio="a.wav", clip="held out", labels=("bell",), split="dev")])
    esc = tmp_path / "esc"
    rows = [{"file": f"1-{n}-A.wav", "label": label, "fold": 1} for n, label in enumerate(("dog", "rain", "dog", "rain"))]
    for n, row in enumerate(rows):
        write_tone(esc / row["file"], pitch=300 + 500 * n)
    with (esc / "labels.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, ["file", "label", "fold"])
        writer.writeheader()
        writer.writerows(rows)
    shutil.copytree(resolve("tiny-towers@1"), tmp_path / "mine@1")
    monkeypatch.setattr(recipe, "LOG", tmp_path / "esc10.log")
    monkeypatch.delenv("AURICLE_DATA", raising=False)
    return tmp_path


def arguments(place, *more):
    return [
        "--bundle", str(place / "mine@1"), "--corpus", str(place / "bench"), "--train-corpus", str(place / "corpus"),
        "--groups", "2", "--scenes", "2", *more,
    ]  # fmt: skip


def test_everything_is_measured_printed_and_on_the_card(place, recipe, capsys):
    before = {r.metric for r in Bundle.open(place / "mine@1").card.results}
    pipeline = Bundle.open(place / "mine@1").pipeline_id
    run = arguments(place, "--against", "tiny-towers@1", "--esc10", str(place / "esc"), "--write", str(place / "out.json"))
    assert recipe.main(run) == 0
    printed = capsys.readouterr().out
    assert "over tiny-towers@1" in printed
    document = json.loads((place / "out.json").read_text())
    names = {s["metric"] for s in document["scores"]}
    assert names >= {
        "search ndcg@10, fused",
        "field sounds, zero-shot accuracy",
        "PSDS1",
        "event F1, 1 s collar, micro",
        "Brier score, all labels",
    }
    assert all(s["protocol_hash"] and s["pipeline_id"] and s["n"] and s["sources"] for s in document["scores"])
    assert {d["difference"] for d in document["differences"]} == {0.0}  # the same weights beside themselves
    assert set(document["esc10"]["items"]) == {f"1-{n}-A.wav" for n in range(4)}
    card = Bundle.open(place / "mine@1").card
    assert {r.metric for r in card.results} >= before | {"PSDS1", "search ndcg@10, fused"}
    assert len({r.metric for r in card.results}) == len(card.results)
    assert "--bundle mine@1 --against tiny-towers@1" in next(r.command for r in card.results if r.metric == "PSDS1")
    assert str(place) not in (place / "mine@1" / "card.json").read_text()
    assert Bundle.open(place / "mine@1").pipeline_id == pipeline
    assert pipeline in (place / "esc10.log").read_text()

    assert recipe.main(arguments(place, "--only", "calibration", "--esc10", str(place / "esc"))) == 2
    assert "ESC-10 was run on these weights" in capsys.readouterr().err
    assert len((place / "esc10.log").read_text().splitlines()) == 1


def test_choosing_writes_no_card_and_never_looks_at_esc10(place, recipe, capsys):
    before = (place / "mine@1" / "card.json").read_bytes()
    write(place / "corpus" / "dev.jsonl", [Item(id=f"d{n}", audio="a.wav", clip=f"c{n}", labels=("bell",), split="dev") for n in range(3)])
    assert recipe.main(arguments(place, "--half", "dev", "--only", "rows")) == 0
    assert (place / "mine@1" / "card.json").read_bytes() == before
    assert recipe.main(arguments(place, "--half", "dev", "--esc10", str(place / "esc"))) == 2
    assert "no development set" in capsys.readouterr().err


def test_what_was_trained_on_stops_it(place, recipe, capsys):
    write(place / "corpus" / "train.jsonl", [Item(id="t", audio="a.wav", clip="test:rain-0", labels=("rain",), split="train")])
    assert recipe.main(arguments(place, "--only", "rows")) != 0
    assert "test:rain-0 is held out" in capsys.readouterr().err


def test_the_log_that_is_committed_holds_what_the_cards_say(recipe):
    lines = [line.split() for line in (RECIPE / "esc10.log").read_text("utf-8").splitlines() if not line.startswith("#")]
    assert len({pipeline for _, pipeline, *_ in lines}) == len(lines)  # once per released weights
    by_pipeline = {pipeline: float(value) for _, pipeline, value, *_ in lines}
    bundle = Bundle.open(resolve("tiny-towers@1"))
    told = next(r.value for r in bundle.card.results if r.metric.startswith("ESC-10"))
    assert by_pipeline[bundle.pipeline_id] == told
