"""Words of names, UCS fields, and transcripts beside a file."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auricle.library.names import index_fields, name_tags, split_words, stem_and_folders, ucs_fields
from auricle.library.rows import Text
from auricle.library.texts import decode, parse_json, parse_srt, parse_vtt, read_sidecars


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("heavyRain_onTin-roof.take02", ["heavy", "Rain", "on", "Tin", "roof", "take", "02"]),
        ("AMBRain", ["AMB", "Rain"]),
        ("MP3Player", ["MP", "3", "Player"]),
        ("été  chaud", ["été", "chaud"]),
        ("雨の音", ["雨の音"]),
        ("___", []),
    ],
)
def test_split_words(text, words):
    assert split_words(text) == words


def test_stem_and_two_folders():
    assert stem_and_folders("/a/b/c/rain.tar.wav") == ("rain.tar", ["b", "c"])
    assert stem_and_folders("C:\\Sounds\\Rain\\x.wav") == ("x", ["Sounds", "Rain"])
    assert stem_and_folders(".wav") == (".wav", [])


def test_name_tags():
    tags = {t.key: t.value for t in name_tags("/lib/Weather Library/Rain Forest/heavyRain_take02.wav")}
    assert tags == {"name": "heavy rain take", "folder": "weather library rain forest"}
    assert {t.source for t in name_tags("/xx/雨.wav")} == {"name"}


def test_ucs_names():
    assert ucs_fields("AMBRain_Heavy Rain On Tin_ABC_MyLib") == {
        "ucs.cat_id": "AMBRain", "ucs.category": "ambience", "ucs.name": "Heavy Rain On Tin", "ucs.creator": "ABC", "ucs.source": "MyLib",
    }  # fmt: skip
    assert ucs_fields("QQQXyz_Something_ME_Lib")["ucs.cat_id"] == "QQQXyz"
    assert "ucs.category" not in ucs_fields("QQQXyz_Something_ME_Lib")
    for other in ("IMG_2023_01_02", "DOORWood_Slam", "rain_heavy_take_2", "AMBRain__ABC_MyLib"):
        assert ucs_fields(other) == {}


def test_index_fields_find_parts_and_wholes():
    name, folder, tags = index_fields("/lib/Thunder/thunderStorm.wav", [("name", "thunder storm"), ("artist", "Bo"), ("title", "Bo")])
    assert (name, folder, tags) == ("thunder Storm thunderStorm", "lib Thunder", "Bo")


@settings(max_examples=100, deadline=None)
@given(st.text())
def test_any_path_has_words(path):
    name_tags(path)
    index_fields(path, [])


SRT = (
    "1\n00:00:01,500 --> 00:00:03,000\nHello <i>there</i>\nfriend &amp; foe\n\n"
    "2\n00:01:00.25 --> 00:00:59,0\n{\\an8}Bye\n\n3\n00:02:00,0 --> 00:02:01,0\n\n"
)


def test_srt():
    assert parse_srt(SRT) == [Text("Hello there friend & foe", 1.5, 3.0, "srt"), Text("Bye", 60.25, 60.25, "srt")]
    assert parse_srt("") == []
    with pytest.raises(ValueError, match="no timings"):
        parse_srt("just words")


def test_vtt():
    text = "WEBVTT\n\nNOTE a comment\n\nSTYLE\n::cue {}\n\nintro\n00:01.000 --> 00:02.500 align:start\n<v Ann>Good morning\n"
    assert parse_vtt(text) == [Text("Good morning", 1.0, 2.5, "vtt")]
    with pytest.raises(ValueError, match="WEBVTT"):
        parse_vtt(SRT)


@pytest.mark.parametrize(
    ("document", "texts"),
    [
        (
            {"language": "en", "segments": [{"start": 0, "end": 1.5, "text": " Hi "}, {"text": ""}, "junk"]},
            [Text("Hi", 0.0, 1.5, "json", "en")],
        ),
        ({"transcription": [{"offsets": {"from": 500, "to": 900}, "text": "a"}]}, [Text("a", 0.5, 0.9, "json")]),
        ([{"start": 2, "text": "b"}, {"text": "c"}], [Text("b", 2, 2, "json"), Text("c", source="json")]),
        ({"text": "whole"}, [Text("whole", source="json")]),
        ({"segments": [{"start": -1, "end": "x", "text": "d"}], "language": 3}, [Text("d", source="json")]),
        ({"freesound_id": 7}, []),
        (17, []),
    ],
)
def test_json(document, texts):
    assert parse_json(json.dumps(document)) == texts


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_encodings(encoding):
    assert decode("Grüße – ok".encode(encoding)) == "Grüße – ok"


def test_bad_sidecars_are_warnings(tmp_path):
    files = {"a.srt": b"junk", "b.vtt": b"", "c.json": b"{", "d.txt": b"\x00\x01", "e.json": b"[" * 200_000, "f.txt": b"fine"}
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    texts, warnings, whole = read_sidecars([*(str(tmp_path / name) for name in files)])
    assert [t.text for t in texts] == ["fine"]
    assert len(warnings) == 5
    assert whole
    _, warnings, whole = read_sidecars([str(tmp_path / "missing.txt")])
    assert not whole
    assert len(warnings) == 1


@settings(max_examples=200, deadline=None)
@given(
    st.binary() | st.text().map(lambda t: ("WEBVTT\n00:01.0 --> 00:02.0\n" + t).encode("utf-8", "surrogatepass")),
    st.sampled_from(["srt", "vtt", "txt", "json"]),
)
def test_any_sidecar_is_read_or_warned_about(tmp_path_factory, data, suffix):
    path = tmp_path_factory.getbasetemp() / f"any.{suffix}"
    path.write_bytes(data)
    texts, warnings, _ = read_sidecars([str(path)])
    assert not (texts and warnings)
    for text in texts:
        text.text.encode("utf-8")
