"""``auricle landscape`` as a person runs it."""

from __future__ import annotations

import json

import pytest


def test_stats(run):
    ran = run("landscape", "stats", "--json")
    assert ran.code == 0
    (counts,) = ran.lines
    assert list(counts) == ["models", "sets", "benchmarks", "edges", "facts", "checked"]
    assert counts["models"] >= 113
    assert run("landscape", "stats").out.split()[:2] == ["models", str(counts["models"])]


def test_contamination_tells_what_can_be_claimed(run):
    ran = run("landscape", "contamination", "laion-clap", "esc50")
    assert ran.code == 0
    assert ran.out.startswith("LAION-CLAP 630k on ESC-50: some of the test was, or may have been, in the training data.\n")
    assert "399 of 2,000 items of ESC-50 are in the train part of FSD50K, by Freesound id  [checked]" in ran.out
    assert "It cannot claim that the whole test was new to the model" in ran.out
    (report,) = run("landscape", "contamination", "LAION-CLAP", "ESC-50", "--json").lines
    assert (report["model"], report["benchmark"], report["verdict"]) == ("laion-clap", "esc50", "partly")
    assert (report["findings"][0]["count"], report["findings"][0]["out_of"]) == (399, 2000)


def test_what_nobody_read_is_told_and_counted_when_asked_for(run, monkeypatch, tmp_path, request):
    from auricle.landscape import compile, loading
    from auricle.landscape.schema import Edge, Fact, Landscape, Record

    cited = {"source": "s", "mark": "unverified", "date": "2026-01-01"}
    model = Record("m", "model", "M", facts=[Fact("licence-weights", "MIT", **cited)])
    records = {"m": model, "s": Record("s", "set", "S"), "t": Record("t", "benchmark", "T"), "task": Record("task", "task", "Task")}
    edges = (Edge("trained-on", "m", "s", **cited), Edge("overlaps-with", "t", "s", **cited), Edge("solves-task", "t", "task", **cited))
    made = tmp_path / "landscape.json"
    made.write_text(compile.text(Landscape(records, edges, ())), "utf-8")
    monkeypatch.setattr(loading, "COMPILED", made)
    loading.load.cache_clear()
    request.addfinalizer(loading.load.cache_clear)
    told = run("landscape", "contamination", "m", "t").out
    assert "M on T: the training data are not known." in told
    assert "2 relations that nobody has read in their source are left out; --unverified counts them, too." in told
    assert "With them the answer would be: some of the test was, or may have been, in the training data." in told
    (report,) = run("landscape", "contamination", "m", "t", "--json").lines
    assert (report["verdict"], report["otherwise"], len(report["left_out"])) == ("unknown", "partly", 2)
    assert "nobody has read" not in run("landscape", "contamination", "m", "t", "--unverified").out
    gap = " ".join(run("landscape", "gaps").out.split())
    assert "not known, until somebody reads it in its source: whether there is something to measure by" in gap
    assert "1 statement that nobody has read in its source is left out; --unverified counts it, too." in gap
    (line,) = run("landscape", "gaps", "--json").lines
    assert (line["not_known"], line["left_out"]) == (["benchmark"], 1)
    assert "not known" not in run("landscape", "gaps", "--unverified").out
    shown = run("landscape", "show", "m").out
    assert "licence-weights: not read in its source (claimed: MIT)" in shown
    assert "licences inherited: 1 relation that nobody has read in its source is left out" in shown
    (licences,) = [line["licences"] for line in run("landscape", "show", "m", "--json").lines]
    assert (licences["stated"], licences["left_out"], licences["unread"][0]["licence"]) == ("unknown", 1, "MIT")
    assert "inherited" not in run("landscape", "show", "m", "--unverified").out


def test_find_show_trace_path(run):
    lines = run("landscape", "find", "separate anything you describe", "--words", "-n", "3", "--json").lines
    assert lines[0]["id"] == "audiosep"
    assert len(lines) == 3
    assert "audiosep" in run("landscape", "find", "separate anything you describe").out
    ran = run("landscape", "find", "qqq xyzzy", "--words")
    assert (ran.code, ran.out, ran.err) == (0, "", "Nothing fits.\n")
    shown = run("landscape", "show", "wavcaps").out
    assert "licence-text: academic use only  [checked: XinhaoMei/WavCaps, README" in shown
    assert "record: sets/sound-captions.yaml, line " in shown
    assert "licence stated: free; made of what is stricter: " in run("landscape", "show", "midashenglm").out
    assert "made of what is stricter" not in run("landscape", "show", "moshi").out
    (licences,) = [line["licences"] for line in run("landscape", "show", "midashenglm", "--json").lines]
    assert (licences["stated"], licences["conflict"]) == ("free", True)
    assert {"record": "audiocaps", "licence": "academic use only"}.items() <= licences["inherited"][
        [x["record"] for x in licences["inherited"]].index("audiocaps")
    ].items()
    assert run("landscape", "show", "separation-task", "--json").lines[0]["licences"] is None
    assert run("landscape", "show", "wavcaps", "--json").lines[0]["record"]["id"] == "wavcaps"
    assert "r1-aqa builds on qwen2-audio  [checked]" in run("landscape", "trace", "r1-aqa").out
    assert run("landscape", "trace", "r1-aqa", "--json").lines[0]["up"][0]["depth"] == 1
    assert run("landscape", "path", "wavcaps", "clotho-aqa").out.splitlines()[1].startswith("audiobench derived from clothoaqa")
    assert len(run("landscape", "path", "wavcaps", "clotho-aqa", "--json").lines[0]["steps"]) == 2


def test_compare_gaps_timeline_cite(run):
    ran = run("landscape", "compare", "laion-clap", "msclap-2023")
    assert "all trained on: audiocaps, clotho, fsd50k" in ran.out
    assert run("landscape", "compare", "laion-clap", "msclap-2023", "--json").lines[0]["shared"]["uses-objective"] == ["contrastive"]
    assert "Safety under attack: no set that can be had" in run("landscape", "gaps").out
    assert {line["task"] for line in run("landscape", "gaps", "--all", "--json").lines} >= {"safety", "retrieval"}
    ran = run("landscape", "timeline", "--kind", "model", "--since", "2022", "--until", "2022")
    assert ran.out.splitlines()[0] == "2022"
    assert "laion-clap" in ran.out
    assert [line["year"] for line in run("landscape", "timeline", "--since", "2025", "--json").lines] == [2025, 2026]
    assert run("landscape", "cite", "laion-clap", "mellow").out.count("@") == 2


def test_export(run, tmp_path):
    out = tmp_path / "field.csv"
    assert run("landscape", "export", "--format", "csv", "-o", out).code == 0
    assert out.read_text("utf-8").startswith("statement,subject,key,value")
    ran = run("landscape", "export", "--format", "csv", "-o", out)
    assert (ran.code, "exists already" in ran.err) == (2, True)
    assert json.loads(run("landscape", "export").out)["edges"]
    assert run("landscape", "export", "--format", "graphml").out.startswith("<?xml")


def test_add_and_check(run, tmp_path):
    ran = run("landscape", "check")
    assert ran.code == 0, ran.err
    assert ran.out.startswith("All is well: ")
    folder = tmp_path / "records"
    folder.mkdir()
    ran = run("landscape", "add", "model", "Some CLAP", "--family", "two-towers", "--source", "its card", "--records", folder)
    assert (ran.code, ran.out) == (0, f"{folder / 'models' / 'some-clap.yaml'}\n")
    assert run("landscape", "check", "--records", folder).code == 0
    ran = run("landscape", "add", "set", "Some CLAP", "--records", folder)
    assert (ran.code, "is there already: models/some-clap.yaml, line 1." in ran.err) == (2, True)
    path = folder / "models" / "some-clap.yaml"
    path.write_text(path.read_text("utf-8").replace("mark:", "marc:"), "utf-8")
    ran = run("landscape", "check", "--records", folder)
    assert (ran.code, ran.out) == (1, "")
    assert ran.err == "models/some-clap.yaml:8: there is no key 'marc'. Did you mean 'mark'?\n"
    lines = run("landscape", "check", "--records", folder, "--json").lines
    assert lines[0]["line"] == 8
    assert lines[-1] == {"kind": "summary", "ok": False, "records": 0, "problems": 1}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["show", "wavcasp"], "there is no record 'wavcasp'. Did you mean wavcaps"),
        (["show", "flamingo"], "'flamingo' may be any of"),
        (["show", ""], "the name is empty."),
        (["contamination", "wavcaps", "esc50"], "WavCaps is a set, and a model is meant."),
        (["contamination", "laion-clap", "esc-5000"], "there is no benchmark or set 'esc-5000'."),
        (["compare", "laion-clap"], "two names at least"),
        (["find", "x", "--kind", "song"], "there is no kind 'song'"),
        (["find", "x", "--task", "cooking"], "there is no task 'cooking'"),
        (["timeline", "--family", "towers"], "there is no family 'towers'"),
        (["export", "--format", "xml"], "there is no format 'xml'"),
        (["cite", "soundbible"], "no paper is recorded for SoundBible."),
        (["add", "song", "X"], "there is no kind 'song'"),
        (["check", "--records", "nowhere/at/all"], "nowhere/at/all is no folder."),
    ],
)  # fmt: skip
def test_bad_input_is_a_line_and_code_2(run, arguments, message):
    ran = run("landscape", *arguments)
    assert ran.code == 2
    assert message in ran.err
    assert ran.err.count("\n") == 1
    assert ran.out == ""
