"""``auricle detect``: events for people, as JSON lines, and as files that Raven and Audacity open."""

from __future__ import annotations

import csv
import io

import pytest

from auricle.demo import SOUNDS

DOG = SOUNDS / "animals" / "dog barking.ogg"
RAIN = SOUNDS / "weather" / "rain on a tin roof.ogg"


def test_events_for_people(run):
    ran = run("detect", DOG, RAIN, "--labels", "dog barking,rain")
    assert (ran.code, ran.err) == (0, "")
    first, second = ran.out.split(str(RAIN.name))
    assert "dog barking" in first.split(DOG.name)[1]
    assert "rain" in second
    assert run("detect", DOG, "--labels", "a gong").out.splitlines()[1] == "  nothing of these"


def test_events_as_lines(run):
    ran = run("detect", DOG, "--labels", "dog barking,rain", "--json")
    assert [line["label"] for line in ran.lines] == ["dog barking"]
    event = ran.lines[0]
    assert 0 <= event["start"] < event["end"] <= 6.1
    assert 0.4 <= event["score"] <= 1
    assert event["path"] == str(DOG)


def test_the_thresholds(run):
    few = run("detect", RAIN, "--labels", "dog barking,rain,wind,applause", "--threshold", "0.9", "--json").lines
    many = run("detect", RAIN, "--labels", "dog barking,rain,wind,applause", "--threshold", "0.01", "--json").lines
    assert len(few) < len(many)
    assert run("detect", DOG, "--labels", "dog barking", "--min-duration", "60", "--json").out == ""


def test_raven_and_audacity(run, tmp_path):
    ran = run("detect", DOG, RAIN, "--labels", "dog barking,rain", "--format", "raven", "--out", tmp_path / "both.txt")
    assert (ran.code, ran.out) == (0, "")
    rows = list(csv.DictReader(io.StringIO((tmp_path / "both.txt").read_text("utf-8")), delimiter="\t"))
    assert {row["Label"] for row in rows} >= {"dog barking", "rain"}
    rain = next(row for row in rows if row["Label"] == "rain")
    assert float(rain["Begin Time (s)"]) == pytest.approx(float(rain["File Offset (s)"]) + 5.98, abs=0.1)  # after the dog's file
    folder = tmp_path / "labels"
    folder.mkdir()
    assert run("detect", DOG, RAIN, "--labels", "dog barking,rain", "--format", "audacity", "--out", folder).code == 0
    lines = (folder / "dog barking.txt").read_text("utf-8").splitlines()
    assert lines[0].split("\t")[2].startswith("dog barking 0.")
    assert run("detect", DOG, "--labels", "dog barking", "-f", "csv").out.startswith("path,start,end,label,score")
    again = run("detect", DOG, "--labels", "rain,dog barking", "--format", "raven", "--out", tmp_path / "both.txt")
    assert (again.code, "exists already" in again.err) == (2, True)


def test_an_unreadable_file_is_named_and_the_rest_is_done(run, tmp_path):
    (tmp_path / "bad.wav").write_bytes(b"no sound")
    ran = run("detect", tmp_path / "bad.wav", DOG, tmp_path / "none.wav", "--labels", "dog barking", "--json")
    assert ran.code == 1
    assert [line.get("kind", line.get("label")) for line in ran.lines] == ["NotAudio", "dog barking", "Missing"]
    plain = run("detect", tmp_path, DOG, "--labels", "dog barking")
    assert (plain.code, "folder" in plain.err, "dog barking" in plain.out) == (1, True, True)


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ([], 2),
        (["--labels", ""], 2),
        (["--labels", "dog,,rain"], 2),
        (["--labels", "dog,dog"], 2),
        (["--labels", "dog", "--threshold", "1.5"], 2),
        (["--labels", "dog", "--threshold", "nan"], 2),
        (["--labels", "dog", "--merge", "-1"], 2),
        (["--labels", "dog", "--format", "word"], 2),
        (["--labels", "dog", "--out", "x"], 2),
        (["--labels", "dog", "--model", "no-such-model"], 3),
    ],
)
def test_what_is_wrong_is_said_in_one_line(run, arguments, code):
    ran = run("detect", DOG, *arguments)
    assert ran.code == code
    assert ran.out == ""
    assert ran.err.count("\n") == 1
