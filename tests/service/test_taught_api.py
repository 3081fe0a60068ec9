"""Teach over HTTP: make a head of moments, answer what it is unsure of, use it in search, classify and detect."""

from __future__ import annotations

import base64
import json

import pytest

from auricle.demo import SOUNDS, moments

ANIMALS = ("dog barking.ogg", "cow.flac", "sheep.flac", "CROW.wav")
MUSIC = ("slow piano.ogg", "choir.ogg", "jazz trio.ogg", "violin solo.opus")


def spans(server, names):
    ids = server.ids()
    return [{"recording_id": ids[name]} for name in names]


@pytest.fixture
def pets(server):
    body = {"name": "pets", "replace": True, "labels": {"animal": {"yes": spans(server, ANIMALS)}, "music": {"yes": spans(server, MUSIC)}}}
    answer = server.client.post("/api/v1/taught", json=body)
    assert answer.status_code == 201, answer.text
    return answer.json()


def test_a_head_of_recordings(server, pets):
    assert [label["label"] for label in pets["labels"]] == ["animal", "music"]
    assert all(label["distinct"] == 4 and label["low"] <= label["score"] <= label["high"] for label in pets["labels"])
    assert pets["usable"]
    assert len(pets["history"]) == 1
    assert {e["name"] for e in pets["examples"]} == {*ANIMALS, *MUSIC}
    assert all(e["recording_id"] for e in pets["examples"])
    listed = server.client.get("/api/v1/taught").json()["data"]
    assert "pets" in [head["name"] for head in listed]
    assert server.client.get("/api/v1/taught/pets").json() == pets


def test_search_classify_and_detect_know_it(server, pets):
    found = server.client.post("/api/v1/search", json={"query": "animal", "taught": "pets", "sources": ["sound"], "limit": 3}).json()
    assert {m["name"] for m in found["data"]} & set(ANIMALS)
    clip = {"recording_id": server.ids()["horse_neigh.ogg"]}
    known = server.client.post("/api/v1/classify", json={"clip": clip, "taught": "pets"}).json()
    assert known["scores"]["animal"] > 0.5 > known["scores"]["music"]
    both = server.client.post("/api/v1/classify", json={"clip": clip, "labels": ["rain"], "taught": "pets"}).json()
    assert set(both["scores"]) == {"animal", "music", "rain"}
    events = server.client.post("/api/v1/detect", json={"clip": clip, "labels": ["rain"], "taught": "pets", "threshold": 0.2}).json()
    assert "animal" in {e["label"] for e in events["data"]}
    assert events["heard_to"] == pytest.approx(2.03, abs=0.3)


def test_detect_hears_uploads_and_parts(server):
    data = base64.b64encode((SOUNDS / "animals" / "dog barking.ogg").read_bytes()).decode()
    whole = server.client.post("/api/v1/detect", json={"clip": {"audio": data}, "labels": ["dog bark", "speech"]}).json()
    assert [e["label"] for e in whole["data"]] == ["dog bark"]
    truth = next(m for m in moments() if m["file"] == "animals/dog barking.ogg")
    event = whole["data"][0]
    assert event["start"] < truth["end"]
    assert event["end"] > truth["start"]
    part = {"recording_id": server.ids()["ZOOM0001.opus"], "start": 10.0, "end": 14.0}
    heard = server.client.post("/api/v1/detect", json={"clip": part, "labels": ["speech"], "threshold": 0.01}).json()
    assert heard["heard_to"] == pytest.approx(14.0, abs=0.1)
    assert all(10.0 <= e["start"] < e["end"] <= 14.1 for e in heard["data"])


def streamed(server, **body):
    answer = server.client.post("/api/v1/detect/stream", json=body)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("application/jsonl")
    return [json.loads(line) for line in answer.text.splitlines()]


def test_a_whole_recording_is_told_as_it_is_heard(server):
    clip = server.ids()["ZOOM0001.opus"]
    begin, *lines = streamed(server, recording_id=clip, labels=["a dog barking", "rain"], thresholds=[0.6, 0.4, 0.4, 0.1])
    assert (begin["labels"], begin["threshold"], begin["model"]) == (["a dog barking", "rain"], 0.25, "tiny-towers@2")
    assert lines[-1]["done"] is True
    assert lines[-1]["heard_to"] == pytest.approx(begin["duration"], abs=0.6)
    events = [event for line in lines for event in line.get("events", [])]
    asked = {"clip": {"recording_id": clip}, "labels": ["a dog barking", "rain"]}
    for threshold in (0.1, 0.4, 0.6):
        at_once = server.client.post("/api/v1/detect", json={**asked, "threshold": threshold}).json()["data"]
        own = [{k: v for k, v in e.items() if k != "threshold"} for e in events if e["threshold"] == threshold]
        assert sorted(own, key=lambda e: (e["start"], e["end"], e["label"])) == at_once
        assert threshold > 0.1 or at_once
    own = streamed(server, recording_id=clip, labels=["rain"])
    assert {e["threshold"] for line in own for e in line.get("events", [])} <= {0.25}


def test_a_stream_that_cannot_begin_or_go_on_says_why(server, monkeypatch):
    from auricle.errors import AudioError
    from auricle.tasks import detect

    for body, status in (({}, 422), ({"labels": ["a"], "thresholds": [1]}, 422), ({"labels": ["a", "a"]}, 400), ({"taught": "none"}, 404)):
        answer = server.client.post("/api/v1/detect/stream", json={"recording_id": 1, **body})
        assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    assert server.client.post("/api/v1/detect/stream", json={"recording_id": 10**9, "labels": ["a"]}).status_code == 404
    real = detect.curves

    def broken(*given):
        yield next(real(*given))
        raise AudioError("Truncated", "x", "x: it ends too early.")

    monkeypatch.setattr(detect, "curves", broken)
    last = streamed(server, recording_id=server.ids()["ZOOM0001.opus"], labels=["rain"])[-1]
    assert (last["problem"]["code"], last["problem"]["detail"]) == ("audio_truncated", "x: it ends too early.")
    assert "done" not in last


def test_events_are_exported_by_their_own_names(server):
    clip = server.ids()["ZOOM0001.opus"]
    moments = [{"recording_id": clip, "start": s, "end": s + 1, "score": 0.5, "label": label} for s, label in ((1, "dog"), (1.5, "rain"))]
    table = server.client.post("/api/v1/exports", json={"format": "raven", "moments": moments}).text.splitlines()
    assert [row.split("\t")[-2:] for row in table[1:]] == [["dog", "0.500000"], ["rain", "0.500000"]]
    assert server.client.post("/api/v1/exports", json={"format": "audacity", "moments": moments}).text.startswith("1.000000\t2.000000\tdog")
    named = server.client.post("/api/v1/exports", json={"format": "csv", "moments": moments, "label": "yard"}).text
    assert named.count(",yard,") == 2


def test_answers_are_learnt_at_once_and_taken_back(server, pets):
    uncertain = server.client.get("/api/v1/taught/pets/uncertain", params={"limit": 6}).json()["data"]
    assert len(uncertain) == 6
    away = [abs(m["probability"] - 0.5) for m in uncertain]
    assert len({m["recording_id"] for m in uncertain}) == 6
    assert not {m["name"] for m in uncertain} & {*ANIMALS, *MUSIC}
    assert away[0] <= away[-1]
    moment = uncertain[0]
    said = {key: moment[key] for key in ("recording_id", "start", "end", "label")}
    better = server.client.post("/api/v1/taught/pets/answers", json={**said, "yes": False}).json()
    assert len(better["history"]) == len(pets["history"]) + 1
    assert better["examples"][0]["labels"] == {moment["label"]: False}
    again = server.client.get("/api/v1/taught/pets/uncertain", params={"limit": 20}).json()["data"]
    assert (moment["recording_id"], moment["start"], moment["label"]) not in [(m["recording_id"], m["start"], m["label"]) for m in again]
    yes = server.client.post("/api/v1/taught/pets/answers", json={**said, "yes": True}).json()
    assert len(yes["examples"]) == len(better["examples"])
    back = server.client.post("/api/v1/taught/pets/answers", json={**said, "yes": None}).json()
    assert len(back["examples"]) == len(pets["examples"])
    assert server.client.post("/api/v1/taught/pets/answers", json={**said, "yes": None}).status_code == 400


def test_a_search_is_asked_anew_after_an_answer(server, pets):
    asked = {"query": "animal", "taught": "pets", "limit": 1}
    first = server.client.post("/api/v1/search", json=asked).json()["next_cursor"]
    moment = server.client.get("/api/v1/taught/pets/uncertain", params={"label": "animal", "limit": 1}).json()["data"][0]
    said = {key: moment[key] for key in ("recording_id", "start", "end", "label")}
    assert server.client.post("/api/v1/taught/pets/answers", json={**said, "yes": False}).status_code == 200
    stale = server.client.post("/api/v1/search", json={**asked, "cursor": first})
    assert (stale.status_code, stale.json()["code"]) == (409, "stale_cursor")
    server.client.post("/api/v1/taught/pets/answers", json={**said, "yes": None})


@pytest.mark.parametrize(
    ("call", "body", "status"),
    [
        ("taught", {"name": "../x", "labels": {"a": {"yes": [{"recording_id": 1}]}}}, 422),
        ("taught", {"name": "a/b", "labels": {"a": {"yes": [{"recording_id": 1}]}}}, 422),
        ("taught", {"name": "_x", "labels": {"a": {"yes": [{"recording_id": 1}]}}}, 400),
        ("taught", {"name": "x", "labels": {}}, 422),
        ("taught", {"name": "x", "labels": {" ": {"yes": [{"recording_id": 1}]}}}, 422),
        ("taught", {"name": "x", "labels": {"a": {"no": [{"recording_id": 1}]}}}, 422),
        ("taught", {"name": "x", "labels": {"a": {"yes": [{"recording_id": 1}]}, "A": {"yes": [{"recording_id": 1}]}}}, 422),
        ("taught", {"name": "x", "labels": {"a": {"yes": [{"recording_id": 10**9}]}}}, 404),
        ("taught", {"name": "x", "labels": {"a": {"yes": [{"recording_id": 1, "start": 9e9}]}}}, 422),
        ("taught/none/answers", {"recording_id": 1, "start": 0, "end": 1, "label": "a", "yes": True}, 404),
        ("search", {"query": "a", "taught": "none"}, 404),
        ("classify", {"clip": {"recording_id": 1}}, 422),
        ("classify", {"clip": {"recording_id": 1}, "taught": "none"}, 404),
        ("detect", {"clip": {"recording_id": 1}}, 422),
        ("detect", {"clip": {"recording_id": 1}, "labels": ["a"], "threshold": 1.0}, 422),
        ("detect", {"clip": {"recording_id": 1, "start": 2, "end": 1}, "labels": ["a"]}, 422),
        ("detect", {"clip": {"recording_id": 1}, "labels": ["a", "a"]}, 400),
        ("detect", {"clip": {"recording_id": 10**9}, "labels": ["a"]}, 404),
    ],
)
def test_what_is_wrong_is_said(server, call, body, status):
    answer = server.client.post(f"/api/v1/{call}", json=body)
    assert answer.status_code == status, answer.text
    assert answer.json()["code"]


def test_conflicts_other_models_and_damage(server, pets, tmp_path):
    from dataclasses import replace

    from auricle.models import taught

    body = {"name": "pets", "labels": {"a": {"yes": spans(server, ANIMALS[:1])}}}
    assert server.client.post("/api/v1/taught", json=body).status_code == 409
    head = taught.load(str(taught.folder() / "pets.npz"))
    taught.save(replace(head, name="foreign", pipeline_id="other@1:0"), taught.folder() / "foreign.npz")
    answer = server.client.post("/api/v1/search", json={"query": "animal", "taught": "foreign"})
    assert (answer.status_code, answer.json()["code"]) == (409, "taught_other_model")
    assert server.client.get("/api/v1/taught/foreign").json()["usable"] is False
    (taught.folder() / "broken.npz").write_bytes(b"PK no zip")
    answer = server.client.get("/api/v1/taught/broken")
    assert (answer.status_code, answer.json()["code"]) == (503, "model_damaged")
    assert "broken" not in [h["name"] for h in server.client.get("/api/v1/taught").json()["data"]]
    assert server.client.delete("/api/v1/taught/foreign").status_code == 204
    assert server.client.get("/api/v1/taught/foreign").status_code == 404


def test_names_of_any_letters(server):
    body = {"name": "Käfer.2", "labels": {"bark": {"yes": spans(server, ANIMALS[:1])}}, "replace": True}
    assert server.client.post("/api/v1/taught", json=body).status_code == 201
    assert server.client.get("/api/v1/taught/Käfer.2").json()["name"] == "Käfer.2"
    assert server.client.delete("/api/v1/taught/Käfer.2").status_code == 204


def test_one_moment_is_enough(server):
    body = {"name": "one", "labels": {"bark": {"yes": [{**spans(server, ANIMALS[:1])[0], "start": 0.4, "end": 2.0}]}}, "replace": True}
    made = server.client.post("/api/v1/taught", json=body).json()
    assert made["standing"]["score"] is None
    assert any("no score" in warning for warning in made["warnings"])
    assert server.client.get("/api/v1/taught/one/uncertain", params={"limit": 3}).json()["data"]
