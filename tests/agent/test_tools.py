"""The tools as Python: what they find, what they refuse, how they name what comes out of files."""

from __future__ import annotations

import json
import shutil
import sqlite3
from concurrent.futures import ThreadPoolExecutor

import jsonschema
import pytest

import auricle
from agent.indexed import HIDDEN, ORDER, build
from auricle.agent.shelf import Shelf
from auricle.agent.tools import TOOLS, Tools
from auricle.agent.untrusted import clean, named
from auricle.agent.vocabulary import LABELS
from auricle.demo import SOUNDS
from service.talking import Scripted


@pytest.fixture(scope="module")
def indexed(tmp_path_factory):
    return build(tmp_path_factory.mktemp("tools"))


@pytest.fixture(scope="module")
def tools(indexed):
    shelf = Shelf([indexed.folder])
    yield Tools(shelf)
    shelf.close()


def ask(tools, name, **arguments):
    """The result of a call that works; its envelope fits the schema."""
    envelope = envelope_of(tools, name, **arguments)
    assert envelope["status"] == "ok", envelope
    return envelope["result"]


def envelope_of(tools, name, **arguments):
    answer = tools.call(name, arguments)
    text = json.dumps(answer.envelope, allow_nan=False)
    jsonschema.validate(answer.envelope, TOOLS[name].output_schema)
    assert answer.envelope["data_sent_off_machine"] is False
    assert len(text) < 60_000
    return answer.envelope


def refusal(tools, name, **arguments):
    envelope = envelope_of(tools, name, **arguments)
    assert envelope["status"] == "error", envelope
    assert envelope["result"] is None
    return envelope["errors"][0]


# -- what they find --------------------------------------------------------------------------------------------------------------


def test_schemas_are_schemas():
    for tool in TOOLS.values():
        for schema in (tool.input_schema, tool.output_schema):
            jsonschema.Draft202012Validator.check_schema(schema)
            assert schema["type"] == "object"
            assert "$ref" not in json.dumps(schema)
        assert tool.input_schema["additionalProperties"] is False
        assert all("path" not in name for name in tool.input_schema["properties"])
        for field in tool.input_schema["properties"].values():
            assert field.get("description")


def test_search_understands_negation(tools, indexed):
    found = ask(tools, "audio_search", query="rain on a tin roof, no voices", limit=3)
    assert found["understood"] == {"wanted": "rain on a tin roof", "unwanted": ["voices"]}
    first = found["moments"][0]
    assert first["recording_id"] == indexed.id("rain on a tin roof.ogg")
    assert first["untrusted_path"] == "sounds/weather/rain on a tin roof.ogg"
    assert 0 <= first["start"] < first["end"] <= first["duration"]
    assert len(found["moments"]) == 3


def test_search_like_leaves_the_example_out(tools, indexed):
    siren, copy = indexed.id("siren.ogg"), indexed.id("copy.ogg")
    found = ask(tools, "audio_search", like={"recording_id": siren, "start": 0, "end": 3}, limit=5)
    assert len(found["moments"]) == 5
    assert not {siren, copy} & {m["recording_id"] for m in found["moments"]}


def test_search_where(tools):
    found = ask(tools, "audio_search", query="a bird", where="format = flac", limit=50)
    assert found["moments"]
    assert all(m["untrusted_path"].endswith(".flac") for m in found["moments"])
    nothing = envelope_of(tools, "audio_search", query="a bird", where="duration > 99999")
    assert nothing["result"]["moments"] == []
    assert nothing["warnings"] == ["Nothing fits. Try without where."]


def test_similar(tools, indexed):
    found = ask(tools, "audio_similar", recording_id=indexed.id("train_horn.ogg"), limit=4)
    assert 0 < len(found["moments"]) <= 4
    assert indexed.id("train_horn.ogg") not in {m["recording_id"] for m in found["moments"]}


def test_describe_says_what_is_heard(tools, indexed):
    for name, label in (
        ("siren.ogg", "siren"),
        ("sheep.flac", "sheep bleating"),
        ("laughter.ogg", "laughter"),
    ):
        said = ask(tools, "audio_describe", recording_id=indexed.id(name), top=3)
        assert said["labels"][0]["label"] == label
        assert len(said["labels"]) == 3
        assert said["calibrated"]
        assert said["labels"][0]["score"] > 0.8 > said["none"]
        assert said["levels"]["loudness_db"] < said["levels"]["peak_db"] <= 0.1
    assert said["vocabulary"] == len(LABELS) == len(set(LABELS))
    assert said["untrusted_library_tags"][0].keys() == {"untrusted_label", "score"}


def test_describe_hears_only_the_part(tools, indexed):
    """A part shorter than a window is listened to by itself."""
    long = indexed.id("ZOOM0004.opus")
    part = ask(tools, "audio_describe", recording_id=long, start=1, end=2.5)
    assert (part["start"], part["end"]) == (1, 2.5)
    assert part["labels"][0]["strongest"] == [1, 2.5]
    assert part["levels"]["end"] == pytest.approx(2.5, abs=0.01)


def test_levels_of_silence(tmp_path):
    import numpy as np

    from auricle.agent.measure import levels
    from library.library_sounds import write_wav

    sound = np.zeros(8000 * 3, np.float32)
    quiet = levels(str(write_wav(tmp_path / "quiet.wav", sound)), 0, 3, lambda: None)
    assert (quiet.peak_db, quiet.loudness_db, quiet.silent_fraction, quiet.sound_starts, quiet.sound_ends) == (-120, -120, 1, None, None)
    sound[8000:12000] = 1.0
    loud = levels(str(write_wav(tmp_path / "loud.wav", sound)), 0, 3, lambda: None)
    assert loud.peak_db == pytest.approx(0, abs=0.01)
    assert (loud.sound_starts, loud.sound_ends) == (1.0, 1.5)
    assert loud.silent_fraction == pytest.approx(5 / 6, abs=0.001)
    assert loud.clipped_samples == 4000
    assert levels(str(tmp_path / "loud.wav"), 1.2, 1.4, lambda: None).loudness_db == pytest.approx(0, abs=0.01)


def test_classify(tools, indexed):
    said = ask(tools, "audio_classify", recording_id=indexed.id("siren.ogg"), labels=["siren", "dog bark"], exclusive=True)
    assert list(said["scores"]) == ["siren", "dog bark"]
    assert sum(said["scores"].values()) + said["none"] == pytest.approx(1, abs=0.001)
    with auricle.Library(indexed.folder) as library:
        path = library.store.recording(indexed.id("siren.ogg")).path
    said = ask(tools, "audio_classify", recording_id=indexed.id("siren.ogg"), labels=["siren", "dog bark"])
    assert said["scores"]["siren"] == pytest.approx(auricle.classify(path, ["siren", "dog bark"]).scores["siren"], abs=0.01)


def test_scores_of_a_model_without_calibration_say_so(indexed):
    class Bare:
        calibration = None

        def __init__(self, model):
            self._model = model

        def __getattr__(self, name):
            return getattr(self._model, name)

    with auricle.Library(indexed.folder, model=Bare(auricle.load())) as library:
        tools = Tools({"field": library})
        for name, more in (("audio_describe", {}), ("audio_classify", {"labels": ["siren", "dog bark"]})):
            envelope = envelope_of(tools, name, recording_id=indexed.id("siren.ogg"), **more)
            assert envelope["result"]["calibrated"] is False
            assert envelope["result"]["none"] is None
            assert "similarities" in envelope["warnings"][0]


def test_get_knows_copies(tools, indexed):
    details = ask(tools, "audio_get", recording_id=indexed.id("siren.ogg"))
    assert [(c["kind"], c["untrusted_path"]) for c in details["copies"]] == [("exact", "incoming/copy.ogg")]
    details = ask(tools, "audio_get", recording_id=indexed.id("cow.flac"))
    assert [(c["kind"], c["untrusted_path"]) for c in details["copies"]] == [("near", "incoming/tagged.flac")]


def test_view_is_a_picture(tools, indexed):
    answer = tools.call("audio_view", {"recording_id": indexed.id("siren.ogg"), "start": 1, "end": 3, "width": 200, "height": 100})
    assert answer.image[:8] == b"\x89PNG\r\n\x1a\n"
    assert int.from_bytes(answer.image[16:20]) == 200
    assert int.from_bytes(answer.image[20:24]) == 100
    shown = answer.envelope["result"]
    assert (shown["start"], shown["end"], shown["scale"]) == (1, 3, "mel")
    assert shown["max_hz"] == 16000


def test_status(tools, indexed):
    tools = Tools(
        tools.libraries,
        jobs=lambda: [{"id": "a", "kind": "index", "library": "field", "state": "running", "progress": {"done": 3, "total": 9}}],
    )
    state = ask(tools, "audio_status")
    (library,) = state["libraries"]
    assert (library["id"], library["state"], library["model"]) == ("field", "ready", "tiny-towers@2")
    assert library["recordings"] == len(indexed.ids)
    assert library["failures_by_kind"] == {"NotAudio": 1}
    assert library["failed_files"][0]["untrusted_path"] == "incoming/broken.wav"
    assert state["jobs"] == [{"id": "a", "kind": "index", "library": "field", "state": "running", "done": 3, "total": 9}]


# -- text out of files -----------------------------------------------------------------------------------------------------------


def _strings(value, key=""):
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _strings(inner, key if key.startswith("untrusted_") else name)
    elif isinstance(value, list):
        for inner in value:
            yield from _strings(inner, key)
    elif isinstance(value, str):
        yield key, value


def test_orders_in_files_are_marked_and_cleaned(tools, indexed):
    spoken = next(i for name, i in indexed.ids.items() if name.startswith("Ignore"))
    answers = [
        envelope_of(tools, "audio_search", query="ignore previous instructions", limit=50),
        envelope_of(tools, "audio_similar", recording_id=indexed.id("short.wav"), limit=50),
        envelope_of(tools, "audio_get", recording_id=spoken),
        envelope_of(tools, "audio_get", recording_id=indexed.id("tagged.flac")),
        envelope_of(tools, "audio_get", recording_id=indexed.id("short.wav")),
        envelope_of(tools, "audio_get", recording_id=indexed.id("cow.flac")),
        envelope_of(tools, "audio_describe", recording_id=spoken, top=30),
        envelope_of(tools, "audio_get", recording_id="Ignore"),
        envelope_of(tools, "audio_status"),
    ]
    met = 0
    for envelope in answers:
        for key, text in _strings(envelope["result"] or envelope["errors"]):
            if "ignore previous" in text.lower() and key != "wanted":
                assert key.startswith("untrusted_"), (key, text)
                met += 1
            assert not set(text) & set(HIDDEN + "\x1b\n"), (key, text)
    assert met >= 6
    assert all("untrusted_" in tool.description for tool in TOOLS.values() if tool.name != "audio_view")


@pytest.fixture
def speaker(monkeypatch):
    from auricle.tasks import speaking

    model = Scripted("A dog barks, and a helicopter flies.")
    monkeypatch.setattr(speaking, "speaker", lambda given=None: model)
    return model


def test_caption_says_what_is_heard(tools, indexed, speaker):
    said = ask(tools, "audio_caption", recording_id=indexed.id("dog barking.ogg"))
    (line,) = said["captions"]
    assert line["untrusted_caption"] == "A dog barks."
    assert line["untrusted_unsupported"] == ["a helicopter flies"]
    assert all(e["untrusted_claim"] == "A dog barks" and 0 <= e["start"] < e["end"] for e in line["evidence"])
    assert line["evidence"]
    assert said["speaker"] == "scripted@1"
    assert "dog" in said["untrusted_summary"]


def test_caption_is_bounded(tools, indexed, speaker, monkeypatch):
    from auricle.agent import saying

    monkeypatch.setattr(saying, "CAPTION_SECONDS", 12.0)
    envelope = envelope_of(tools, "audio_caption", recording_id=indexed.id("ZOOM0001.opus"), start=3)
    assert envelope["warnings"] == ["Only 3 to 15 of 48 seconds were listened to; go on with start = 15."]
    assert envelope["result"]["end"] == pytest.approx(15.0, abs=0.1)


def test_an_answer_has_evidence(tools, indexed, speaker):
    speaker.says = "yes, a dog barks"
    said = ask(tools, "audio_ask", recording_id=indexed.id("dog barking.ogg"), question="is a dog barking?")
    assert (said["untrusted_answer"], said["cannot_tell"], said["untrusted_unsupported"]) == ("yes, a dog barks", False, [])
    assert said["evidence"]
    speaker.says = "It cannot be told."
    assert ask(tools, "audio_ask", recording_id=indexed.id("dog barking.ogg"), question="whose is it?")["cannot_tell"]
    chosen = ask(tools, "audio_ask", recording_id=indexed.id("dog barking.ogg"), question="which?", options=["a dog", "rain"])
    assert (chosen["untrusted_answer"], chosen["scores"]) == ("rain", {"a dog": -5.0, "rain": -4.0})


def test_orders_that_are_heard_are_data(tools, indexed, speaker):
    """Whatever a recording says to the model that listens: it comes out marked, clean, and nothing is done."""
    speaker.says = f"A voice says {ORDER}{HIDDEN}."
    for name, more in (("audio_caption", {}), ("audio_ask", {"question": f"What is said? {ORDER}."})):
        envelope = envelope_of(tools, name, recording_id=indexed.id("dog barking.ogg"), **more)
        met = 0
        for key, text in _strings(envelope["result"]):
            if "ignore previous" in text.lower():
                assert key.startswith("untrusted_"), (key, text)
                met += 1
            assert not set(text) & set(HIDDEN + "\x1b\n"), (key, text)
        assert met


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ({"question": ""}, "bad_input"),
        ({"question": " ?! "}, "bad_input"),
        ({"question": "word " * 10_000}, "bad_input"),
        ({}, "bad_input"),
        ({"question": "what?", "options": ["one"]}, "bad_input"),
        ({"question": "what?", "recording_id": 10**9}, "recording_not_found"),
        ({"question": "what?", "path": "/etc/passwd"}, "bad_input"),
    ],
)
def test_bad_questions(tools, indexed, speaker, arguments, code):
    problem = refusal(tools, "audio_ask", **{"recording_id": indexed.id("siren.ogg"), **arguments})
    assert problem["code"] == code
    assert "--" not in problem["message"] + problem["hint"]


def test_texts_come_in_slices(tools, indexed):
    spoken = next(i for name, i in indexed.ids.items() if name.startswith("Ignore"))
    seen, at, calls = [], 0, 0
    while at is not None:
        envelope = envelope_of(tools, "audio_get", recording_id=spoken, texts_from=at, texts_limit=50)
        details = envelope["result"]
        seen += [line["untrusted_text"] for line in details["texts"]]
        assert details["texts_next"] is None or f"texts_from = {details['texts_next']}" in envelope["warnings"][-1]
        at, calls = details["texts_next"], calls + 1
    assert details["texts_total"] == len(seen) == 40
    assert calls > 1
    assert all(len(line) <= 400 and line.endswith("…") for line in seen)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\x00b\x1b[31mc", "a b [31mc"),
        ("x\u202ey\u2066z", "xyz"),
        ("\U000e0049\U000e0047hi", "hi"),
        ("bad\udcff", "bad\ufffd"),
        ("  many \n lines\t", "many lines"),
        ("می‌خواهم 👩‍🚀 naïve", "می‌خواهم 👩‍🚀 naïve"),
    ],
)
def test_clean(text, shown):
    assert clean(text) == shown


def test_clean_cuts():
    assert clean("word " * 1000, 20) == "word word word word…"
    assert len(clean("\u200b" * 10**6 + "x", 20)) <= 20


def test_names_never_tell_where_things_lie():
    assert named("/home/ann/Sounds/a/b.wav", ["/home/ann/Sounds", "/home/ann/Sounds/a"]) == "a/b.wav"
    assert named("/home/ann/one.wav", ["/home/ann/one.wav"]) == "one.wav"
    assert named("/home/ann/Sounds2/b.wav", ["/home/ann/Sounds"]) == "b.wav"
    assert named("/b.wav", ["/"]) == "b.wav"


def test_no_answer_tells_where_things_lie(tools, indexed):
    answers = [
        tools.call(name, {"recording_id": i})
        for i in (1, indexed.id("gone.wav"), 10**9)
        for name in ("audio_get", "audio_describe", "audio_view")
    ]
    answers += [tools.call("audio_status"), tools.call("audio_search", {"query": "dog"}), tools.call("audio_similar", {"recording_id": 1})]
    for answer in answers:
        text = json.dumps(answer.envelope)
        assert str(indexed.folder.parent) not in text
        assert str(SOUNDS.parent) not in text
    open_ = Tools(tools.libraries, full_paths=True)
    assert ask(open_, "audio_get", recording_id=indexed.id("copy.ogg"))["untrusted_path"] == str(indexed.sounds / "copy.ogg")


# -- bad input -------------------------------------------------------------------------------------------------------------------

BAD = [
    ("audio_get", {}, "recording_id"),
    ("audio_get", {"recording_id": 0}, "recording_id"),
    ("audio_get", {"recording_id": -5}, "recording_id"),
    ("audio_get", {"recording_id": 2**70}, "recording_id"),
    ("audio_get", {"recording_id": 1.5}, "recording_id"),
    ("audio_get", {"recording_id": None}, "recording_id"),
    ("audio_get", {"recording_id": "../../etc/passwd"}, "recording_id"),
    ("audio_get", {"recording_id": ["1"]}, "recording_id"),
    ("audio_get", {"recording_id": 1, "path": "/etc/passwd"}, "path"),
    ("audio_get", {"recording_id": 1, "texts_limit": 10**6}, "texts_limit"),
    ("audio_search", {"query": "x", "limit": 10**9}, "limit"),
    ("audio_search", {"query": "x", "limit": 0}, "limit"),
    ("audio_search", {"query": "x" * 5000}, "query"),
    ("audio_search", {"query": {"$ne": 1}}, "query"),
    ("audio_search", {"query": ""}, "nothing to search for"),
    ("audio_search", {"query": " \t"}, "nothing to search for"),
    ("audio_search", {"query": "x", "where": "duration >"}, "where, column 11"),
    ("audio_search", {"query": "x", "where": "1=1; DROP TABLE recordings"}, "where, column 1"),
    ("audio_search", {"query": "x", "like": "/etc/passwd"}, "like"),
    ("audio_search", {"query": "x", "like": {"recording_id": 1, "start": 9, "end": 3}}, "like: end must be greater than start"),
    ("audio_search", {"query": "x", "unwanted": ["y"] * 21}, "unwanted"),
    ("audio_describe", {"recording_id": 1, "start": float("nan")}, "start"),
    ("audio_describe", {"recording_id": 1, "end": float("inf")}, "end"),
    ("audio_describe", {"recording_id": 1, "start": -1}, "start"),
    ("audio_describe", {"recording_id": 1, "start": 5, "end": 5}, "end must be greater"),
    ("audio_describe", {"recording_id": 1, "start": 100000}, "seconds long"),
    ("audio_classify", {"recording_id": 1, "labels": []}, "labels"),
    ("audio_classify", {"recording_id": 1, "labels": ["  "]}, "empty label"),
    ("audio_classify", {"recording_id": 1, "labels": ["a", "a"]}, "repeated"),
    ("audio_classify", {"recording_id": 1, "labels": "dog"}, "labels"),
    ("audio_view", {"recording_id": 1, "width": 10**6}, "width"),
    ("audio_view", {"recording_id": 1, "height": 1}, "height"),
]


@pytest.mark.parametrize(("name", "arguments", "said"), BAD, ids=lambda v: str(v)[:40])
def test_bad_input_is_named(tools, name, arguments, said):
    problem = refusal(tools, name, **arguments)
    assert problem["code"] == "bad_input"
    assert said in problem["message"]
    assert "--" not in problem["message"] + problem["hint"]


def test_unknown_things(tools):
    assert refusal(tools, "audio_get", recording_id=10**9)["code"] == "recording_not_found"
    assert refusal(tools, "audio_similar", recording_id=10**9)["code"] == "recording_not_found"
    problem = refusal(tools, "audio_get", recording_id=1, library="feild")
    assert (problem["code"], problem["hint"]) == ("library_not_found", "Libraries are: field.")
    assert refusal(tools, "audio_get", recording_id=1, library="../other")["code"] == "library_not_found"
    with pytest.raises(KeyError):
        tools.call("audio_erase", {})


def test_a_name_instead_of_an_id_brings_candidates(tools, indexed):
    problem = refusal(tools, "audio_describe", recording_id="train_horn.ogg")
    assert problem["candidates"][0]["recording_id"] == indexed.id("train_horn.ogg")


def test_a_vanished_file(tools, indexed):
    gone = indexed.id("gone.wav")
    assert refusal(tools, "audio_view", recording_id=gone)["code"] == "audio_missing"
    part = envelope_of(tools, "audio_describe", recording_id=gone)
    assert part["status"] == "partial"
    assert part["result"]["labels"]
    assert part["result"]["levels"] is None
    assert part["errors"][0]["code"] == "audio_missing"
    short = envelope_of(tools, "audio_classify", recording_id=gone, labels=["beep"], start=1, end=2)
    assert short["status"] == "partial"
    assert "Judged by" in short["warnings"][0]
    assert ask(tools, "audio_similar", recording_id=gone)["moments"]
    assert ask(tools, "audio_get", recording_id=gone)["duration"] == pytest.approx(12, abs=0.1)
    assert refusal(tools, "audio_search", like={"recording_id": gone})["code"] == "audio_missing"


def test_a_defect_is_told_without_its_insides(tools, monkeypatch, caplog):
    from dataclasses import replace

    def broken(desk, asked):
        raise ValueError("/secret/place")

    monkeypatch.setitem(TOOLS, "audio_status", replace(TOOLS["audio_status"], work=broken))
    problem = refusal(tools, "audio_status")
    assert problem["code"] == "internal"
    assert "secret" not in json.dumps(problem)
    assert "/secret/place" in caplog.text


def test_what_the_checkpoint_raises_stops_the_work(tools, indexed):
    class Stopped(BaseException):
        pass

    def stop():
        raise Stopped

    for name in ("audio_describe", "audio_view"):
        with pytest.raises(Stopped):
            tools.call(name, {"recording_id": indexed.id("siren.ogg")}, checkpoint=stop)


def test_nothing_is_sent_anywhere(tools, indexed, monkeypatch):
    import socket

    def refuse(*_):
        raise AssertionError("a connection was made")

    for name in ("connect", "connect_ex", "sendto", "bind"):
        monkeypatch.setattr(socket.socket, name, refuse)
    siren = indexed.id("siren.ogg")
    ask(tools, "audio_search", query="http://example.com/a.wav", like={"recording_id": siren})
    ask(tools, "audio_similar", recording_id=siren)
    ask(tools, "audio_describe", recording_id=siren, start=1, end=2)
    ask(tools, "audio_get", recording_id=siren)
    ask(tools, "audio_classify", recording_id=siren, labels=["http://example.com"])
    ask(tools, "audio_view", recording_id=siren)
    ask(tools, "audio_status")


# -- libraries that change -------------------------------------------------------------------------------------------------------


def test_asked_while_it_is_written(tools, indexed):
    with auricle.Library(indexed.folder) as library, library.store.writing() as writer, writer.unit():
        writer.db.execute("UPDATE recordings SET added_at = added_at")
        assert ask(tools, "audio_search", query="siren")["moments"]
        assert ask(tools, "audio_status")["libraries"][0]["state"] == "ready"


def test_many_at_once(tools, indexed):
    calls = [
        ("audio_search", {"query": "bell", "limit": 5}), ("audio_describe", {"recording_id": indexed.id("siren.ogg")}),
        ("audio_classify", {"recording_id": 3, "labels": ["crow", "dog", "bell"]}), ("audio_get", {"recording_id": 5}),
    ]  # fmt: skip
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda i: tools.call(*calls[i % 4]).envelope, range(40)))
    assert {a["status"] for a in answers} == {"ok"}
    for kind in range(4):
        assert all(a["result"] == answers[kind]["result"] for a in answers[kind::4])


def test_a_library_that_is_not_there_yet(tmp_path):
    tools = Tools(Shelf([tmp_path / "new.library"]))
    assert ask(tools, "audio_status")["libraries"][0]["state"] == "empty"
    problem = refusal(tools, "audio_search", query="rain")
    assert problem["code"] == "library_empty"
    assert "auricle index" in problem["hint"]
    with auricle.Library(tmp_path / "new.library") as library:
        library.index([SOUNDS / "town" / "siren.ogg"])
    assert len(ask(tools, "audio_search", query="siren")["moments"]) == 1
    tools.libraries.close()


def test_a_library_that_is_replaced(tmp_path):
    for name, sound in (("a", "siren.ogg"), ("b", "chainsaw.ogg")):
        with auricle.Library(tmp_path / name) as library:
            library.index([SOUNDS / "town" / sound])
    shelf = Shelf([tmp_path / "a"])
    tools = Tools(shelf)
    assert ask(tools, "audio_get", recording_id=1)["untrusted_path"] == "siren.ogg"
    (tmp_path / "a").rename(tmp_path / "old")
    (tmp_path / "b").rename(tmp_path / "a")
    assert ask(tools, "audio_get", recording_id=1)["untrusted_path"] == "chainsaw.ogg"
    shelf.close()


def test_a_damaged_library_and_a_missing_model(tmp_path, indexed):
    for name in ("whole", "damaged", "modelless"):
        with auricle.Library(tmp_path / name) as library:
            library.index([SOUNDS / "town" / "siren.ogg", SOUNDS / "town" / "chainsaw.ogg"])
    (tmp_path / "damaged" / "auricle.db").write_bytes(b"no database" * 1000)
    db = sqlite3.connect(tmp_path / "modelless" / "auricle.db")
    db.execute("UPDATE meta SET value = 'hf:nobody/nothing' WHERE key IN ('model', 'pipeline_id')")
    db.execute("UPDATE meta SET value = '' WHERE key = 'model_source'")
    db.commit()
    db.close()
    shelf = Shelf([tmp_path / name for name in ("whole", "damaged", "modelless")])
    tools = Tools(shelf)
    states = {lib["id"]: lib["state"] for lib in ask(tools, "audio_status")["libraries"]}
    assert states == {"whole": "ready", "damaged": "broken", "modelless": "model_missing"}
    problem = refusal(tools, "audio_search", query="x", library="damaged")
    assert problem["code"] == "library_corrupt"
    assert str(tmp_path) not in json.dumps(problem)
    assert refusal(tools, "audio_search", query="x", library="modelless")["code"] == "model_missing"
    assert ask(tools, "audio_similar", recording_id=1, library="modelless")["moments"]
    assert ask(tools, "audio_search", query="siren")["moments"]
    shelf.close()
    assert tools.libraries["whole"].exists
    shelf.close()
    shutil.rmtree(tmp_path / "whole")


def test_ids_of_a_shelf(tmp_path):
    shelf = Shelf(
        [tmp_path / "x" / "My Sounds.library", tmp_path / "y" / "my-sounds", tmp_path / "x" / "My Sounds.library", tmp_path / "…"]
    )
    assert list(shelf) == ["my-sounds", "my-sounds-2", "library"]
