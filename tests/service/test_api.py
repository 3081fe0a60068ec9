"""The journey over HTTP, on the demo sounds: describe, hear, export; and what a page needs around it."""

from __future__ import annotations

import csv
import io
import json
import zipfile

import numpy as np
import pytest
import soundfile as sf

from auricle.demo import SOUNDS


def search(server, query="", **more):
    answer = server.client.post("/api/v1/search", json={"query": query, **more})
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_status_says_what_there_is(server):
    status = server.client.get("/api/v1/status").json()
    assert status["library"] == "demo"
    assert [(lib["id"], lib["state"]) for lib in status["libraries"]] == [("demo", "ready"), ("empty", "empty")]
    assert status["libraries"][0]["recordings"] == 59
    assert status["local"] is True
    assert {"wav", "raven", "audacity", "csv"} <= {f["name"] for f in status["formats"]}


def test_describe_hear_export(server):
    found = search(server, "rain on a roof, no voices")
    assert found["understood"] == {"wanted": "rain on a roof", "unwanted": ["voices"]}
    moment = next(m for m in found["data"] if m["name"] == "rain on a tin roof.ogg")
    assert set(moment["parts"]) == {"sound", "words", "texts"}
    sound = server.client.get(f"/api/v1/recordings/{moment['recording_id']}/audio", headers={"Range": "bytes=0-99"})
    assert sound.status_code == 206
    assert sound.content == (SOUNDS / "weather" / "rain on a tin roof.ogg").read_bytes()[:100]
    asked = {"format": "wav", "moments": [{"recording_id": moment["recording_id"], "start": 2.0, "end": 4.5}]}
    export = server.client.post("/api/v1/exports", json=asked)
    assert "attachment" in export.headers["content-disposition"]
    samples, rate = sf.read(io.BytesIO(export.content))
    assert len(samples) == pytest.approx(2.5 * rate, abs=2)


def test_get_and_post_search_agree(server):
    simple = server.client.get("/api/v1/search", params={"q": "a dog barking", "limit": 5}).json()
    assert simple["data"] == search(server, "a dog barking", limit=5)["data"]


def test_pages_of_a_search_are_the_whole(server):
    whole = search(server, "water", limit=200)["data"]
    pages, cursor = [], None
    while True:
        page = search(server, "water", limit=7, cursor=cursor)
        pages += page["data"]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert pages == whole


def test_filters_hold_and_an_empty_result_suggests(server):
    found = search(server, "birds", filters={"format": ["flac"], "max_duration": 20})
    assert found["data"]
    assert all(m["format"] == "flac" and m["duration"] < 20 for m in found["data"])
    nothing = search(server, "kitten", filters={"min_duration": 10_000})
    assert nothing["data"] == []
    assert nothing["suggestions"]


@pytest.mark.parametrize("how", ["recording", "upload", "inline"])
def test_like_a_clip(server, how):
    path = SOUNDS / "animals" / "sheep.flac"
    if how == "recording":
        clip = {"recording_id": server.ids()["sheep.flac"]}
    elif how == "upload":
        upload = server.client.post("/api/v1/uploads", files={"file": ("clip.flac", path.read_bytes(), "audio/flac")})
        assert upload.status_code == 201
        assert upload.json()["duration"] == pytest.approx(sf.info(path).duration, abs=0.01)
        assert max(upload.json()["max"]) > 20
        clip = {"upload_id": upload.json()["upload_id"]}
    else:
        import base64

        clip = {"audio": "data:audio/flac;base64," + base64.b64encode(path.read_bytes()).decode()}
    assert search(server, like=clip)["data"][0]["name"] == "sheep.flac"


def test_raw_upload(server):
    body = (SOUNDS / "animals" / "CROW.wav").read_bytes()
    answer = server.client.post("/api/v1/uploads", content=body, headers={"content-type": "audio/wav"})
    assert answer.status_code == 201


def test_similar_leaves_itself_out(server):
    ids = server.ids()
    found = server.client.get("/api/v1/similar", params={"recording_id": ids["sheep.flac"]}).json()["data"]
    assert found
    assert all(m["recording_id"] != ids["sheep.flac"] for m in found)


def test_classify(server):
    asked = {"clip": {"recording_id": server.ids()["dog barking.ogg"]}, "labels": ["dog bark", "rain", "piano"]}
    result = server.client.post("/api/v1/classify", json=asked).json()
    assert max(result["scores"], key=result["scores"].get) == "dog bark"
    assert result["calibrated"]
    assert 0 <= result["none"] <= 1


def test_recordings_page_by_page_and_sorted(server):
    names, cursor = [], None
    while True:
        page = server.client.get(
            "/api/v1/recordings", params={"limit": 20, "sort": "-duration", **({"cursor": cursor} if cursor else {})}
        ).json()
        names += [(row["duration"], row["id"]) for row in page["data"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert len({i for _, i in names}) == page["total"] == 59
    assert [d for d, _ in names] == sorted((d for d, _ in names), reverse=True)
    jump = server.client.get("/api/v1/recordings", params={"limit": 3, "sort": "-duration", "offset": 40}).json()
    assert [(row["duration"], row["id"]) for row in jump["data"]] == names[40:43]
    some = [names[7][1], names[3][1]]
    assert [row["id"] for row in server.client.get("/api/v1/recordings", params={"id": [*some, 10**15]}).json()["data"]] == some


def test_facets_count_what_a_filter_leaves(server):
    facets = server.client.get("/api/v1/facets").json()
    assert facets["total"] == 59
    for field, asked in (("format", "format"), ("rate", "rate"), ("channels", "channels"), ("folder", "folder")):
        for value in facets[field][:4]:
            page = server.client.get("/api/v1/recordings", params={asked: value["value"], "limit": 1}).json()
            assert page["total"] == value["count"], (field, value)
    for value in facets["duration"]:
        low, _, high = value["value"].partition("-")
        params = {"min_duration": low, **({"max_duration": high} if high else {}), "limit": 1}
        assert server.client.get("/api/v1/recordings", params=params).json()["total"] == value["count"]


def test_detail_holds_texts_and_says_how_to_play(server):
    ids = server.ids()
    detail = server.client.get(f"/api/v1/recordings/{ids['answering machine.ogg']}").json()
    assert detail["texts"]
    assert detail["playable"] == "native"
    assert detail["windows"] >= 1


def test_waveforms_and_spectrogram(server):
    i = server.ids()["thunderstorm.opus"]
    peaks = server.client.post("/api/v1/peaks", json={"items": [{"recording_id": i, "start": 1, "end": 4}], "n": 160}).json()
    (wave,) = peaks["data"]
    assert len(wave["min"]) == len(wave["max"]) == len(wave["rms"]) == 160
    assert -60 < wave["loudness_db"] < 0
    fine = server.client.get(f"/api/v1/recordings/{i}/peaks", params={"start": 1, "end": 1.5, "n": 500}).json()
    assert len(fine["min"]) == 500
    picture = server.client.get(f"/api/v1/recordings/{i}/spectrogram", params={"start": 0, "end": 5, "width": 200, "height": 100})
    assert picture.headers["content-type"] == "image/png"
    assert picture.content[:8] == b"\x89PNG\r\n\x1a\n"
    assert float(picture.headers["x-max-hz"]) > 1000


def test_a_wav_of_anything(server):
    i = server.ids()["helicopter.opus"]
    answer = server.client.get(f"/api/v1/recordings/{i}/audio", params={"as": "wav"})
    samples, rate = sf.read(io.BytesIO(answer.content))
    want, want_rate = sf.read(SOUNDS / "town" / "helicopter.opus")
    assert (rate, len(samples)) == (want_rate, pytest.approx(len(want), abs=rate / 50))
    assert np.abs(samples[:1000] - want[:1000]).max() < 1e-3
    part = server.client.get(f"/api/v1/recordings/{i}/audio", params={"as": "wav"}, headers={"Range": "bytes=1000-1999"})
    assert part.status_code == 206
    assert part.content == answer.content[1000:2000]


def test_export_lists_and_several_sounds(server):
    moments = [{"recording_id": m["recording_id"], "start": m["start"], "end": m["end"]} for m in search(server, "bell", limit=4)["data"]]
    table = server.client.post("/api/v1/exports", json={"format": "csv", "moments": moments})
    assert len(list(csv.DictReader(io.StringIO(table.text)))) == 4
    raven = server.client.post("/api/v1/exports", json={"format": "raven", "moments": moments, "label": "bell"})
    assert raven.text.startswith("Selection\t")
    sounds = server.client.post("/api/v1/exports", json={"format": "flac", "moments": moments, "pad": 0.1, "fade": 0.01})
    with zipfile.ZipFile(io.BytesIO(sounds.content)) as archive:
        assert len(archive.namelist()) == 4
        assert archive.testzip() is None


def test_tag_and_undo(server):
    ids = server.ids()
    asked = {"recordings": [ids["sheep.flac"], ids["cow.flac"]], "add": ["Farm yard"]}
    change = server.client.post("/api/v1/tags", json=asked).json()
    assert change["changed"] == 2
    assert {"value": "Farm yard", "count": 2} in server.client.get("/api/v1/tags", params={"prefix": "farm"}).json()
    tagged = server.client.get("/api/v1/recordings", params={"tag": "farm yard"}).json()
    assert {row["name"] for row in tagged["data"]} == {"sheep.flac", "cow.flac"}
    found = search(server, "farm yard", sources=["words"])["data"]
    assert {m["name"] for m in found[:2]} == {"sheep.flac", "cow.flac"}
    again = server.client.post("/api/v1/tags", json=asked).json()
    assert again == {"changed": 0, "undo": []}
    for undo in change["undo"]:
        assert server.client.post("/api/v1/tags", json=undo).status_code == 200
    assert server.client.get("/api/v1/recordings", params={"tag": "farm yard"}).json()["total"] == 0


def test_duplicates_of_one(server, tmp_path):
    import shutil

    shutil.copy(SOUNDS / "animals" / "cow.flac", tmp_path / "copy of cow.flac")
    done = server.job(server.client.post("/api/v1/libraries/demo/folders", json={"path": str(tmp_path)}))
    assert done["state"] == "done", done
    ids = server.ids()
    found = server.client.get(f"/api/v1/recordings/{ids['cow.flac']}/duplicates").json()["data"]
    assert [(row["recording_id"], row["kind"]) for row in found] == [(ids["copy of cow.flac"], "exact")]
    left = server.client.request("DELETE", "/api/v1/libraries/demo/folders", json={"path": str(tmp_path)}).json()
    assert left["recordings"] == 59
    assert (tmp_path / "copy of cow.flac").exists()


def test_the_map_is_made_and_kept(server):
    before = server.client.get("/api/v1/map").json()
    assert before["state"] in ("none", "stale", "ready")
    assert server.job(server.client.post("/api/v1/map"))["state"] == "done"
    made = server.client.get("/api/v1/map").json()
    assert made["state"] == "ready"
    assert len(made["ids"]) == len(made["x"]) == len(made["y"]) == len(made["names"]) == 59
    assert all(-1.0001 <= v <= 1.0001 for v in (*made["x"], *made["y"]))


def test_events_of_a_job(server):
    started = server.client.post("/api/v1/libraries/demo/index", json={})
    events = []
    with server.client.stream("GET", started.headers["location"] + "/events") as stream:
        for line in stream.iter_lines():
            if line.startswith("event: "):
                events.append(line[7:])
            elif line.startswith("data: "):
                last = json.loads(line[6:])
    assert events[-1] == "end"
    assert last["state"] == "done"
    assert last["result"]["unchanged"] == 59
    assert started.json()["id"] in [job["id"] for job in server.client.get("/api/v1/jobs").json()["data"]]


def test_metrics_and_health(server):
    assert server.client.get("/health/live").json() == {"status": "live"}
    assert server.client.get("/health/ready").json()["libraries"] == {"demo": "ready", "empty": "empty"}
    text = server.client.get("/metrics").text
    assert 'auricle_requests_total{method="POST",route="/api/v1/search",status="200"}' in text
    assert "auricle_batch_size_bucket" in text


def test_openapi_has_examples_and_problems(server):
    document = server.client.get("/openapi.json").json()
    assert document["components"]["schemas"]["SearchRequest"]["examples"]
    for path, calls in document["paths"].items():
        for method, call in calls.items():
            assert call.get("summary") or call.get("description"), (path, method)
            assert "default" in call["responses"], (path, method)


def test_not_like_this_pushes_down(server):
    ids = server.ids()
    plain = [m["name"] for m in search(server, "an animal", sources=["sound"], limit=40)["data"]]
    best = plain[0]
    pushed = [m["name"] for m in search(server, "an animal", sources=["sound"], unlike=[{"recording_id": ids[best]}], limit=40)["data"]]
    assert best not in pushed[:3]


def test_rows_say_how_to_play(server):
    rows = server.client.get("/api/v1/recordings", params={"limit": 500}).json()["data"]
    assert {row["playable"] for row in rows if row["format"] in ("wav", "flac", "ogg")} == {"native"}
    assert all(m["playable"] in ("native", "wav") for m in search(server, "rain")["data"])


def test_folders_begin_where_indexing_did(server):
    folders = [f["value"] for f in server.client.get("/api/v1/facets").json()["folder"]]
    assert all(folder.startswith(str(SOUNDS)) for folder in folders)
    assert str(SOUNDS) in folders
