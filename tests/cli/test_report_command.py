"""``auricle report`` as a person runs it."""

from __future__ import annotations

import json

import pytest

from evaluation import results_files


@pytest.fixture
def results(tmp_path, monkeypatch):
    monkeypatch.setenv("AURICLE_HOME", str(tmp_path / "home"))
    document, _ = results_files.run_of("mmau", results_files.MODELS[3], n=20)
    path = tmp_path / "mmau.json"
    path.write_text(json.dumps({"kind": "auricle results", "version": 1, "runs": [document]}, default=float))
    return path


def test_it_writes_a_page_and_markdown(run, results, tmp_path):
    page, markdown = tmp_path / "report.html", tmp_path / "report.md"
    ran = run("report", results, "-o", page, "--markdown", markdown)
    assert ran.code == 0, ran.err
    assert ran.out.splitlines() == [str(page), str(markdown)]
    assert page.read_text("utf-8").startswith("<!doctype html>")
    assert f"auricle report {results} -o {page}" in markdown.read_text("utf-8")
    again = run("report", results, "-o", page)
    assert again.code == 2
    assert "exists already" in again.err
    assert run("report", results, "-o", page, "--overwrite").code == 0


def test_without_a_file_it_is_kept_for_the_page(run, results, tmp_path):
    for _ in range(2):
        ran = run("report", results)
        assert ran.code == 0, ran.err
        assert ran.out.strip() == str(tmp_path / "home" / "reports" / "mmau.html")
        assert "auricle ui" in ran.err
    assert [path.name for path in (tmp_path / "home" / "reports").iterdir()] == ["mmau.html"]


def test_bad_input_is_one_line(run, results, tmp_path):
    (tmp_path / "half.json").write_text(results.read_text()[:500])
    for given in ("half.json", "none.json", "."):
        ran = run("report", tmp_path / given, "-o", tmp_path / "report.html")
        assert ran.code == 3
        assert len(ran.err.splitlines()) == 1
        assert ran.err.startswith("auricle: ")
    assert run("report", results, "-o", tmp_path / "none" / "report.html").code == 2
    assert not (tmp_path / "report.html").exists()
