"""The reports behind the door: for who is signed in, under the same policy as the rest; the newest, a named one, and none yet."""

from __future__ import annotations

import json
import os
import re

import pytest

from auricle.evaluation import report
from evaluation import results_files


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("AURICLE_HOME", str(tmp_path))
    return tmp_path


def written(tmp_path, name, model, when):
    document, _ = results_files.run_of("fsdd", results_files.MODELS[model], n=20)
    results = tmp_path / f"{name}.json"
    results.write_text(json.dumps({"kind": "auricle results", "version": 1, "made": when, "runs": [document]}, default=float))
    path = report.kept.keep(report.page(report.compose(report.read([results]), "auricle report")), [str(results)])
    os.utime(path, (when_ := int(when[-2:]), when_))
    return path


def test_none_yet_says_the_command(server, home):
    page = server.client.get("/report")
    assert page.status_code == 200
    assert "No report yet" in page.text
    assert "auricle report results.json" in page.text


def test_the_newest_is_given_with_its_script_and_style(server, home):
    written(home, "old", 0, "2026-11-01")
    written(home, "new", 1, "2026-11-02")
    page = server.client.get("/report")
    assert page.status_code == 200
    assert page.headers["content-type"].startswith("text/html")
    assert "script-src 'self'" in page.headers["content-security-policy"]
    assert not re.search(r"<script>|<style|http-equiv", page.text)
    assert ' src="data:' not in page.text
    assert 'data-src="data:audio/ogg;base64,T2dnUw' in page.text
    assert "tiny-towers@1" in page.text
    assert "<option selected>new</option><option>old</option>" in page.text
    for name, kind in (("report.css", "text/css"), ("report.js", "text/javascript")):
        assert f'"./{name}"' in page.text
        part = server.client.get(f"/{name}")
        assert part.status_code == 200
        assert part.headers["content-type"].startswith(kind)
    assert "tiny-towers@2" in server.client.get("/report", params={"name": "old"}).text


@pytest.mark.parametrize("name", ["nobody", "../../etc/passwd", "<script>alert(1)</script>", ""])
def test_no_other_file_is_reached(server, home, name):
    written(home, "old", 0, "2026-11-01")
    page = server.client.get("/report", params={"name": name})
    assert page.status_code == 404
    assert "No such report" in page.text
    assert "<script>alert" not in page.text


def test_a_browser_without_a_session_is_turned_away(server):
    answer = server.client.get("/report", headers={"sec-fetch-site": "none", "sec-fetch-mode": "navigate", "accept": "text/html"})
    assert answer.status_code == 401
