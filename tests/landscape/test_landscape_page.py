"""The page of the field: whole in itself as a file, without a script of its own where it is served."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import pytest

from auricle import landscape
from auricle.landscape import page as pages
from auricle.landscape.schema import Landscape, Record


@pytest.fixture(scope="module")
def field():
    return landscape.load()


def data_of(html):
    return json.loads(re.search(r'<script type="application/json" id="data">(.*?)</script>', html, re.S)[1])


def test_the_file_needs_nothing_else(field):
    html = pages.page(field)
    assert not re.search(r"<(script|img|iframe|audio|video)[^>]*\ssrc=", html)
    assert not re.search(r'<link[^>]*href="(?!data:)', html)
    assert "@import" not in html
    assert not re.search(r"url\((?!['\"]?data:)", html)
    assert not re.search(r"\b(fetch|XMLHttpRequest|WebSocket|import)\(", html)


def test_served_it_holds_no_script_and_no_style(field):
    """The server's Content-Security-Policy would let neither run."""
    html = pages.served(field)
    assert not re.search(r"<style|\sstyle=|\son\w+=", html.replace('"style="', ""))
    scripts = re.findall(r"<script([^>]*)>", html)
    assert scripts == [' type="application/json" id="data"', ' src="./landscape.js"']


def test_it_holds_every_record_relation_and_figure_with_source_and_mark(field):
    data = data_of(pages.page(field))
    assert {record["id"] for record in data["records"]} == set(field.records)
    assert (len(data["edges"]), len(data["figures"])) == (len(field.edges), len(field.figures))
    for said in [*data["edges"], *data["figures"], *(fact for record in data["records"] for fact in record.get("facts", ()))]:
        assert said["source"]
        assert said["mark"] in data["meaning"]
    assert {edge["type"] for edge in data["edges"]} <= set(data["relations"])


def test_a_record_cannot_break_out():
    evil = Record("evil", "model", "</script><img src=x onerror=alert(1)>", 2024, "two-towers", ["sound"], about="<!-- <script>")
    html = pages.page(Landscape({"evil": evil, "other": replace(evil, id="other")}, (), ()))
    assert "<img src=x" not in html
    assert data_of(html)["records"][0]["name"] == evil.name
