"""The recipe of the corpus: its tables agree with each other, and its parts do what they say. Nothing is downloaded or rendered."""

import gzip
import json
import re
import sys
from importlib import util
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf
import yaml

RECIPES = Path(__file__).parents[2] / "recipes"
RECIPE = RECIPES / "corpus"
sys.path[:0] = [str(RECIPE), str(RECIPES / "search_benchmark")]
import assemble as assembling  # noqa: E402
import effects as effecting  # noqa: E402
import likeness  # noqa: E402
import record as recording  # noqa: E402
import splits  # noqa: E402
import spoken  # noqa: E402
import store as storing  # noqa: E402
import tally as tallying  # noqa: E402
import tunes as tuning  # noqa: E402
import voices as voicing  # noqa: E402
from fetch import BuildError  # noqa: E402
from gather import Benchmark, Source, gather  # noqa: E402
from render import _write_midi  # noqa: E402
from vocabulary import words_of  # noqa: E402

_spec = util.spec_from_file_location("corpus_build", RECIPE / "build.py")
corpus_build = util.module_from_spec(_spec)
_spec.loader.exec_module(corpus_build)


@pytest.fixture(scope="module")
def recipe():
    return corpus_build.Recipe()


@pytest.fixture(scope="module")
def small():
    return corpus_build.Recipe(small=True)


def ids_of(rules):
    for rule in [*rules["words"], *(r for t in rules["packages"].values() for r in (t or {}).get("rules", []))]:
        yield rule, [i.lstrip("?") for i in rule[1].split() if not i.startswith("=")]


# ---------------------------------------------------------------------------------------------------------------- the tables


def test_every_package_is_pinned_and_free_for_any_use(recipe):
    assert len(recipe.sources) >= 100
    for name, source in recipe.sources.items():
        assert re.fullmatch(r"[0-9a-f]{64}", source["sha256"]), name
        assert source["version"], name
        assert source["bytes"] > 0, name
        assert source["gives"], name
        assert source["licence"] not in ("", "UNKNOWN"), name
        assert not re.search(r"\bNC\b|non-?commercial", source["licence"], re.I), name
    assert sum(source["bytes"] for source in recipe.sources.values()) <= 4e9


def test_a_package_stands_in_one_place_only():
    theirs = yaml.safe_load((RECIPES / "search_benchmark" / "sources.yaml").read_text("utf-8"))["packages"]
    own = yaml.safe_load((RECIPE / "sources.yaml").read_text("utf-8"))["packages"]
    assert not set(theirs) & set(own)


def test_rules_name_known_packages_and_labels(recipe):
    assert set(recipe.rules["packages"]) <= set(recipe.sources)
    for tables in (recipe.rules, recipe.shared):
        for rule, ids in ids_of(tables):
            re.compile(rule[0])
            unknown = [i for i in ids if i not in recipe.vocabulary and i not in recipe.tree]
            assert not unknown, (rule[0], unknown)


def test_what_is_certain_is_a_label(recipe):
    """A group of the tree ("form") may be perhaps there; what is certain has a name in the vocabulary."""
    for tables in (recipe.rules, recipe.shared):
        for rule in [*tables["words"], *(r for t in tables["packages"].values() for r in (t or {}).get("rules", []))]:
            assert all(i in recipe.vocabulary for i in rule[1].split() if i[0] not in "?="), rule


def test_rules_use_every_pinned_package(recipe):
    used = set(recipe.rules["packages"]) | {spec["package"] for spec in recipe.music["fonts"].values()}
    for table in recipe.rules["packages"].values():
        how = (table or {}).get("transcripts")
        used |= {v for v in how.values() if isinstance(v, str)} if isinstance(how, dict) else set()
    assert set(recipe.sources) - used <= {"asterisk-core-sounds-en"}


def test_the_vocabulary_is_plain_large_and_unambiguous(recipe):
    labels = recipe.vocabulary.labels
    assert 300 <= len(labels) <= 520
    names = [label.name for label in labels.values()]
    assert len(set(names)) == len(names)
    assert not [name for name in names if re.search(r"[-_/]", name) and name.replace("-", "") not in _HYPHENS]
    assert set(recipe.tree.leaves) <= set(labels)  # what the benchmark asks for can be learned
    assert recipe.vocabulary.names(["steps-wood", "dog-bark"])[:2] == ("footsteps on wood", "dog barking")
    assert "footsteps" in recipe.vocabulary.names(["steps-wood"])
    assert "footsteps on wood" in recipe.vocabulary.open(["footsteps"], [])
    assert {"melody", "slow music"} <= set(recipe.vocabulary.open(["violin"], ["form", "tempo"]))
    assert not recipe.vocabulary.open(["violin", "melody"], [])


_HYPHENS = {
    "3D printer", "hihat", "tomtom", "startup jingle", "userinterface sound", "powerup", "xray", "drumroll", "flyby", "signalhorn",
    "textto speech", "ooh",
}  # fmt: skip


def test_no_evaluation_set_is_read():
    text = "".join(p.read_text("utf-8") for p in RECIPE.glob("*.yaml")).lower()
    assert "esc-10" not in text
    assert "esc10" not in text
    assert "audiocaps" not in text


def test_the_small_slice_needs_no_comparison_with_test_sounds(small):
    theirs = yaml.safe_load((RECIPES / "search_benchmark" / "sources.yaml").read_text("utf-8"))["packages"]
    assert not set(small.sources) & set(theirs)
    assert sum(source["bytes"] for source in small.sources.values()) < 200e6
    assert small.music["fonts"]


def test_licences_that_forbid_commerce_stop_the_build(recipe, monkeypatch):
    real = corpus_build.read_yaml

    def with_one(path):
        document = real(path)
        if path.parent == RECIPE and path.name == "sources.yaml":
            document["packages"]["teeworlds-data"] = {"licence": "CC-BY-NC-4.0"}
        return document

    monkeypatch.setattr(corpus_build, "read_yaml", with_one)
    with pytest.raises(BuildError, match="teeworlds-data"):
        corpus_build.Recipe()


# ---------------------------------------------------------------------------------------------------------------- gathering


@pytest.fixture
def package(tmp_path):
    for name in ("dogs/BigBark1.wav", "dogs/BigBark2.wav", "rain_loop.wav", "noise/xyz.wav", "kept/out.wav", "speech/hello_there.wav"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        sf.write(path, 0.1 * np.random.default_rng(len(name)).standard_normal(16000), 16000)
    (tmp_path / "bare").write_bytes((tmp_path / "rain_loop.wav").read_bytes())
    (tmp_path / "readme").write_text("no sound")
    return tmp_path


RULES = {
    "words": [["rain", "rain"], ["bark", "dog-bark"]],
    "packages": {
        "p": {
            "words": True,
            "title": "stem",
            "transcripts": {"how": "stem", "language": "English"},
            "rules": [["speech/.*", "english ?male-speech"], ["kept/.*", "laser"]],
            "skip": "^xyz",
        }
    },
}


def test_rules_by_path_then_by_words(package):
    bench = Benchmark(frozenset({"p:kept/out"}), frozenset(), ())
    found = {s.id: s for s in gather(RULES, {"p": package}, {"packages": {}}, bench)}
    assert set(found) == {"p:dogs/BigBark1", "p:dogs/BigBark2", "p:rain_loop", "p:noise/xyz", "p:speech/hello_there", "p:bare"}
    assert found["p:rain_loop"].labels == ("rain",)
    assert found["p:noise/xyz"].labels == ()
    assert found["p:speech/hello_there"].kind == "speech"
    assert found["p:speech/hello_there"].said == "hello there"
    assert found["p:speech/hello_there"].maybe == ("male-speech",)


def test_takes_of_one_thing_are_one_family(package):
    rules = {**RULES, "words": [["big bark", "dog-bark"], ["rain", "rain"]]}
    found = list(gather(rules, {"p": package}, {"packages": {}}, Benchmark(frozenset(), frozenset(), ())))
    assert {s.family for s in found if "Bark" in s.id} == {"p:dogs/BigBark"}


def test_most(package):
    rules = {"words": [], "packages": {"p": {"most": [["dogs/.*", 1]]}}}
    found = [s.id for s in gather(rules, {"p": package}, {"packages": {}}, Benchmark(frozenset(), frozenset(), ()))]
    assert sum("dogs" in i for i in found) == 1


def test_words():
    assert words_of("DoorOpen_old-02") == "door open old"


def test_what_is_said(tmp_path):
    (tmp_path / "core-sounds-xx.txt.gz").write_bytes(gzip.compress(b"; list\nvm-hello: Hello.\ntt-noise: [noise]\n"))
    said = spoken.transcripts("a", {"how": "core-sounds", "list": "l", "language": "Spanish"}, {"l": tmp_path})
    assert said("vm-hello", tmp_path) == ("Hello.", {"language": "Spanish", "voice": "woman"})
    assert said("tt-noise", tmp_path)[0] == ""
    (tmp_path / "frog.txt").write_text("A frog.\nfr.utf8=Une grenouille.\n", "utf-8")
    stamp = spoken.transcripts("t", "stamp", {})
    assert stamp("frog_desc_fr", tmp_path / "frog_desc_fr.ogg") == ("Une grenouille.", {"language": "French"})
    assert stamp("frog_desc", tmp_path / "frog_desc.ogg") == ("A frog.", {"language": "English"})
    assert stamp("frog", tmp_path / "frog.ogg") == ("", {})
    (tmp_path / "dialogs_en.lua").write_text('dialogId("a-b", "font", "Look \\"here\\"!")\ndialogStr("Look!")\n', "utf-8")
    (tmp_path / "dialogs_nl.lua").write_text('dialogId("a-b", "font", "Look!")\ndialogStr("Kijk!")\n', "utf-8")
    lines = spoken.transcripts("f", {"how": "dialogues", "scripts": "s"}, {"s": tmp_path})
    assert lines("sound/x/nl/a-b", tmp_path) == ("Kijk!", {"language": "Dutch"})


# ---------------------------------------------------------------------------------------------------------------- splits and likeness


def test_families_are_dealt_whole_and_evenly():
    families = {f"f{i}": [f"label {i % 4}"] for i in range(200)} | {f"rare{i}": ["rare"] for i in range(5)}
    sides = splits.deal(families, fixed={"f0": "dev", "f4": "train"})
    assert set(sides) == set(families)
    assert sides["f0"] == "dev"
    assert sides["f4"] == "train"
    assert all(sides[f"rare{i}"] == "train" for i in range(5))  # too few to spare one
    for label in range(4):
        own = [side for family, side in sides.items() if families[family] == [f"label {label}"]]
        assert 5 <= own.count("dev") <= 7
    assert splits.deal(families, fixed={"f0": "dev", "f4": "train"}) == sides


def test_six_families_spare_one():
    sides = splits.deal({f"f{i}": ["bell"] for i in range(6)})
    assert list(sides.values()).count("dev") == 1


def test_an_overlap_is_refused():
    splits.refuse_overlap({"a", "b"}, {"1"}, {"c"}, {"2"})
    with pytest.raises(BuildError, match=r"test half, e\.g\. b"):
        splits.refuse_overlap({"a", "b"}, {"1"}, {"b"}, {"2"})
    with pytest.raises(BuildError, match="must not be learned from"):
        splits.refuse_overlap({"a"}, {"2"}, {"b"}, {"2"})


def hit(seed, n=16000):
    rng = np.random.default_rng(seed)
    tone = np.sin(2 * np.pi * rng.uniform(200, 3000) * np.arange(n) / 16000)
    return ((0.3 * rng.standard_normal(n) + tone) * np.exp(-np.arange(n) / rng.uniform(1000, 4000))).astype(np.float32)


def test_a_copy_is_known_and_another_sound_is_not():
    first = hit(0)
    copy = 0.3 * np.concatenate([np.zeros(3000, np.float32), first])[: len(first)]
    prints = [likeness.prints(storing.trimmed(x, 16000), 16000) for x in (first, copy, hit(1), hit(2))]
    same = list(likeness.alike(np.stack(prints[:1]), np.stack(prints[1:])))
    assert [(a, b) for a, b, _ in same] == [(0, 0)]
    assert not likeness.prints(np.zeros(100, np.float32), 16000).any()


def test_families_that_share_a_recording_are_one():
    assert likeness.families(["a", "b", "c", "c", "d"], [(0, 2), (3, 1)]) == ["a", "a", "a", "a", "d"]


# ---------------------------------------------------------------------------------------------------------------- from sounds to items


def test_a_build_of_two_packages(tmp_path, recipe):
    """Recorded, compared, split, written: a copy goes, what is like a test sound goes with its family."""
    sounds = tmp_path / "in"
    sounds.mkdir()
    for name, samples in {
        "bark1": hit(1),
        "bark2": hit(2),
        "bark1copy": hit(1),
        "tested": hit(3),
        "tested2": hit(4),
        "long": 0.1 * np.random.default_rng(5).standard_normal(60 * 16000),
    }.items():
        sf.write(sounds / f"{name}.wav", samples, 16000)
    sf.write(sounds / "silent.wav", np.zeros(8000), 16000)
    (sounds / "broken.wav").write_bytes(b"RIFF")

    def source(name, family="", labels=("dog-bark",)):
        return Source(f"p:{name}", "p", sounds / f"{name}.wav", labels, ("wolf-yelp",), f"p:{family or name}", caption="a big dog barks")

    sources = [source("bark1"), source("bark2"), source("bark1copy", labels=()), source("tested", "t"), source("tested2", "t")]
    sources += [source("long"), source("silent"), source("broken")]
    pinned = {"p": {"version": "1", "sha256": "0", "licence": "CC0", "bytes": 1}}
    recorded = recording.record({"p": sources}, tmp_path, pinned)
    assert {r.source.id for r in recorded} == {"p:bark1", "p:bark2", "p:bark1copy", "p:tested", "p:tested2", "p:long"}
    assert recording.record({"p": sources}, tmp_path, pinned)[0].file.samples_hash == recorded[0].file.samples_hash  # kept
    tested = type("Clip", (), {"id": "test:x", "source": sounds / "tested.wav"})
    whole = assembling.Assembly(recipe.vocabulary, pinned, Benchmark(frozenset({"gone"}), frozenset(), (tested,)), {}, frozenset(), None)
    items, left_out = assembling.assemble(whole, recorded, tmp_path)
    assert {i.id.partition("#")[0] for i in items} == {"p:bark1", "p:bark2", "p:long"}
    assert left_out["sounds"] == ["p:tested", "p:tested2"]
    assert left_out["because"]["p:tested"][0] == "test:x"
    item = next(i for i in items if i.id == "p:bark1")
    assert item.labels[0] == "dog barking"
    assert item.extra["perhaps"] == ["wolf yelping"]
    assert item.captions == ("dog barks",)
    assert item.source == "p==1/bark1"
    assert item.licence == "CC0"
    assert len([i for i in items if i.id.startswith("p:long#")]) == 3
    assert all((tmp_path / i.audio).is_file() for i in items)
    counts = tallying.tally(items, pinned, left_out, 1.0, tmp_path)
    assert counts["labels"]["dog barking"]["clips train"] == 3
    assert "| packages sound |" in tallying.table(counts)
    json.dumps(counts)


def test_captions():
    say = assembling.captions
    assert say("speech", "", "Hallo", {"language": "German", "speaker": "woman"}) == ["a woman says in German: “Hallo”"]
    assert say("sound", "sfx loop 2", "", {}) == []
    assert say("sound", "bird twitter loop", "", {}) == ["bird twitter"]


# ---------------------------------------------------------------------------------------------------------------- what is made here


def test_no_voice_of_the_test_half_speaks_and_each_keeps_to_its_side(recipe):
    theirs = yaml.safe_load((RECIPES / "search_benchmark" / "speech.yaml").read_text("utf-8"))
    barred = {v["voice"] for v in theirs["voices"]["test"]} - {"slt"} | {f["voice"] for f in theirs["foreign"]["test"]} | {"en+whisperf"}
    texts = {t["text"] for t in theirs["texts"]["test"]} | {f["text"] for f in theirs["foreign"]["test"]}
    lines = list(voicing.speeches(recipe.speech))
    assert len(lines) > 1000
    assert not {line["voice"] for _, line in lines} & barred
    assert not {line["text"] for _, line in lines} & texts
    for what in ("voice", "text"):
        sides = {side: {line[what] for s, line in lines if s == side} for side in ("train", "dev")}
        assert not sides["train"] & sides["dev"], what
        assert sides["dev"]
    assert all(label in recipe.vocabulary for _, line in lines for label in line["labels"])


def test_every_programme_and_key_has_a_label(recipe):
    named = {**recipe.music["programmes"], **recipe.benchmark_music["programmes"]}
    assert set(range(119)) <= set(named)
    assert not set(recipe.music["programmes"]) & set(recipe.benchmark_music["programmes"])
    assert {*named.values(), *recipe.music["kit"].values()} <= set(recipe.vocabulary.labels)


class Fonts(tuning.Band):
    """A band whose fonts need not be there."""

    def __init__(self, recipe):
        self.music = recipe.music
        self.label = {**recipe.music["programmes"], **recipe.benchmark_music["programmes"]}
        self.fonts = {}
        barred = tuning.barred_by(recipe.benchmark_music)
        self.programmes = [(f, p) for p in sorted(self.label) for f in ("csound", "fluid", "general", "tim") if (f, p) not in barred]
        self.keys = [(f, k) for k in sorted(recipe.music["kit"]) for f in ("csound", "general", "musescore")]


def test_tunes_leave_out_what_the_test_half_plays(recipe):
    band = Fonts(recipe)
    barred = tuning.barred_by(recipe.benchmark_music)
    assert len(barred) > 60
    some = list(tuning.tunes(band))
    assert len(some) > 2500
    assert len({t.piece.name for t in some}) == len(some)
    for tune in some:
        assert not {(tune.font, programme) for _, programme in tune.piece.programmes} & barred
        assert set(tune.piece.concepts) <= set(recipe.vocabulary.labels), tune.piece.concepts
        assert tune.extra["notes"] == len(tune.piece.notes) > 0
        assert ("slow-tempo" in tune.piece.concepts) == (tune.piece.bpm <= tuning.SLOW)
        assert all(0 <= note.key <= 127 for note in tune.piece.notes)
    sides = {}
    for tune in some:
        sides.setdefault(tune.family, set()).add(tune.side)
    assert all(len(s) == 1 for s in sides.values())
    dev = sum("dev" in s for s in sides.values()) / len(sides)
    assert 0.05 < dev < 0.35


def test_ensembles_use_instruments_of_their_own_side(recipe):
    band = Fonts(recipe)
    for tune in tuning.tunes(band):
        if "ensemble" in tune.piece.name:
            assert {band.side(tune.font, programme) for _, programme in tune.piece.programmes} == {tune.side}


def test_effects_choose_their_bank_before_they_sound(tmp_path):
    tune = effecting._effect("general", 3, 124, "door-close", 0, 60)
    _write_midi([tune.piece], tmp_path / "x.mid")
    data = (tmp_path / "x.mid").read_bytes()
    assert data.index(bytes([0xB0, 0, 3])) < data.index(bytes([0xC0, 124])) < data.index(bytes([0x90, 60, 110]))
    assert tune.kind == "sound"


def test_effects_and_kits_are_known(recipe):
    spec = recipe.music["effects"]
    assert {label for bank in spec["banks"].values() for label in bank.values()} <= set(recipe.vocabulary.labels)
    assert {*spec["fonts"], *recipe.music["kits"]} <= set(recipe.music["fonts"])
    assert {bank for banks in spec["fonts"].values() for bank in banks} <= set(spec["banks"])
    assert set(recipe.music["kits_keys"]) <= set(recipe.music["kit"])
