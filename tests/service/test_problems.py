"""Problems: every error of ours has its status and stable code, what a client sent is not echoed, a defect says nothing of its inside."""

from __future__ import annotations

import ast
import errno
from pathlib import Path
from typing import Annotated, get_args

import pytest
from doorway import ask, make_door
from fastapi import FastAPI, HTTPException, Response
from pydantic import BaseModel, Field

import auricle
from auricle.errors import AudioError, AudioErrorKind, AuricleError, LibraryError, LibraryErrorKind, ModelError, ModelErrorKind, UsageError
from auricle.service import problems
from auricle.service.problems import CODES, ServiceError, as_service_error, audio_code, problem
from auricle.service.schemas import Problem

SERVICE = Path(auricle.__file__).parent / "service"


class Body(BaseModel):
    model_config = {"extra": "forbid"}

    limit: int = Field(default=1, le=500)
    names: list[str] = []
    either: Annotated[str, Field(max_length=9)] | list[Annotated[str, Field(max_length=9)]] = []


@pytest.fixture
def failing(tmp_path):
    """A door to an application that fails as told."""
    app = FastAPI()
    problems.install(app)
    errors = []

    @app.get("/fail")
    async def fail():
        raise errors[0]

    @app.get("/fail-in-a-thread")
    def fail_in_a_thread():
        raise errors[0]

    @app.post("/body")
    async def body(body: Body):
        return body

    @app.get("/late")
    async def late(n: int):
        return Response(b"x" * n)

    door = make_door(tmp_path, app)

    def call(error, target="/fail"):
        errors[:] = [error]
        return ask(door, "GET", target)

    call.door = door
    return call


@pytest.mark.parametrize(
    ("error", "status", "code", "retry"),
    [
        (AudioError("NotAudio", "a", "a is no audio."), 422, "audio_not_audio", None),
        (AudioError("TooLarge", "a", "a is long."), 413, "audio_too_large", None),
        (AudioError("NonFinite", "a", "a is NaN."), 422, "audio_non_finite", None),
        (LibraryError("Busy", "It is written to.", hint="Wait."), 409, "library_busy", "5"),
        (LibraryError("OtherModel", "It is of another model."), 409, "library_other_model", None),
        (LibraryError("NotFound", "9 is not in the library."), 404, "not_found", None),
        (LibraryError("NotALibrary", "No library."), 503, "library_missing", None),
        (LibraryError("Corrupt", "It is damaged."), 503, "library_corrupt", None),
        (LibraryError("DiskFull", "Full."), 507, "disk_full", None),
        (ModelError("Missing", "No such model."), 503, "model_missing", None),
        (ModelError("Capability", "It cannot."), 422, "model_capability", None),
        (UsageError("Wrong."), 400, "usage", None),
        (AuricleError("Odd."), 500, "failed", None),
        (ServiceError(410, "gone", "It went."), 410, "gone", None),
        (ServiceError(503, "busy", "Later.", retry_after=7), 503, "busy", "7"),
        (MemoryError(), 503, "out_of_memory", "10"),
        (OSError(errno.ENOSPC, "No space left on device", "/secret/path"), 507, "disk_full", None),
        (OSError(errno.EMFILE, "Too many open files"), 503, "busy", "1"),
    ],
)
@pytest.mark.parametrize("target", ["/fail", "/fail-in-a-thread"])
def test_errors_of_ours(failing, error, status, code, retry, target):
    answer = failing(error, target)
    assert (answer.status, answer.code, answer.headers.get("retry-after")) == (status, code, retry)
    shown = Problem.model_validate(answer.json)
    assert shown.retryable is (retry is not None)
    assert shown.type == f"urn:auricle:problem:{code}"
    assert shown.title == CODES[code]
    assert shown.request_id == answer.headers["x-request-id"]
    assert b"/secret" not in answer.body
    if isinstance(error, AuricleError):
        assert (shown.detail, shown.hint) == (error.message, error.hint)


@pytest.mark.parametrize(
    "error",
    [ValueError("inside"), OSError(errno.EIO, "Input/output error", "/inside"), RecursionError("inside"),
    ExceptionGroup("inside", [KeyError()]), TimeoutError()],
    ids=lambda error: type(error).__name__,
)  # fmt: skip
def test_defects(failing, error, caplog):
    answer = failing(error)
    assert (answer.status, answer.code) == (500, "internal")
    assert b"inside" not in answer.body
    assert type(error).__name__ in caplog.text
    assert answer.json["request_id"] in caplog.text


def test_every_kind_has_a_place():
    for kind in get_args(AudioErrorKind):
        made = as_service_error(AudioError(kind, "a", "no"))
        assert made.code == audio_code(kind)
        assert made.code in CODES
    for error, kinds in ((LibraryError, LibraryErrorKind), (ModelError, ModelErrorKind)):
        for kind in get_args(kinds):
            assert as_service_error(error(kind, "no")).code in CODES
    assert audio_code("IsFolder") == "audio_is_folder"


def test_every_code_of_the_service_is_in_the_table():
    """A code that is not in the table has no title and is promised to nobody."""
    used = set()
    for path in SERVICE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", getattr(node.func, "attr", "")) in (
                "ServiceError",
                "problem",
                "_made",
            ):
                used |= {(path.name, a.value) for a in node.args[1:2] if isinstance(a, ast.Constant)}
    assert len(used) > 20
    assert not {(name, code) for name, code in used if code not in CODES}


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b'{"limit": 501}', "limit: Input should be less than or equal to 500."),
        (b'{"limit": "x"}', "limit: Input should be a valid integer, unable to parse string as an integer."),
        (b'{"names": ["a", 1]}', "names.1: Input should be a valid string."),
        (b'{"either": 1}', "either: Input should be a valid string. either: Input should be a valid list."),
        (b"{", "The body is not JSON."),
        (b"", "Field required."),
        (b"[" * 100_000, None),
        (b"\xff\xfe", None),
        (b'{"limit": ' + b"9" * 10_000 + b"}", None),
        (b'{"\\ud800": 1}', None),
    ],
)
def test_which_field_is_wrong(failing, body, words):
    answer = ask(failing.door, "POST", "/body", {"content-type": "application/json"}, body=body)
    assert answer.code in ("invalid_request", "bad_request")
    assert answer.status in (400, 422)
    if words:
        assert answer.json["detail"] == words
    assert len(answer.body) < 2000


def test_what_was_sent_is_not_echoed(failing):
    huge = b'{"limit": "' + b"SECRET" * 1000 + b'", "' + b"k" * 50_000 + b'": 1, "a": 1, "b": 1, "c": 1, "d": 1, "e": 1}'
    answer = ask(failing.door, "POST", "/body", {"content-type": "application/json"}, body=huge)
    assert answer.code == "invalid_request"
    assert b"SECRET" not in answer.body
    assert len(answer.body) < 2000
    assert answer.json["detail"].endswith("And 2 more.")


def test_what_the_framework_refuses(failing):
    none, method = ask(failing.door, "GET", "/none"), ask(failing.door, "DELETE", "/body")
    assert (none.status, none.code, none.json["detail"]) == (404, "not_found", "There is nothing at this address.")
    assert (method.status, method.code, method.headers["allow"]) == (405, "method_not_allowed", "POST")
    assert failing(HTTPException(415)).code == "unsupported_media_type"
    assert failing(HTTPException(418, "short and stout")).json["detail"] == "short and stout"
    assert failing(HTTPException(500)).code == "internal"
    assert failing(HTTPException(400, {"a": "dict"})).json["detail"] == "Bad Request."
    assert ask(failing.door, "GET", "/late?n=x").json["detail"].startswith("n: Input should be a valid integer")


@pytest.mark.parametrize("text", ["\ud800", "caf\udce9.wav", "a\x00b", "x" * 100_000, "\U0001f600"])
def test_any_text_can_be_told(text):
    answer = problem(400, "usage", text, hint=text)
    assert len(answer.body) < 10_000
    Problem.model_validate_json(answer.body)


def test_a_head_has_no_body(failing):
    answer = ask(failing.door, "HEAD", "/api", host="evil.example")
    assert (answer.status, answer.body) == (421, b"")
