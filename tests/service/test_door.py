"""The door: names, sites, sessions, keys, scopes, rates, bodies, headers. What may not come in does not."""

from __future__ import annotations

import re

import pytest
from doorway import HOST, TOKEN, ask, make_app, make_door

from auricle.errors import UsageError
from auricle.service import guards
from auricle.service.config import ServiceConfig, is_loopback, split_host
from auricle.service.door import CSP, Door
from auricle.service.keys import Keys

ORIGIN = f"http://{HOST}"
BROWSER = {"sec-fetch-site": "same-origin", "sec-fetch-mode": "cors", "sec-fetch-dest": "empty"}


@pytest.fixture
def door(tmp_path):
    return make_door(tmp_path)


@pytest.fixture
def session(door):
    answer = ask(door, "GET", f"/?token={TOKEN}", {"sec-fetch-site": "none", "sec-fetch-mode": "navigate", "sec-fetch-dest": "document"})
    return {"cookie": answer.headers["set-cookie"].split(";")[0], **BROWSER}


# -- a program of this machine ---------------------------------------------------------------------------------------------------


def test_a_program_of_this_machine_needs_no_key(door):
    answer = ask(door)
    assert answer.json == {"kind": "program", "name": "local", "scopes": ["admin", "read", "write"], "local": True}


def test_a_client_that_insists_on_a_key_may_send_any_word(door):
    assert ask(door, headers={"authorization": "Bearer sk-not-needed"}).json["kind"] == "program"


@pytest.mark.parametrize("header", ["x-forwarded-for", "forwarded", "via", "x-real-ip", "x-forwarded-host"])
def test_what_a_proxy_passes_on_is_not_of_this_machine(door, header):
    assert ask(door, headers={header: "203.0.113.9"}).code == "key_needed"


def test_a_peer_elsewhere_is_not_of_this_machine(door):
    assert ask(door, peer="192.0.2.7").code == "key_needed"
    assert ask(door, peer=None).code == "key_needed"


def test_another_address_always_needs_a_key(tmp_path):
    door = make_door(tmp_path, host="0.0.0.0", allowed_hosts=("box.example",))
    refused = ask(door, host="box.example:8321", peer="192.0.2.7")
    assert refused.code == "key_needed"
    assert refused.headers["www-authenticate"] == "Bearer"
    assert ask(door).code == "key_needed", "also from this machine"
    key = {"authorization": f"Bearer {door.keys.create('laptop', ['read'])}"}
    answer = ask(door, headers=key, host="box.example:8321", peer="192.0.2.7").json
    assert (answer["kind"], answer["name"], answer["local"]) == ("key", "laptop", False)


def test_a_key_may_be_required_on_this_machine(tmp_path):
    door = make_door(tmp_path, require_key=True)
    assert ask(door).code == "key_needed"
    assert ask(door, headers={"authorization": "Bearer anything"}).code == "wrong_key"
    assert ask(door, headers={"x-api-key": door.keys.create("one")}).json["local"] is True


# -- the name of the server ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("host", ["127.0.0.1:8321", "localhost:8321", "LOCALHOST:8321", "[::1]:8321"])
def test_own_names(door, host):
    assert ask(door, host=host).status == 200


@pytest.mark.parametrize(
    "host",
    [
        None, "", "evil.example:8321", "evil.example", "localhost", "127.0.0.1", "localhost:80", "localhost:8322", "localhost:8321:1",
        "127.0.0.1.evil.example:8321", "evil.example@127.0.0.1:8321", "127.0.0.1:8321@evil.example", "[::1]", "[::1]:", "[::1",
        "::1]:8321",
        "localhost:", "localhost:x", "localhost:٨٣٢١", "localhost.:8321", "0.0.0.0:8321", "192.168.1.5:8321", "[::ffff:7f00:2]:8321",
        "a" * 5000,
    ],
)  # fmt: skip
def test_other_names_are_none_of_ours(door, host):
    """DNS rebinding: the page's name leads here, but it is in Host."""
    if host and not host.isascii():
        host = host.encode().decode("latin-1")
    for target in ("/api/v1/status", "/", "/health/live", f"/?token={TOKEN}"):
        answer = ask(door, "GET", target, host=host)
        assert (answer.status, answer.code) == (421, "wrong_host")


def test_two_hosts_are_refused(door):
    assert ask(door, headers=[("host", HOST)]).code == "bad_request"


def test_configured_names(tmp_path):
    door = make_door(tmp_path, allowed_hosts=("box.example:443", "lan", "localhost:9000"))
    assert ask(door, host="localhost:9000").json["local"] is True, "a forwarded port of this machine"
    assert ask(door, host="box.example:8321").code == "wrong_host"
    assert ask(door, host="box.example:443").code == "key_needed", "known by a name of elsewhere: not of this machine"
    assert ask(door, host="box.example", headers={"x-forwarded-proto": "https"}).code == "key_needed"
    assert ask(door, host="lan:1234").code == "key_needed"


def test_the_address_that_the_connection_came_in_at(tmp_path):
    door = make_door(tmp_path, host="0.0.0.0")
    at = {"server": ("192.168.1.5", 8321), "peer": "192.168.1.9"}
    assert ask(door, host="192.168.1.5:8321", **at).code == "key_needed"
    assert ask(door, host="192.168.1.6:8321", **at).code == "wrong_host"


# -- other sites -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://127.0.0.1:3000", "http://localhost:8321", "", "file://", HOST])
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE", "OPTIONS"])
def test_another_origin_is_refused(door, session, origin, method):
    headers = {**session, "origin": origin, "x-auricle": "page"}
    assert ask(door, method, headers=headers).code == "cross_site"
    assert ask(door, method, headers={"origin": origin}).code == "cross_site", "and without a session"


@pytest.mark.parametrize("site", ["cross-site", "same-site", "nonsense"])
def test_another_site_is_refused(door, session, site):
    """Also a page of another port of this machine, to which a browser gives our cookie."""
    for mode, dest in (("no-cors", "image"), ("navigate", "document"), ("navigate", "iframe"), ("cors", "empty")):
        headers = {**session, "sec-fetch-site": site, "sec-fetch-mode": mode, "sec-fetch-dest": dest}
        assert ask(door, headers=headers).code == "cross_site"
        assert ask(door, "GET", "/assets/app.js", headers).code == "cross_site"


def test_a_link_elsewhere_may_open_the_page(door):
    link = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "document"}
    assert ask(door, "GET", "/", link).json == {"kind": "page", "name": "", "scopes": [], "local": True}
    assert ask(door, "GET", "/", {**link, "sec-fetch-dest": "iframe"}).code == "cross_site"
    assert ask(door, "POST", "/", link).code == "cross_site"


def test_an_origin_may_be_allowed(tmp_path, session):
    door = make_door(tmp_path, allowed_origins=("http://localhost:5173",))
    headers = {**session, "origin": "http://localhost:5173", "x-auricle": "page"}
    assert ask(door, "POST", headers=headers).json["kind"] == "page"
    assert "access-control-allow-origin" not in ask(door, "OPTIONS", headers=headers).headers


# -- the page's session ----------------------------------------------------------------------------------------------------------


def test_the_launch_token_becomes_a_cookie(door):
    answer = ask(door, "GET", f"/?token={TOKEN}", {"sec-fetch-site": "none", "sec-fetch-mode": "navigate"})
    assert (answer.status, answer.headers["location"], answer.body) == (303, "/", b"")
    cookie = answer.headers["set-cookie"]
    assert re.fullmatch(r"auricle_session_8321=[0-9a-f]{64}; Path=/; HttpOnly; SameSite=Strict", cookie)
    assert TOKEN not in cookie


@pytest.mark.parametrize(
    "query", ["token=wrong", "token=", "token=" + TOKEN[:-1], "token=" + TOKEN + "x", "a=&" * 50 + "token=x", "token=%ff%fe"]
)
def test_a_wrong_token_gives_no_session(door, query):
    answer = ask(door, "GET", f"/?{query}")
    assert answer.status == 403
    assert "set-cookie" not in answer.headers
    assert b"auricle ui" in answer.body


def test_no_token_means_no_page(tmp_path):
    door = make_door(tmp_path, token="")
    assert ask(door, "GET", "/?token=").status == 403
    forged = {"cookie": f"auricle_session_8321={guards.session_of('')}", **BROWSER}
    assert ask(door, headers=forged).code == "session_needed"


def test_the_page_may_do_what_its_owner_may(door, session):
    assert ask(door, headers=session).json == {"kind": "page", "name": "page", "scopes": ["admin", "read", "write"], "local": True}
    change = {**session, "origin": ORIGIN}
    assert ask(door, "POST", headers=change).code == "page_header_missing"
    assert ask(door, "DELETE", headers={**change, "x-auricle": "page"}).json["kind"] == "page"
    assert ask(door, headers={**session, "cookie": f"a=b; {session['cookie']}; c=d"}).status == 200


@pytest.mark.parametrize(
    "cookie", ["", "auricle_session_8321=", "auricle_session_8321=" + "0" * 64, "auricle_session=" + TOKEN, "a=b", ";;=;", "\xff"]
)
def test_a_browser_without_a_session_is_turned_away(door, cookie):
    for headers in ({"cookie": cookie}, {**BROWSER, "cookie": cookie}, {"origin": ORIGIN, "cookie": cookie}):
        assert ask(door, headers=headers).code == "session_needed"


def test_a_person_sees_a_page_instead_of_a_problem(door):
    headers = {"sec-fetch-site": "none", "sec-fetch-mode": "navigate", "accept": "text/html,*/*;q=0.8"}
    answer = ask(door, "GET", "/api/v1/status", headers)
    assert (answer.status, answer.headers["content-type"]) == (401, "text/html; charset=utf-8")
    assert answer.headers["content-security-policy"] == CSP


def test_the_files_of_the_page_hold_nothing_of_anyones(door):
    for path in ("/", "/assets/index-abc.js", "/favicon.ico", "/icon.svg", "/theme.js"):
        assert ask(door, "GET", path, BROWSER).status in (200, 404)
    for path in (
        "/assets/../api",
        "/assets/a/b",
        "/openapi.json",
        "/metrics",
        "/v1/models",
        "/api/v1/recordings/1/audio",
        "/.png/x",
        "//a.png",
    ):
        assert ask(door, "GET", path, BROWSER).code == "session_needed", path
    assert ask(door, "POST", "/favicon.ico", BROWSER).code == "session_needed"


# -- keys and scopes -------------------------------------------------------------------------------------------------------------

NEEDS = {
    ("GET", "/api/v1/status"): "read", ("GET", "/api/v1/recordings/3/audio"): "read", ("POST", "/api/v1/search"): "read",
    ("POST", "/api/v1/classify"): "read", ("POST", "/v1/embeddings"): "read", ("POST", "/api/v1/exports"): "read",
    ("POST", "/api/v1/uploads"): "read", ("POST", "/api/v1/peaks"): "read", ("GET", "/metrics"): "read", ("POST", "/mcp"): "read",
    ("DELETE", "/mcp"): "read", ("POST", "/api/v1/tags"): "write", ("POST", "/api/v1/map"): "write", ("GET", "/api/v1/folders"): "admin",
    ("POST", "/api/v1/libraries/a/folders"): "admin", ("DELETE", "/api/v1/libraries/a/folders"): "admin",
    ("POST", "/api/v1/libraries/a/index"): "admin", ("POST", "/api/v1/libraries/a/reindex"): "admin",
    ("POST", "/api/v1/libraries/a/switch"): "admin", ("POST", "/api/v1/recordings/3/reveal"): "admin",
    ("DELETE", "/api/v1/jobs/a"): "admin",
    ("DELETE", "/api/v1/search"): "admin", ("POST", "/api/v1/anything/new"): "admin", ("TRACE", "/api/v1/status"): "admin",
}  # fmt: skip


@pytest.mark.parametrize("scope", ["read", "write", "admin"])
def test_scopes(tmp_path, scope):
    door = make_door(tmp_path)
    key = {"x-api-key": door.keys.create("one", [scope])}
    order = ["read", "write", "admin"]
    for (method, path), need in NEEDS.items():
        answer = ask(door, method, path, key)
        enough = order.index(scope) >= order.index(need)
        assert enough == (answer.status != 403), (method, path, answer.status)
        assert enough or answer.code == "scope_missing"


@pytest.mark.parametrize("header", ["authorization", "x-api-key"])
def test_a_wrong_key_is_refused_although_none_is_needed(door, header):
    prefix = "Bearer " if header == "authorization" else ""
    for secret in ("aur_wrong", "aur_" + "x" * 100_000, "aur_\xff"):
        answer = ask(door, headers={header: prefix + secret})
        assert (answer.status, answer.code) == (401, "wrong_key")
        assert secret not in answer.body.decode()


def test_a_revoked_key_is_worthless_at_once(tmp_path):
    door = make_door(tmp_path)
    key = {"authorization": f"bearer {door.keys.create('one')}"}
    assert ask(door, headers=key).json["kind"] == "key"
    Keys(door.keys.path).revoke("one")
    assert ask(door, headers=key).code == "wrong_key"


def test_two_keys_in_one_request_are_refused(door):
    assert ask(door, headers=[("x-api-key", "a"), ("x-api-key", "b")]).code == "bad_request"


def test_keys_that_cannot_be_read_let_nobody_in(tmp_path, caplog):
    door = make_door(tmp_path, require_key=True)
    secret = door.keys.create("one")
    door.keys.path.write_text("{")
    answer = ask(door, headers={"x-api-key": secret})
    assert (answer.status, answer.code) == (503, "unavailable")
    assert str(tmp_path) not in answer.body.decode()
    assert "damaged" in caplog.text


def test_a_key_in_a_browser_still_comes_from_its_own_site(tmp_path):
    door = make_door(tmp_path, require_key=True)
    key = {"x-api-key": door.keys.create("one")}
    assert ask(door, headers={**key, "origin": "http://evil.example"}).code == "cross_site"
    assert (
        ask(door, "POST", "/api/v1/search", {**key, "origin": ORIGIN, "content-type": "application/json"}, body=b'{"query": ""}').status
        == 200
    )


def test_health_is_open_and_nothing_else(tmp_path):
    door = make_door(tmp_path, require_key=True)
    assert ask(door, "GET", "/health/live").json == {"kind": None}
    assert ask(door, "POST", "/health/live").code == "key_needed"
    assert ask(door, "GET", "/health/live/../../api/v1/status").code == "key_needed"
    assert ask(door, "GET", "/metrics").code == "key_needed"


# -- what a server is told -------------------------------------------------------------------------------------------------------


def test_a_server_that_others_reach_needs_a_key(tmp_path):
    keys = Keys(tmp_path / "keys.json")
    for config in (
        ServiceConfig(host="0.0.0.0"), ServiceConfig(host="::"), ServiceConfig(host=""), ServiceConfig(host="192.168.1.5"),
        ServiceConfig(host="box.example"), ServiceConfig(require_key=True), ServiceConfig(allowed_hosts=("box.example",)),
    ):  # fmt: skip
        with pytest.raises(UsageError, match="auricle keys new"):
            config.check(keys)
    ServiceConfig().check(keys)
    ServiceConfig(host="::1", allowed_hosts=("localhost:9000",)).check(keys)
    keys.create("one")
    ServiceConfig(host="0.0.0.0").check(keys)


@pytest.mark.parametrize(
    "wrong",
    [
        {"port": 70000}, {"allowed_hosts": ("http://a",)}, {"allowed_hosts": ("*",)}, {"allowed_hosts": ("a:b:c",)},
        {"allowed_hosts": ("",)},
        {"allowed_origins": ("null",)}, {"allowed_origins": ("http://a/",)}, {"allowed_origins": ("*",)}, {"allow_urls": True},
        {"allow_urls": True, "url_hosts": ("http://a",)},
    ],
)  # fmt: skip
def test_settings_that_make_no_sense(wrong, tmp_path):
    with pytest.raises(UsageError):
        ServiceConfig(**wrong).check(Keys(tmp_path / "keys.json"))


def test_loopback():
    assert all(map(is_loopback, ["127.0.0.1", "localhost", "::1", "[::1]", "127.9.9.9", "Localhost"]))
    assert not any(map(is_loopback, ["", "0.0.0.0", "::", "localhost.evil.example", "127.0.0.1.evil.example", "10.0.0.1"]))
    assert split_host("[0:0::1]:80") == ("::1", 80)


def test_a_door_without_keys_uses_the_users_own():
    assert Door(make_app(), ServiceConfig()).keys.path.name == "keys.json"
