"""Each thing that can be wrong with a record is told with its file and its line, and stops the compiling."""

from __future__ import annotations

import datetime
import re
import shutil
from pathlib import Path

import pytest

from auricle.errors import DataError, UsageError
from auricle.landscape import adding, compile

GOOD = """\
- id: alpha
  name: Alpha
  year: 2024
  family: captions
  about: A set.
  source: its paper
  mark: checked
  date: 2026-01-02
  facts:
    clips: 100
    licence-text:
      - {value: MIT, note: the tag}
      - {value: research only, source: its README, mark: abstract}
"""
BETA = """\
- id: beta
  name: Beta
  family: captions
  source: its paper
  mark: abstract
  date: 2026-01-02
  derived-from: [{to: alpha, count: 5, out_of: 10}]
"""


@pytest.fixture
def tree(tmp_path):
    """Write files below a folder of records and study it."""

    def study(**files):
        for name, text in files.items():
            path = tmp_path / name.replace("__", "/")
            path = path.with_suffix(".yaml")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, "utf-8")
        return compile.study(tmp_path)

    study.folder = tmp_path
    return study


def test_a_good_one_passes_and_inherits_its_source(tree):
    field, problems = tree(sets__a=GOOD, sets__b=BETA)
    assert problems == []
    clips, tag, readme = field.records["alpha"].facts
    assert (clips.value, clips.source, clips.mark, clips.date) == (100, "its paper", "checked", "2026-01-02")
    assert (tag.source, tag.note) == ("its paper", "the tag")
    assert (readme.source, readme.mark, readme.date) == ("its README", "abstract", "2026-01-02")
    (edge,) = field.out("beta", "derived-from")
    assert (edge.object, edge.count, edge.out_of, edge.mark) == ("alpha", 5, 10, "abstract")


def test_yes_is_a_word(tree):
    field, problems = tree(sets__a=GOOD.replace("clips: 100", "open-data: yes"))
    assert problems == []
    assert field.records["alpha"].said("open-data")[0].value == "yes"


def test_the_example_of_the_docs_is_a_record(tree):
    docs = (Path(__file__).resolve().parents[2] / "docs" / "landscape.md").read_text("utf-8")
    example = re.search(r"```yaml\n(.*?)```", docs, re.DOTALL)[1]
    shutil.copytree(compile.RECORDS, tree.folder, dirs_exist_ok=True)
    field, problems = tree(models__example=example)
    assert problems == []
    record = field.records["some-clap"]
    assert [(fact.value, fact.mark) for fact in record.said("licence-weights")] == [("MIT", "checked"), ("research only", "checked")]
    assert [edge.part for edge in field.out("some-clap", "builds-on")] == ["", "design"]
    assert field.out("some-clap", "trained-on")[1].without == ["audiocaps", "clotho"]


@pytest.mark.parametrize(
    ("change", "line", "message"),
    [
        (("  family: captions", "  familly: captions"), 4, "there is no key 'familly'. Did you mean 'family'?"),
        (("  family: captions", "  family: caption"), 4, "'caption' is no family of sets. Choose from labels, captions"),
        (("  family: captions\n", ""), 1, "a record needs a family."),
        (("id: alpha", "id: Alpha One"), 1, "'Alpha One' is no id."),
        (("- id: alpha\n  name: Alpha", "- name: Alpha"), 1, "a record needs an id."),
        (("year: 2024", f"year: {datetime.date.today().year + 1}"), 3, "lies in the future."),
        (("year: 2024", "year: soon"), 3, "year: input should be a valid integer"),
        (("  source: its paper\n", ""), 9, "source is missing. Say where it stands"),
        (("source: its paper", "source: ''"), 10, "the source is empty."),
        (("mark: checked", "mark: certain"), 10, "mark: input should be 'checked', 'abstract' or 'unverified', got 'certain'."),
        (("date: 2026-01-02", "date: yesterday"), 10, "'yesterday' is no date. Write it as YYYY-MM-DD."),
        (("date: 2026-01-02", "date: 2026-02-30"), 10, "'2026-02-30' is no date."),
        (("date: 2026-01-02", f"date: {datetime.date.today() + datetime.timedelta(2)}"), 10, "lies in the future."),
        (("note: the tag", "nota: the tag"), 12, "there is no key 'nota'. Did you mean 'note'?"),
        (("    clips: 100", "    clips: 100\n    clips: 200"), 11, "'clips' stands twice."),
        (("  about: A set.", "  derived-from: alpha"), 5, "derived-from is a list of ids"),
        (("  about: A set.", "  derived-from: [omega]"), 5, "there is no record 'omega'."),
        (("  about: A set.", "  derived-from: [alpah]"), 5, "there is no record 'alpah'. Did you mean 'alpha'?"),
        (("  about: A set.", "  derived-from: [alpha]"), 5, "alpha is related to itself."),
        (("  about: A set.", "  overlaps-with: [{to: beta, count: 9, out_of: 5}]"), 5, "count is 9, and must lie between 0 and 5."),
        (("  about: A set.", "  overlaps-with: [{to: beta, share: 12}]"), 5, "share is 12.0, and must lie between 0 and 1."),
        (("  about: A set.", "  overlaps-with: [{count: 9}]"), 5, "to is missing."),
        (("  about: A set.", "  trained-on: [beta]"), 5, "'alpha' is a set, and model or encoder is meant."),
        (("  about: A set.", "  about: [A set.]"), 5, "about: input should be a valid string"),
        (("  about: A set.", "  about: 'A set."), None, "is not YAML"),
        ((GOOD, "id: alpha\n"), 1, "a file of records is a list."),
        ((GOOD, "- alpha\n"), 1, "a record is a mapping."),
    ],
)
def test_what_is_wrong_is_told_with_file_and_line(tree, change, line, message):
    assert change[0] in GOOD
    _, problems = tree(sets__a=GOOD.replace(*change), sets__b=BETA.replace("alpha", "beta0") if "beta" not in change[1] else BETA)
    mine = [problem for problem in problems if problem.file == "sets/a.yaml"]
    assert any(message in str(problem) for problem in mine), [str(problem) for problem in problems]
    if line is not None:
        assert line in [problem.line for problem in mine if message in str(problem)]
    with pytest.raises(DataError) as stop:
        compile.build(tree.folder)
    assert str(stop.value.path) in ("sets/a.yaml", "sets/b.yaml")
    assert f"{stop.value.path}:{stop.value.line}: " in str(stop.value)


def test_an_id_that_is_taken(tree):
    _, problems = tree(sets__a=GOOD, benchmarks__b=GOOD.replace("captions", "choice"))
    assert [str(p) for p in problems] == ["sets/a.yaml:1: the id 'alpha' is taken by benchmarks/b.yaml:1. Ids are unique over all kinds."]


def test_a_circle_of_derivations_is_told_with_its_members(tree):
    gamma = BETA.replace("beta", "gamma").replace("Beta", "Gamma").replace("alpha", "beta")
    _, problems = tree(sets__a=GOOD.replace("  about: A set.", "  derived-from: [gamma]"), sets__b=BETA, sets__c=gamma)
    (problem,) = problems
    assert problem.message == "derived-from runs in a circle: alpha → gamma → beta → alpha."
    assert (problem.file, problem.line) == ("sets/a.yaml", 5)


def test_a_folder_that_is_no_kind(tree):
    _, problems = tree(songs__a=GOOD)
    assert str(problems[0]).startswith("songs/a.yaml:1: there is no kind 'songs'. Folders: models, sets")


def test_figures_are_checked_too(tree):
    figure = "- {model: m, benchmark: alpha, metric: accuracy, value: 91.0, source: its paper, mark: checked, date: 2026-01-02}\n"
    model = "- {id: m, name: M, family: two-towers, source: its paper, mark: checked, date: 2026-01-02}\n"
    field, problems = tree(sets__a=GOOD, models__m=model, figures__f=figure)
    assert problems == []
    assert [edge.type for edge in field.out("m")] == ["evaluated-on"]
    assert field.figures[0].id == "m/alpha/accuracy"
    _, problems = tree(figures__f=figure + figure)
    assert "this figure of m on alpha stands twice." in str(problems[0])
    assert problems[0].line == 2
    _, problems = tree(figures__f=figure.replace("benchmark: alpha", "benchmark: alhpa"))
    assert "there is no record 'alhpa'. Did you mean 'alpha'?" in str(problems[0])
    _, problems = tree(figures__f=figure.replace("value: 91.0", "value: high"))
    assert "value: input should be a valid number" in str(problems[0])
    _, problems = tree(figures__f=figure.replace(", source: its paper", ""))
    assert "source is missing." in str(problems[0])


def test_a_new_record_is_scaffolded_and_valid(tree):
    tree(sets__a=GOOD)
    for kind, name in (("model", "Some CLAP (v2)"), ("set", "Ünïcode 'Set'"), ("benchmark", "B: 1"), ("encoder", "Ear"), ("task", "Task")):
        path, problems = adding.add(kind, name, records=tree.folder)
        assert problems == []
        assert path.read_text("utf-8").startswith(f"- id: {adding.identifier(name)}\n")
    field, problems = compile.study(tree.folder)
    assert problems == []
    assert field.records["some-clap-v2"].kind == "model"
    assert field.records["unicode-set"].name == "Ünïcode 'Set'"


def test_what_is_there_is_not_added_twice(tree):
    tree(sets__a=GOOD)
    for kind, name in (("set", "Alpha"), ("model", "alpha")):
        with pytest.raises(UsageError, match=r"Alpha is there already: sets/a.yaml, line 1."):
            adding.add(kind, name, records=tree.folder)
    with pytest.raises(UsageError, match="there is no kind 'song'"):
        adding.add("song", "Beta", records=tree.folder)
    with pytest.raises(UsageError, match="'towers' is no family of models"):
        adding.add("model", "Beta", family="towers", records=tree.folder)
    with pytest.raises(UsageError, match="no letter or digit"):
        adding.add("model", "***", records=tree.folder)
    _, problems = adding.add("model", "Beta", year=datetime.date.today().year + 2, records=tree.folder)
    assert [problem.message for problem in problems] == [f"the year {datetime.date.today().year + 2} lies in the future."]
