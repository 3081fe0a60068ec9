"""The page of the field behind the door: for who is signed in, under the same policy as the rest, without a script or style of its own."""

from __future__ import annotations

import re


def test_it_is_given_with_its_script_and_style(server):
    page = server.client.get("/landscape")
    assert page.status_code == 200
    assert page.headers["content-type"].startswith("text/html")
    assert "script-src 'self'" in page.headers["content-security-policy"]
    assert not re.search(r"<script>|<style", page.text)
    for name, kind in (("landscape.css", "text/css"), ("landscape.js", "text/javascript")):
        assert f'"./{name}"' in page.text
        part = server.client.get(f"/{name}")
        assert part.status_code == 200
        assert part.headers["content-type"].startswith(kind)
    font = re.search(r"url\('\.(/assets/[^']+)'\)", server.client.get("/landscape.css").text)[1]
    assert server.client.get(font).status_code == 200


def test_a_browser_without_a_session_is_turned_away(server):
    answer = server.client.get("/landscape", headers={"sec-fetch-site": "none", "sec-fetch-mode": "navigate", "accept": "text/html"})
    assert answer.status_code == 401


def test_another_site_may_not_open_it(server):
    headers = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "document"}
    assert server.client.get("/landscape", headers=headers).status_code == 403
