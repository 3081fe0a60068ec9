"""Layouts that language models are tuned on elsewhere become items; what is wrong names its line."""

from __future__ import annotations

import json

import pytest
from datasounds import put

from auricle.data.instructions import MARK, instructions
from auricle.data.items import Question
from auricle.data.saving import save
from auricle.errors import DataError, UsageError


def lines(path, *rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def one(layout, path, **more):
    return [(found.item, found.sound) for found in instructions(layout, path, **more)]


def test_slam(tmp_path):
    sound = str(put(tmp_path / "wav/a.wav"))
    path = lines(
        tmp_path / "train.jsonl",
        {"key": "a", "source": sound, "target": "a dog barks"},
        {"key": "a2", "source": sound, "target": "no", "prompt": "Is it quiet?"},
        {"key": "a3", "source": sound, "target": "no", "prompt": "Is it quiet?"},
    )
    ((item, heard),) = one("slam", path, prompt="Describe it.")
    assert heard == sound
    assert item.questions == (Question("Describe it.", "a dog barks"), Question("Is it quiet?", "no"))
    assert item.set == "train"
    assert item.extra == {"key": "a"}
    assert one("slam", path)[0][0].questions[0].question == "Describe the recording."


def test_ltu(tmp_path):
    put(tmp_path / "sounds/b.wav")
    path = tmp_path / "closed.json"
    row = {"instruction": "What is heard?", "input": "Choose one.", "audio_id": "b.wav", "dataset": "x", "task": "cla", "output": "rain"}
    path.write_text(json.dumps([row, {**row, "input": "", "output": "wind"}]))
    ((item, heard),) = one("ltu", path, audio=str(tmp_path / "sounds"))
    assert heard == str(tmp_path / "sounds/b.wav")
    assert item.questions == (Question("What is heard?\nChoose one.", "rain"), Question("What is heard?", "wind"))
    assert item.extra == {"dataset": "x", "task": "cla"}


def test_messages_hold_what_was_said_before(tmp_path):
    put(tmp_path / "c.wav")
    said = [
        {"role": "system", "content": "Be short."},
        {"role": "user", "content": f"{MARK}What is it?"},
        {"role": "assistant", "content": "a bell"},
        {"role": "user", "content": "And then?"},
        {"role": "assistant", "content": "a car"},
    ]
    path = lines(tmp_path / "m.jsonl", {"messages": said, "audios": ["c.wav"]})
    ((item, _),) = one("messages", path)
    assert item.questions == (
        Question("Be short.\nWhat is it?", "a bell"),
        Question("Be short.\nWhat is it?\na bell\nAnd then?", "a car"),
    )
    path.write_text(json.dumps([{"messages": said, "audios": ["c.wav"]}]))
    assert one("messages", path)[0][0] == item


USER, ANSWER = {"role": "user", "content": f"{MARK}What?"}, {"role": "assistant", "content": "rain"}


@pytest.mark.parametrize(
    ("layout", "row", "said"),
    [
        ("slam", {"key": "a", "target": "x y"}, "it has no source"),
        ("slam", {"source": "c.wav", "target": 5}, "target is no text"),
        ("slam", {"source": "c.wav", "target": " "}, "target is no text"),
        ("ltu", {"audio_id": "c.wav", "instruction": "What?"}, r"it has no output \(it has audio_id, instruction\)"),
        ("messages", {"messages": [USER, ANSWER]}, "no list of sounds"),
        ("messages", {"messages": [USER, ANSWER], "audios": ["c.wav", "c.wav"]}, "2 sounds"),
        ("messages", {"messages": [USER], "audios": ["c.wav"]}, "no answer of an assistant"),
        ("messages", {"messages": [ANSWER], "audios": ["c.wav"]}, "answers nothing"),
        ("messages", {"messages": [USER, USER, ANSWER], "audios": ["c.wav"]}, "stands 2 times"),
        ("messages", {"messages": [{"role": "tool", "content": "x"}], "audios": ["c.wav"]}, "has no role"),
        ("messages", {"messages": [{"role": "user"}], "audios": ["c.wav"]}, "has no content"),
        ("messages", {"messages": "hello", "audios": ["c.wav"]}, "no list of messages"),
    ],
)
def test_a_bad_row_names_its_line(tmp_path, layout, row, said):
    put(tmp_path / "c.wav")
    good = {
        "slam": {"source": "c.wav", "target": "rain"},
        "ltu": {"audio_id": "c.wav", "instruction": "What?", "output": "rain"},
        "messages": {"messages": [USER, ANSWER], "audios": ["c.wav"]},
    }[layout]
    with pytest.raises(DataError, match=rf"bad\.jsonl:2: .*{said}") as raised:
        one(layout, lines(tmp_path / "bad.jsonl", good, row))
    assert raised.value.line == 2


def test_what_is_no_such_file(tmp_path):
    path = tmp_path / "x.jsonl"
    path.write_text('{"source": "c.wav", "target": "x"}\nno json\n')
    with pytest.raises(DataError, match=r"x\.jsonl:2: is no JSON"):
        one("slam", path)
    path.write_text("[1]")
    with pytest.raises(DataError, match=r"x\.jsonl:1: is no JSON object"):
        one("ltu", path)
    lines(path, {"source": "gone.wav", "target": "x"})
    with pytest.raises(DataError, match=r"x\.jsonl:1: there is no .*gone\.wav") as gone:
        one("slam", path)
    assert "--audio" in gone.value.hint
    path.write_bytes(b'{"source": "\xff"}')
    with pytest.raises(DataError, match="is not UTF-8"):
        one("slam", path)
    with pytest.raises(DataError):
        one("slam", tmp_path / "nowhere.jsonl")
    with pytest.raises(UsageError, match="no layout"):
        one("alpaca", path)
    assert save(instructions("slam", lines(path)), tmp_path / "m.jsonl") == 0
