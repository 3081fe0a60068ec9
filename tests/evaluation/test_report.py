"""The report: what it says of a results document, in HTML and Markdown, and what it does with one that is wrong, odd or hostile."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import tarfile
from html.parser import HTMLParser

import pytest
import results_files
import soundfile as sf

from auricle.errors import DataError
from auricle.evaluation import report
from auricle.evaluation.report import sounds
from auricle.evaluation.report.axes import Scale, log_scale, scale_of
from auricle.evaluation.report.document import Item, Run
from auricle.evaluation.report.numbers import between, chance_of, plain, said, signed, size

VOID = {"meta", "link", "br", "img", "input", "hr"}


@pytest.fixture(scope="module")
def document():
    return results_files.document(("esc10", "mmau"), (results_files.MODELS[0], results_files.MODELS[3]), n=60)


@pytest.fixture(scope="module")
def made(document, tmp_path_factory):
    return composed(tmp_path_factory.mktemp("report"), document)


def composed(folder, *documents):
    paths = []
    for number, one in enumerate(documents):
        path = folder / f"results-{number}.json"
        path.write_text(json.dumps(one, default=float), "utf-8")
        paths.append(path)
    return report.compose(report.read(paths), "auricle report results.json")


def minimal(**more):
    run = {
        "benchmark": "esc10",
        "model": "m",
        "protocol_hash": "p",
        "scores": [{"metric": "accuracy", "value": 0.5, "low": 0.4, "high": 0.6, "n": 9}],
    }
    return {"kind": "auricle results", "version": 1, "runs": [{**run, **more}]}


class Reader(HTMLParser):
    """Checks that what is opened is closed, and collects."""

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.ids, self.links, self.policy = [], [], [], [], ""
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        self.tags.append((tag, given))
        self.ids += [given["id"]] if "id" in given else []
        self.links += [given["href"]] if tag == "a" else []
        if given.get("http-equiv") == "Content-Security-Policy":
            self.policy = given["content"]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_the_page_needs_nothing_else_and_lets_nothing_else_in(made):
    page = report.page(made)
    read = Reader(page)
    assert len(read.ids) == len(set(read.ids))
    assert {link for link in read.links if not link.startswith("#")} == set()
    assert {link[1:] for link in read.links} <= set(read.ids)
    for tag, given in read.tags:
        assert "style" not in given
        assert not any(name.startswith("on") for name in given)
        assert given.get("src", "data:").startswith("data:"), tag
    for tag in ("style", "script"):
        text = re.search(rf"<{tag}>(.*?)</{tag}>", page, re.DOTALL)[1]
        assert base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() in read.policy
    assert "default-src 'none'" in read.policy
    assert "http://" not in page
    assert "https://" not in page


def test_everything_stands_in_both(made, document):
    page, markdown = report.page(made), report.markdown(made)
    run = document["runs"][0]
    for text in (page, markdown):
        for words in ("Summary", "Every run", "Quality against cost", "Paired differences", "Listening controls", "Calibration",
                      "Confusion",
                      "Precision and recall", "Leakage", "The ten worst of tiny-towers@2", "Invariance", "unparsed", "refused", "skipped",
                      "truncated", "failed", "given", "heard", "audio gain"):  # fmt: skip
            assert words in text, words
        for hidden in (run["protocol_hash"], run["pipeline_id"], run["protocol"]["data_hash"], document["differences"][0]["protocol_hash"]):
            assert hidden in text
        assert plain(run["scores"][0]["value"]) in text
        assert "deaf: it answers as well without the sound" in text
        assert "longest option is right" in text
        assert "auricle report results.json" in text
        assert document["command"] in text
    assert page.count("<figure>") == 4 * 5 + 4 + 2  # runs × figures, quality against cost, curves


def test_counts_stand_in_their_columns(tmp_path):
    columns = {"n": 9, "ok": 4, "unparsed": 1, "refused": 2, "skipped": 0, "truncated": 0, "failed": 2}
    made = composed(tmp_path, minimal(columns=columns, seconds={"given": 100, "heard": 80}))
    row = next(line for line in report.markdown(made).splitlines() if line.startswith("| m (esc10)"))
    assert row == "| m (esc10) | **.500** (.400–.600) | – | – | – | 9 | **1** | **2** | 0 | 0 | **2** | 100 s | 80 s |"
    assert "20 s of 100 s were not heard" in report.markdown(made)


def test_columns_that_do_not_add_up_are_an_alarm(tmp_path):
    made = composed(tmp_path, minimal(columns={"n": 9, "ok": 7}))
    assert "**Alarm** (m on esc10): the columns add up to 7 of 9 items" in report.markdown(made)


def test_what_comes_from_files_is_text_never_markup(tmp_path):
    evil = '<script>alert(1)</script>"|`*'
    items = [{"id": evil, "truth": evil, "answer": {"a": [evil]}, "value": 0.0, "audio": evil, "reason": evil, "status": "failed"}]
    details = {"classes": [evil, "b"], "confusion": [[1, 2], [0, 3]], "per_class": [{"class": evil, "n": 1, "value": 0.1}],
               "precision_recall": {evil: [[0.5, 0.5]]}}  # fmt: skip
    made = composed(tmp_path, minimal(model=evil, title=evil, kind=evil, alarms=[evil], items=items, details=details, protocol={"x": evil}))
    page = report.page(made)
    assert [tag for tag, _ in Reader(page).tags].count("script") == 1  # our own
    assert "<script>alert" not in page
    cells = [line for line in report.markdown(made).splitlines() if line.startswith("|")]
    assert not any("<script" in line.replace("\\<", "") for line in cells)


def test_one_model_by_two_protocols_is_no_row(tmp_path):
    made = composed(tmp_path, minimal(), minimal(protocol_hash="other12"))
    titles = [section.title for section in made.sections]
    assert "esc10 (protocol p)" in titles
    assert "esc10 (protocol other1)" in titles


def test_the_newer_of_two_counts(tmp_path):
    old = {**minimal(), "made": "2026-01-01"}
    new = {**minimal(scores=[{"metric": "accuracy", "value": 0.75}]), "made": "2026-02-01"}
    for order in ((old, new), (new, old)):
        text = report.markdown(composed(tmp_path, *order))
        assert ".750" in text
        assert ".500" not in text
        assert "1 older result gave way" in text


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("", "no JSON"),
        ('{"kind": "auricle results", "ver', "no JSON"),
        ("[1, 2]", "no results"),
        ('{"kind": "something", "version": 1}', "no results"),
        ('{"kind": "auricle results", "version": 7, "auricle": "3.0"}', "newer auricle"),
        (json.dumps(minimal(scores=[{"metric": "accuracy", "value": "high"}])), "runs.0.scores.0.value"),
        (json.dumps(minimal(scores=[{"metric": "accuracy", "value": float("nan")}])), "runs.0.scores.0.value"),
        ('{"kind": "auricle results", "version": 1, "runs": [], "audits": []}', "nothing was measured"),
    ],
)
def test_what_is_no_results_file_is_said_in_a_line(tmp_path, content, says):
    path = tmp_path / "results.json"
    path.write_text(content)
    with pytest.raises(DataError, match=says) as caught:
        report.read([path])
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_leakage_is_told_with_what_it_was_compared_with(tmp_path):
    score = {"metric": "accuracy", "value": 0.5, "low": 0.4, "high": 0.6, "n": 8}
    leakage = {"all": score, "clean": score, "flagged": None, "inflation": {"value": 0.02, "low": -0.01, "high": 0.04}, "notes": ["a note"],
               "ids": {"a": ["sound: b"]}, "levels": {"sound": {"items": 1, "meaning": "same sound"}}, "trained_on": "/data/train.jsonl",
               "declared": [{"says": "shares clips", "source": "a paper", "mark": "checked"}]}  # fmt: skip
    text = report.markdown(composed(tmp_path, minimal(leakage=leakage, columns={"n": 9, "ok": 9})))
    for words in ("| m | all − clean | +.020 (−.010 to +.040) |", "Compared with train.jsonl: 1 item may have been learnt from.",
                  "a note",
                  "Flagged for m (1 item: sound 1)",
                  "Declared: shares clips (a paper, checked).", "1 item of 9 may have been"):  # fmt: skip
        assert words in text, words
    assert "/data/" not in text


def test_a_bare_document_makes_a_report(tmp_path):
    bare = minimal(scores=[])
    assert "no score" in report.markdown(composed(tmp_path, bare))
    audit = {"probe": "needle", "title": "Needle", "model": "m", "scores": [], "curves": [{"name": "depth", "x": [1, 2], "y": [0.5, None]}]}
    made = composed(tmp_path, {"kind": "auricle results", "version": 1, "audits": [audit]})
    Reader(report.page(made))
    assert "Needle" in report.markdown(made)


class TestSounds:
    def test_the_worst_come_first_and_the_right_ones_never(self):
        items = [Item(id="right", value=1.0), Item(id="unsure", value=0.0, confidence=0.2), Item(id="sure", value=0.0, confidence=0.9),
                 Item(id="refused", value=0.0, status="refused")]  # fmt: skip
        run = Run(benchmark="b", model="m", items=items)
        assert [item.id for item in sounds.worst(run)] == ["sure", "unsure", "refused"]

    def test_measures_without_a_ceiling_keep_their_lowest(self):
        items = [Item(id=str(n), value=n / 4) for n in range(20)]
        assert [item.id for item in sounds.worst(Run(benchmark="b", model="m", items=items))] == [str(n) for n in range(10)]

    def test_a_sound_is_short_mono_opus(self, tmp_path):
        sf.write(tmp_path / "long.wav", [[0.1, -0.1]] * 12 * 16000, 16000)
        run = Run(benchmark="b", model="m", folder=str(tmp_path))
        sound = sounds.Sounds().of(run, Item(id="x", audio="long.wav"))
        (tmp_path / "back.opus").write_bytes(base64.b64decode(sound.data))
        info = sf.info(tmp_path / "back.opus")
        assert (info.format, info.subtype, info.channels) == ("OGG", "OPUS", 1)
        assert info.duration == pytest.approx(10, abs=0.1)

    @pytest.mark.parametrize(
        ("name", "says"),
        [("gone.wav", "not found"), ("../secret.wav", "outside"), ("/etc/passwd", "outside"), ("text.wav", "text.wav: "), ("", "no sound")],
    )
    def test_what_cannot_be_heard_is_said(self, tmp_path, name, says):
        inside = tmp_path / "in"
        inside.mkdir()
        (inside / "text.wav").write_text("no sound at all")
        sf.write(tmp_path / "secret.wav", [0.1] * 100, 16000)
        found = sounds.Sounds().of(Run(benchmark="b", model="m", folder=str(inside)), Item(id="x", audio=name))
        assert isinstance(found, str)
        assert says in found

    def test_a_member_of_a_shard_is_heard(self, tmp_path):
        sf.write(tmp_path / "a.wav", [0.1] * 8000, 16000)
        with tarfile.open(tmp_path / "set.tar", "w") as shard:
            shard.add(tmp_path / "a.wav", "a.wav")
        run = Run(benchmark="b", model="m", folder=str(tmp_path))
        assert sounds.Sounds().of(run, Item(id="a", audio="set.tar#a.wav")).seconds == pytest.approx(0.5, abs=0.01)
        assert isinstance(sounds.Sounds().of(run, Item(id="a", audio="set.tar#b.wav")), str)

    def test_a_folder_beside_the_results_is_found(self, tmp_path):
        (tmp_path / "clips").mkdir()
        sf.write(tmp_path / "clips" / "a.wav", [0.1] * 8000, 16000)
        made = composed(tmp_path, minimal(folder="clips", items=[{"id": "a", "audio": "a.wav", "value": 0.0}]))
        assert 'src="data:audio/ogg;base64,T2dnUw' in report.page(made)


def test_numbers():
    assert [plain(v) for v in (None, 0.0, 0.9184, 0.9999, 1.0, 1.25, 12.34, -0.05)] == [
        "–",
        ".000",
        ".918",
        "1.000",
        "1.000",
        "1.250",
        "12.3",
        "−.050",
    ]
    assert (signed(0.05), signed(-0.05), signed(0.0)) == ("+.050", "−.050", ".000")
    assert (between(0.1, 0.2), between(-0.1, 0.2), between(None, 0.2)) == (".100–.200", "−.100 to .200", "")
    assert (chance_of(0.0001), chance_of(0.05), chance_of(None)) == ("< .001", ".050", "–")
    assert (size(28_400_000), size(1_200), size(None)) == ("28 MB", "1.2 kB", "–")
    assert said({"start": 1.0, "labels": ["a", "b"]}) == "start: 1.000, labels: a; b"


def test_scales():
    assert scale_of([0.2, 0.9]) == Scale(0.0, 1.0)
    assert scale_of([0.2, 3.4, None]) == Scale(0.0, 4.0)
    assert scale_of([-0.3, 0.4]).low < -0.29
    assert Scale(0.0, 1.0).ticks() == [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]
    scale = log_scale([10.0, 1000.0])
    assert scale.at(10.0) < 0.2 < 0.8 < scale.at(1000.0)
    assert len(log_scale([20.0, 21.0]).ticks()) >= 1
