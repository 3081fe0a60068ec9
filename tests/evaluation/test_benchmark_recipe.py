"""The recipe of the search benchmark: its tables agree with each other, and its parts do what they say. Nothing is downloaded."""

import re
import struct
import sys
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf
import yaml

from auricle.evaluation.corpus import Concepts, read_queries
from auricle.evaluation.judging import Judge

RECIPE = Path(__file__).parents[2] / "recipes" / "search_benchmark"
sys.path.insert(0, str(RECIPE))
import clips as clips_module  # noqa: E402
import compose  # noqa: E402
import containers  # noqa: E402
import fetch  # noqa: E402
import ledger as ledger_module  # noqa: E402
import naming  # noqa: E402
import render  # noqa: E402
import sound  # noqa: E402
from clips import Clip  # noqa: E402


def table(name: str):
    return yaml.safe_load((RECIPE / f"{name}.yaml").read_text("utf-8"))


TREE = Concepts(table("concepts"))
QUERIES = read_queries(table("queries"))


def test_enough_concepts_and_queries():
    assert len(TREE.leaves) >= 120
    assert len(QUERIES) >= 200
    for half in ("dev", "test"):
        kinds = {q.kind for q in QUERIES if q.half == half}
        assert kinds == {"plain", "compound", "negated", "speech", "music", "name"}


def test_every_judgement_makes_sense():
    for query in QUERIES:
        Judge(query.judgement, TREE)
        negated = bool(query.judgement.get("none"))
        assert negated == (query.kind == "negated"), query.text


def test_halves_ask_differently():
    texts = [q.text.lower() for q in QUERIES]
    assert len(texts) == len(set(texts))


def test_most_queries_are_not_the_label():
    names = {name.lower() for name in TREE.names.values()}
    plain = [q for q in QUERIES if q.kind in ("plain", "music", "speech")]
    assert sum(q.text.lower() in names for q in plain) < 0.1 * len(plain)


def test_rules_name_known_concepts_and_packages():
    sources = table("sources")["packages"]
    rules = table("clips")
    for package, found in rules["packages"].items():
        assert package in sources
        for rule in found["rules"]:
            re.compile(rule[0])
            wrong = [c for c in rule[1].split() if c.lstrip("?") not in TREE]
            assert not wrong, (package, rule[0], wrong)
            assert not rule[1].startswith("?"), f"{package} {rule[0]}: something must be certain"


def test_music_speech_and_scenes_name_known_concepts():
    music, speech, scenes = table("music"), table("speech"), table("scenes")
    assert set(music["programmes"].values()) <= set(TREE.names)
    assert {part[0] for e in music["ensembles"] for part in e["parts"]} <= set(music["programmes"])
    assert {c for half in speech["voices"].values() for v in half for c in v["concepts"].split()} <= set(TREE.names)
    assert {t["matter"] for half in speech["texts"].values() for t in half} <= set(TREE.names)
    named = {c for t in scenes["templates"] for c in [t["bed"], *t["events"]]} | set(scenes["pool"]) | set(scenes["long"]["beds"])
    assert named - {"silence"} <= set(TREE.names)


def test_sources_are_pinned_and_evaluation_sets_are_not_among_them():
    for name, source in table("sources")["packages"].items():
        assert re.fullmatch(r"[0-9a-f]{64}", source["sha256"]), name
        assert source["version"]
        assert source["licence"]
        assert source["bytes"] > 0
    everything = "".join(p.read_text("utf-8").lower() for p in RECIPE.glob("*.yaml"))
    assert "esc-10" not in everything
    assert "esc10" not in everything
    assert "fsdd" not in everything


def clip(family: str, concept: str, half: str | None = None, n: int = 0) -> Clip:
    return Clip(f"p:{family}{n}", "p", Path("x.wav"), (concept,), (), family, half, family)


def test_families_stay_together_and_halves_are_even():
    many = [clip(f"family {f}", f"concept {f % 5}", n=n) for f in range(60) for n in range(3)]
    dealt = clips_module.deal_halves(many)
    halves = {c.family: {d.half for d in dealt if d.family == c.family} for c in dealt}
    assert all(len(h) == 1 for h in halves.values())
    for concept in range(5):
        dev = sum(next(iter(h)) == "dev" for f, h in halves.items() if int(f.split()[1]) % 5 == concept)
        assert dev == 6
    assert clips_module.deal_halves(many) == dealt


def test_a_prescribed_half_is_kept_and_counted():
    dealt = clips_module.deal_halves([clip("a", "rain", "dev"), clip("b", "rain", "dev"), clip("c", "rain"), clip("d", "rain")])
    assert {c.family: c.half for c in dealt} == {"a": "dev", "b": "dev", "c": "test", "d": "test"}


def test_the_same_recording_is_one_family():
    joined = clips_module._joined([clip("a", "rain"), clip("b", "rain"), clip("b", "rain", n=1), clip("c", "rain")], [["p:a0", "p:b0"]])
    assert [c.family for c in joined] == ["a", "a", "a", "c"]


def test_zip_container(tmp_path):
    with zipfile.ZipFile(tmp_path / "pack.pk3", "w") as pack:
        pack.writestr("sound/a.ogg", b"ogg")
        pack.writestr("readme.txt", b"no sound")
    assert list(containers.unpack(tmp_path / "pack.pk3", "zip")) == [("sound/a.ogg", b"ogg")]


def test_qt_resource(tmp_path):
    names, offsets = b"", {}
    for name in ("folder", "a.wav", "b.ogg", "c.png"):
        offsets[name] = len(names)
        names += struct.pack(">HI", len(name), 0) + name.encode("utf-16-be")
    packed = struct.pack(">I", 5) + zlib.compress(b"hello")
    blobs, places = b"", []
    for blob in (b"RIFF", packed, b"png"):
        places.append(len(blobs))
        blobs += struct.pack(">I", len(blob)) + blob
    tree = struct.pack(">IHII", 0, 2, 1, 1) + struct.pack(">IHII", offsets["folder"], 2, 3, 2)
    for name, flags, place in zip(("a.wav", "b.ogg", "c.png"), (0, 1, 0), places, strict=True):
        tree += struct.pack(">IHHHI", offsets[name], flags, 0, 0, place)
    head = 20
    data = b"qres" + struct.pack(">IIII", 1, head, head + len(tree), head + len(tree) + len(blobs)) + tree + blobs + names
    (tmp_path / "x.rcc").write_bytes(data)
    assert list(containers.unpack(tmp_path / "x.rcc", "rcc")) == [("folder/a.wav", b"RIFF"), ("folder/b.ogg", b"hello")]
    (tmp_path / "y.rcc").write_bytes(b"nope" * 10)
    with pytest.raises(ValueError, match="Qt resource"):
        list(containers.unpack(tmp_path / "y.rcc", "rcc"))


def test_openttd_sounds(tmp_path):
    sounds = [('"Train/bus horn". By A. License: CC0.', b"RIFFone"), ("no name", b"RIFFtwo"), ('"Train/bus horn". By B.', b"RIFFthree")]
    body, table_ = b"", b""
    for description, wav in sounds:
        text = description.encode() + b"\0"
        table_ += struct.pack("<II", (8 * len(sounds) + len(body)) | 0x80000000, len(wav))
        body += bytes([len(text)]) + text + wav
    (tmp_path / "s.cat").write_bytes(table_ + body)
    found = list(containers.unpack(tmp_path / "s.cat", "opensfx"))
    assert found == [("Train∕bus horn.wav", b"RIFFone"), ("Train∕bus horn #2.wav", b"RIFFthree")]


@pytest.fixture
def noises(tmp_path):
    """Five clips of each of two concepts, half a second to two seconds."""
    found = []
    for concept in ("rain", "dog-bark"):
        for i in range(5):
            path = tmp_path / f"{concept}{i}.wav"
            sf.write(path, 0.2 * np.random.default_rng(i).standard_normal(8000 + 4000 * i), 16000)
            name, half = f"t:{concept}{i}", "dev" if i % 2 else "test"
            found.append(Clip(name, "t", path, (concept,), (), name, half, f"{concept}_{i}"))
    return found


SPEC = {
    "each": 2,
    "templates": [
        {"name": "wet dog", "bed": "rain", "events": ["dog-bark", "dog-bark"], "seconds": [10, 12]},
        {"name": "missing", "bed": "silence", "events": ["whale-song"], "seconds": [10, 12]},
    ],
    "long": {"each": 1, "seconds": [40, 50], "events": [4, 6], "beds": ["rain", "silence", "pink-noise"]},
    "pool": ["dog-bark"],
}


def test_scenes_say_what_they_hold(noises):
    scenes, notes = compose.compose(SPEC, noises, TREE)
    assert len(notes) == 2
    assert "whale-song" in notes[0]
    assert len(scenes) == 2 * (2 + 1)
    for scene in scenes:
        assert all(e.clip is None or e.clip.half == scene.half for e in scene.events)
        assert all(0 <= e.start < e.end <= scene.seconds + 1e-6 for e in scene.events)
    scene = next(s for s in scenes if s.kind == "scene")
    samples = scene.render()
    assert samples.shape == (round(scene.seconds * scene.rate), scene.channels)
    assert np.abs(samples).max() <= 0.96
    mono = np.abs(samples).mean(axis=1)
    loud = np.zeros(len(mono), bool)
    for e in scene.events:
        if not e.bed:
            loud[round(e.start * scene.rate) : round(e.end * scene.rate)] = True
    assert mono[loud].mean() > 1.3 * mono[~loud].mean()  # the barks stand where the truth says


def test_scenes_are_the_same_every_time(noises):
    first, again = (compose.compose(SPEC, noises, TREE)[0] for _ in range(2))
    assert first == again
    assert np.array_equal(first[0].render(), again[0].render())


def test_looping_and_trimming():
    burst = np.concatenate([np.zeros((800, 1)), np.ones((1600, 1)), np.zeros((800, 1))]).astype(np.float32)
    assert len(sound._trimmed(burst, 16000)) == pytest.approx(1600 + 2 * 320, abs=1)
    assert not len(sound._trimmed(np.zeros((100, 1), np.float32), 16000))
    noise = np.random.default_rng(0).standard_normal((16000, 1)).astype(np.float32)
    looped = sound.looped(noise, 100_000, 16000)
    assert looped.shape == (100_000, 1)
    blocks = np.sqrt((looped[:96000].reshape(-1, 1600) ** 2).mean(axis=1))
    assert blocks.min() > 0.7 * np.median(blocks)  # no holes at the joints


def test_names(noises):
    scenes, _ = compose.compose(SPEC, noises, TREE)
    many = [compose.single(c) for c in noises] + scenes
    namers = {half: naming.Namer(TREE, half) for half in ("dev", "test")}
    places = [namers[r.half].place(r) for r in many]
    for half in ("dev", "test"):
        paths = [p.path for r, p in zip(many, places, strict=True) if r.half == half]
        assert len(paths) == len(set(paths))
    for r, place in zip(many, places, strict=True):
        if place.style == "neutral":
            assert not re.search("dog|bark|rain|wet", place.path)
        elif place.style == "descriptive":
            assert naming.slug(r.title).split("_")[0] in place.path


@pytest.mark.parametrize(
    ("title", "name"),
    [("LRBark_3_LA_cut", "bark_3"), ("Mangoré", "mangore"), ("101450__menegass__tomh", "tomh"), ("Steam engine (old)", "steam_engine_old")],
)
def test_file_names_as_people_write_them(title, name):
    assert naming.slug(title) == name


def test_spoken_text_lies_beside(noises):
    spoken = [Clip(**{**c.__dict__, "id": f"s{i}", "transcript": "hello there"}) for i, c in enumerate(noises * 4)]
    namer = naming.Namer(TREE, "dev")
    with_text = [p for p in (namer.place(compose.single(c)) for c in spoken) if p.sidecars]
    assert 0 < len(with_text) < len(spoken)
    assert all(p.sidecars == {".txt": "hello there\n"} for p in with_text)
    assert naming.clock(3661.5) == "01:01:01,500"


def test_midi_is_timed_as_the_pieces(tmp_path):
    pieces = list(render._pieces(table("music"), "dev"))[:3]
    starts = render._write_midi(pieces, tmp_path / "x.mid")
    data = (tmp_path / "x.mid").read_bytes()
    assert data[:4] == b"MThd"
    (length,) = struct.unpack(">I", data[18:22])
    assert len(data) == 22 + length
    assert data.endswith(b"\xff\x2f\x00")
    notes_on = sum(len(p.notes) for p in pieces)
    assert data.count(b"\xc0") >= 3
    assert notes_on > 6
    for before, after, piece in zip(starts, starts[1:], pieces, strict=False):
        assert after - before == pytest.approx(piece.seconds + render.GAP)


@pytest.mark.parametrize(("number", "written"), [(0, "00"), (0x7F, "7f"), (0x80, "8100"), (0x2000, "c000"), (0xFFFFFFF, "ffffff7f")])
def test_variable_length_quantities_of_the_midi_standard(number, written):
    assert render._variable_length(number).hex() == written


def test_pieces_are_what_their_names_say():
    for half in ("dev", "test"):
        pieces = list(render._pieces(table("music"), half))
        assert len({p.name for p in pieces}) == len(pieces)
        for piece in pieces:
            assert set(piece.concepts) <= set(TREE.names)
            assert ("slow-tempo" in piece.concepts) == (piece.bpm <= render.SLOW)
            assert 1 < piece.seconds < 30
            assert all(0 <= n.key <= 127 for n in piece.notes)


def test_ledger_knows_what_was_written_for_what(tmp_path):
    book = ledger_module.Ledger(tmp_path)
    (tmp_path / "a.wav").write_bytes(b"x")
    book.add(Path("a.wav"), "one")
    with (tmp_path / ".written").open("a") as handle:
        handle.write('["b.wav", "cut o')  # the run was killed here
    again = ledger_module.Ledger(tmp_path)
    assert again.has(Path("a.wav"), "one")
    assert not again.has(Path("a.wav"), "two")
    (tmp_path / "a.wav").unlink()
    assert not again.has(Path("a.wav"), "one")


def test_a_download_that_is_not_what_was_pinned_is_refused(tmp_path, monkeypatch):
    def client(command, cwd, **_):
        (Path(cwd) / "thing.deb").write_bytes(b"something else")
        return type("Result", (), {"returncode": 0, "stderr": ""})()

    monkeypatch.setattr(fetch.subprocess, "run", client)
    source = {"registry": "debian", "version": "1", "sha256": "0" * 64, "bytes": 5}
    with pytest.raises(fetch.BuildError, match="It was not used"):
        fetch._download("thing", source, tmp_path)
    assert not list(tmp_path.iterdir())


def test_missing_programs_are_named(monkeypatch):
    monkeypatch.setattr(fetch.shutil, "which", lambda name: None if name == "flite" else "/usr/bin/" + name)
    with pytest.raises(fetch.BuildError, match=r"flite: renders speech \(apt-get install flite\)"):
        fetch.check_tools()
