"""The door: rates, counts, bodies, and what goes out. Whatever is sent, the server stays up and says the right thing."""

from __future__ import annotations

import asyncio
import logging
import re

import pytest
from doorway import TOKEN, ask, make_app, make_door, send

from auricle.service.config import Limits
from auricle.service.door import CSP
from auricle.service.throttle import Throttle, client_of


@pytest.fixture
def door(tmp_path):
    return make_door(tmp_path)


# -- how much --------------------------------------------------------------------------------------------------------------------


def test_rate(tmp_path):
    door = make_door(tmp_path, require_key=True, limits=Limits(rate=2, burst=3))
    one, two = ({"x-api-key": door.keys.create(name)} for name in ("one", "two"))
    far = {"peer": "192.0.2.7"}
    assert [ask(door, headers=one, **far).status for _ in range(4)] == [200, 200, 200, 429]
    refused = ask(door, headers=one, peer="192.0.2.8")
    assert (refused.code, refused.headers["retry-after"], refused.json["retryable"]) == ("rate_limited", "1", True)
    assert ask(door, headers=two, **far).status == 200, "another client is not held back"


def test_guessing_keys_is_slowed_down(tmp_path):
    door = make_door(tmp_path, require_key=True, limits=Limits(rate=1, burst=2))
    far = {"peer": "192.0.2.7"}
    assert [ask(door, headers={"x-api-key": f"aur_{n}"}, **far).status for n in range(3)] == [401, 401, 429]
    assert ask(door, "GET", "/?token=wrong", **far).status == 429
    assert ask(door, headers={"x-api-key": door.keys.create("one")}, **far).status == 200, "who has a key is let in"


def test_who_watches_the_server_may_not_load_it(tmp_path):
    door = make_door(tmp_path, limits=Limits(rate=1, burst=2))
    assert [ask(door, "GET", "/health/live", peer="192.0.2.7").status for _ in range(3)] == [200, 200, 429]


def test_buckets_fill_again_and_are_not_kept_for_ever():
    now = [0.0]
    throttle = Throttle(Limits(rate=10, burst=1), lambda: now[0])
    throttle.charge("a", local=False)
    with pytest.raises(Exception, match="requests a second"):
        throttle.charge("a", local=False)
    now[0] = 0.11
    throttle.charge("a", local=False)
    for n in range(10_000):
        throttle.charge(str(n), local=False)
    assert len(throttle._buckets) <= 4096


def test_a_network_of_ipv6_is_one_client():
    assert client_of("2001:db8:1:2::1") == client_of("2001:db8:1:2:ffff::9") != client_of("2001:db8:1:3::1")
    assert (client_of("127.0.0.1"), client_of("::1"), client_of("")) == ("127.0.0.1", "::1", "")


def test_concurrency(tmp_path):
    app = make_app()
    door = make_door(tmp_path, app, limits=Limits(concurrency=3, client_concurrency=2))
    key = {"x-api-key": door.keys.create("one")}

    async def run():
        app.state.gate = asyncio.Event()
        held = [asyncio.create_task(send(door, "GET", "/api/v1/hold")) for _ in range(2)]
        await asyncio.sleep(0.05)
        one_too_many = await send(door)
        held.append(asyncio.create_task(send(door, "GET", "/api/v1/hold", key)))
        await asyncio.sleep(0.05)
        full, health = await send(door, headers=key), await send(door, "GET", "/health/live")
        app.state.gate.set()
        return one_too_many, full, health, [answer.status for answer in await asyncio.gather(*held)], await send(door)

    one_too_many, full, health, held, after = asyncio.run(run())
    assert (one_too_many.status, one_too_many.code) == (429, "too_many_at_once")
    assert (full.status, full.code, full.headers["retry-after"]) == (503, "busy", "1")
    assert health.status == 200, "whoever watches the server is not told that it is dead"
    assert held == [200, 200, 200]
    assert after.status == 200


# -- bodies ----------------------------------------------------------------------------------------------------------------------

SMALL = Limits(json_bytes=1000, inline_bytes=2000, upload_bytes=4000, body_idle_seconds=0.2, body_seconds=0.6)


@pytest.mark.parametrize(
    ("path", "limit"),
    [
        ("/api/v1/tags", 1000),
        ("/api/v1/libraries/one/index", 1000),
        ("/v1/embeddings", 2000),
        ("/mcp", 1000),
        ("/api/v1/uploads", 4000 + 65536),
    ],
)
def test_bodies_are_bounded(tmp_path, path, limit):
    door = make_door(tmp_path, limits=SMALL)
    assert ask(door, "POST", path, body=[b"x" * (limit - 1), b"x"]).json == {"length": limit}
    assert ask(door, "POST", path, body=[b"x" * limit, b"x"]).code == "body_too_large"
    announced = ask(door, "POST", path, {"content-length": str(limit + 1)}, body=[b"x" * (limit + 1)])
    assert (announced.status, announced.code, announced.headers["connection"]) == (413, "body_too_large", "close")
    assert door.throttle.waiting_bytes == 0


def test_an_endless_body_is_not_read_to_its_end(tmp_path):
    door = make_door(tmp_path, limits=SMALL)
    answer = ask(door, "POST", "/api/v1/tags", body=[b"x" * (1 << 20)] * 1000)
    assert answer.code == "body_too_large"
    assert answer.ended
    assert answer.left > 990


def test_the_answer_to_a_large_body_is_ours_although_the_framework_has_its_own(tmp_path):
    """FastAPI makes a 400 of whatever happens while it reads a body."""
    door = make_door(tmp_path, limits=SMALL)
    json = {"content-type": "application/json"}
    answer = ask(door, "POST", "/api/v1/search", json, body=[b'{"query": "', b"x" * 2000, b'"}'])
    assert answer.code == "body_too_large"


@pytest.mark.parametrize("length", ["-1", "1e3", "x", "٣", "", "9" * 30])
def test_a_length_that_is_none(tmp_path, length):
    answer = ask(make_door(tmp_path), "POST", "/api/v1/tags", {"content-length": length.encode().decode("latin-1")})
    assert answer.code == ("body_too_large" if length == "9" * 30 else "bad_request")


def test_a_slow_body_does_not_hold_the_server(tmp_path):
    door = make_door(tmp_path, limits=SMALL)
    stalled = ask(door, "POST", "/api/v1/tags", body=[b"x", 5.0, b"x"])
    assert (stalled.status, stalled.code) == (408, "body_too_slow")
    dripping = ask(door, "POST", "/api/v1/tags", body=[part for _ in range(50) for part in (b"x", 0.05)])
    assert (dripping.status, dripping.code) == (408, "body_too_slow")


def test_all_bodies_together_are_bounded(tmp_path):
    door = make_door(tmp_path, limits=Limits(waiting_bytes=3000))

    async def run():
        first = asyncio.create_task(send(door, "POST", "/api/v1/tags", body=[b"x" * 2000, 0.3, b"x"]))
        await asyncio.sleep(0.1)
        return await send(door, "POST", "/api/v1/tags", body=b"x" * 2000), await first

    second, first = asyncio.run(run())
    assert (second.status, second.code, second.headers["retry-after"]) == (503, "busy", "1")
    assert first.json == {"length": 2001}
    assert door.throttle.waiting_bytes == 0


# -- what goes out ---------------------------------------------------------------------------------------------------------------


def test_headers_are_on_everything(tmp_path):
    door = make_door(tmp_path)
    answers = [
        ask(door), ask(door, "GET", "/none"), ask(door, host="evil.example"), ask(door, headers={"origin": "null"}),
        ask(door, "GET", "/api/v1/broken"), ask(door, "GET", "/api/v1/stream"), ask(door, "GET", "/health/live"),
        ask(door, "GET", f"/?token={TOKEN}"), ask(door, "GET", "/?token=no"), ask(door, "POST", "/api/v1/search", body=b"{"),
    ]  # fmt: skip
    assert [answer.status for answer in answers] == [200, 404, 421, 403, 500, 200, 200, 303, 403, 422]
    for answer in answers:
        assert answer.headers["content-security-policy"] == CSP
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["cross-origin-opener-policy"] == answer.headers["cross-origin-resource-policy"] == "same-origin"
        assert answer.headers["permissions-policy"].startswith("microphone=(self)")
        assert re.fullmatch("[0-9a-f]{16}", answer.headers["x-request-id"])
        assert "access-control-allow-origin" not in answer.headers
    assert "unsafe" not in CSP


def test_an_application_cannot_weaken_the_headers(tmp_path):
    async def app(scope, receive, send):
        headers = [(b"Content-Security-Policy", b"default-src *"), (b"x-request-id", b"other"), (b"content-type", b"audio/wav")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    answer = ask(make_door(tmp_path, app))
    assert answer.headers["content-security-policy"] == CSP
    assert answer.headers["x-request-id"] != "other"
    assert "cache-control" not in answer.headers, "sound may be kept by the browser"
    assert ask(make_door(tmp_path)).headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    ("given", "taken"), [("abc-1.2_X", True), ("a" * 64, True), ("a" * 65, False), ("a b", False), ("a\r\nb: c", False)]
)
def test_request_ids(door, given, taken):
    assert (ask(door, headers={"x-request-id": given}).headers["x-request-id"] == given) is taken
    refused = ask(door, headers={"x-request-id": given, "origin": "null"})
    assert refused.json["request_id"] == refused.headers["x-request-id"]


def test_a_stream_streams(tmp_path):
    arrived = []

    async def run():
        door = make_door(tmp_path)
        loop = asyncio.get_running_loop()
        inner = door.app

        async def watched(scope, receive, give):
            async def timed(message):
                arrived.append(loop.time())
                await give(message)

            await inner(scope, receive, timed)

        door.app = watched
        return await send(door, "GET", "/api/v1/stream")

    assert asyncio.run(run()).body == b"0\n1\n2\n"
    assert arrived[-1] - arrived[0] > 0.1, "the pieces came one by one"


def test_a_defect_is_told_to_the_log_once_and_not_to_the_client(door, caplog):
    answer = ask(door, "GET", "/api/v1/broken")
    assert (answer.status, answer.code) == (500, "internal")
    assert b"ZeroDivision" not in answer.body
    assert b"inside" not in answer.body
    told = [record for record in caplog.records if record.exc_info]
    assert len(told) == 1
    assert answer.json["request_id"] in told[0].getMessage()


def test_half_an_answer_is_not_taken_for_a_whole_one(door):
    with pytest.raises(ZeroDivisionError):
        ask(door, "GET", "/api/v1/cut")


def test_a_defect_outside_the_framework_is_a_problem_too(tmp_path):
    async def app(scope, receive, send):
        raise MemoryError if scope["path"] == "/memory" else KeyError("inside")

    assert ask(make_door(tmp_path, app), "GET", "/memory").code == "out_of_memory"
    assert ask(make_door(tmp_path, app), "GET", "/other").code == "internal"


def test_the_log_names_requests_but_no_secrets(tmp_path, caplog):
    caplog.set_level(logging.INFO, "auricle.service")
    door = make_door(tmp_path)
    secret = door.keys.create("laptop")
    ask(door, "GET", f"/?token={TOKEN}")
    ask(door, "GET", "/api/v1/status?q=private", {"x-api-key": secret})
    ask(door, "GET", "/api/\n\x1b[31mforged")
    text = caplog.text
    assert "key laptop GET /api/v1/status 200" in text
    assert "GET /api/\\n\\x1b[31mforged" in text
    for hidden in (TOKEN, secret, "private"):
        assert hidden not in text


def test_websockets_are_refused_and_lifespan_goes_through(tmp_path):
    sent, passed = [], []

    async def app(scope, receive, send):
        passed.append(scope["type"])

    async def receive():
        return {"type": "websocket.connect"}

    async def keep(message):
        sent.append(message)

    door = make_door(tmp_path, app)
    asyncio.run(door({"type": "websocket", "path": "/", "headers": []}, receive, keep))
    asyncio.run(door({"type": "lifespan"}, receive, keep))
    assert sent == [{"type": "websocket.close", "code": 1008}]
    assert passed == ["lifespan"]
