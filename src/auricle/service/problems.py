"""Every error as ``application/problem+json`` (RFC 9457): a stable ``code`` for programs, a line and the way out for people."""

from __future__ import annotations

import errno
import logging
import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import Response

from auricle.errors import AudioError, AuricleError, LibraryError, ModelError, UsageError

if TYPE_CHECKING:
    from auricle.service.schemas import OpenAIProblem, Problem

log = logging.getLogger("auricle.service")

MEDIA_TYPE = "application/problem+json"
LONGEST = 1000  # characters of a detail or hint

# Stable codes: never renamed, never with another meaning. AudioError kinds are added below.
CODES: dict[str, str] = {
    "bad_request": "The request cannot be understood",
    "usage": "The request asks for something that cannot be",
    "invalid_request": "A field of the request is wrong",
    "key_needed": "A key is needed",
    "wrong_key": "The key is not valid",
    "scope_missing": "The key does not allow this",
    "session_needed": "The page is not signed in",
    "wrong_token": "The link of the page is out of date",
    "cross_site": "Another site may not do this",
    "page_header_missing": "The request does not come from the page",
    "wrong_host": "The server does not go by this name",
    "forbidden": "This is not allowed",
    "local_only": "Only a client on the server's own machine may do this",
    "not_found": "There is no such thing",
    "gone": "It was there, and is not any more",
    "method_not_allowed": "This cannot be done here",
    "not_acceptable": "No acceptable form of the answer",
    "conflict": "It does not go with what is there",
    "invalid_cursor": "The cursor is none of this server's",
    "invalid_audio": "The audio is not encoded as it should be",
    "upload_gone": "The clip is not held any more",
    "stale_cursor": "The page of the list is out of date",
    "export_too_large": "The export is too large",
    "job_running": "The library is at work already",
    "library_empty": "Nothing has been indexed yet",
    "model_not_found": "There is no such model here",
    "no_file_manager": "There is nothing to show folders with",
    "overloaded": "Too much is waiting",
    "body_too_large": "The body is too large",
    "body_too_slow": "The body came too slowly",
    "unsupported_media_type": "The body is of a type that is not read here",
    "range_not_satisfiable": "There is nothing in the range asked for",
    "rate_limited": "Too many requests",
    "too_many_at_once": "Too many requests at once",
    "busy": "The server is busy",
    "shutting_down": "The server is shutting down",
    "library_busy": "The library is being written to",
    "library_other_model": "The library belongs to another model",
    "library_missing": "The library is not there",
    "library_corrupt": "The library is damaged",
    "library_read_only": "The library cannot be written to",
    "library_newer": "A newer auricle made the library",
    "taught_other_model": "It was taught on another model",
    "model_missing": "The model is not on this machine",
    "model_damaged": "The model is damaged",
    "model_unsupported": "The model is of a kind that is not read here",
    "model_capability": "The model cannot do this",
    "model_network": "The model could not be fetched",
    "disk_full": "The disk is full",
    "out_of_memory": "There is not enough memory",
    "urls_off": "URLs are not allowed",
    "url_refused": "This URL may not be fetched",
    "url_failed": "The URL could not be fetched",
    "url_timeout": "The URL did not answer in time",
    "url_too_large": "The URL gives too much",
    "failed": "It could not be done",
    "unavailable": "The server cannot do this now",
    "internal": "A defect in the server",
}

_LIBRARY = {
    "NotALibrary": (503, "library_missing"), "OtherModel": (409, "library_other_model"), "Busy": (409, "library_busy"),
    "Corrupt": (503, "library_corrupt"), "DiskFull": (507, "disk_full"), "ReadOnly": (409, "library_read_only"),
    "Newer": (503, "library_newer"), "NotFound": (404, "not_found"),
}  # fmt: skip
_MODEL = {
    "Missing": (503, "model_missing"), "Damaged": (503, "model_damaged"), "Unsupported": (503, "model_unsupported"),
    "Capability": (422, "model_capability"), "Network": (502, "model_network"), "DiskFull": (507, "disk_full"),
}  # fmt: skip
_HTTP = {
    400: "bad_request", 401: "key_needed", 403: "forbidden", 404: "not_found", 405: "method_not_allowed", 406: "not_acceptable",
    408: "body_too_slow", 409: "conflict", 410: "gone", 413: "body_too_large", 415: "unsupported_media_type",
    416: "range_not_satisfiable", 421: "wrong_host", 422: "invalid_request", 429: "rate_limited", 503: "unavailable",
    507: "disk_full",
}  # fmt: skip
_RETRYABLE = {"library_busy": 5, "busy": 1, "rate_limited": 1, "too_many_at_once": 1, "out_of_memory": 10, "model_network": 30}


# How pydantic names the branches of a union among the fields; to a client they are no place in what it sent.
_BRANCH = re.compile(r"str|int|float|bool|constrained-\w+|(?:list|dict|tuple|set|function)\S*\[.*\]|function-\S+")


def audio_code(kind: str) -> str:
    """``NotAudio`` → ``audio_not_audio``."""
    return "audio_" + re.sub(r"(?<!^)(?=[A-Z])", "_", kind).lower()


CODES.update(
    {
        audio_code(kind): title
        for kind, title in {
            "Missing": "The sound file is not there", "IsFolder": "A folder is no sound", "Denied": "The sound file may not be read",
            "Empty": "There is no sound in it", "NotAudio": "It is no audio", "Unsupported": "It is audio of a kind that is not read",
            "Truncated": "The sound ends too early", "TooLarge": "The sound is too large", "NonFinite": "The sound holds no numbers",
            "Crashed": "The sound cannot be decoded", "Timeout": "The sound cannot be decoded in time",
            "Unreadable": "The sound file cannot be read",
        }.items()
    }
)  # fmt: skip


class ServiceError(Exception):
    """An answer that is a problem. ``retry_after``: seconds, which also says that trying again makes sense."""

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        *,
        hint: str = "",
        retryable: bool = False,
        retry_after: int | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status, self.code, self.detail, self.hint = status, code, detail, hint
        self.retryable = retryable or retry_after is not None
        self.headers = dict(headers or {})
        if retry_after is not None:
            self.headers["Retry-After"] = str(max(1, retry_after))

    def document(self, request_id: str = "") -> Problem:
        """What it says, where an answer has begun already and can only end so."""
        return _document(self.status, self.code, self.detail, self.hint, self.retryable, request_id)

    def response(self, request_id: str = "", *, openai: bool = False) -> Response:
        """The answer itself."""
        return problem(
            self.status, self.code, self.detail, hint=self.hint, retryable=self.retryable, request_id=request_id, headers=self.headers,
            openai=openai,
        )  # fmt: skip


def problem(
    status: int,
    code: str,
    detail: str,
    *,
    hint: str = "",
    retryable: bool = False,
    request_id: str = "",
    headers: Mapping[str, str] | None = None,
    openai: bool = False,
) -> Response:
    """An answer of the shape of ``schemas.Problem``; openai: with what OpenAI's clients look for beside it."""
    body = _document(status, code, detail, hint, retryable, request_id)
    if openai:
        body.error = openai_error(body).error
    text = body.model_dump_json(exclude=None if openai else {"error"})
    return Response(text, status_code=status, media_type=MEDIA_TYPE, headers={"Cache-Control": "no-store", **(headers or {})})


def openai_error(document: Problem) -> OpenAIProblem:
    """A problem as OpenAI says it."""
    from auricle.service.schemas import OpenAIError, OpenAIProblem

    kinds = {401: "authentication_error", 403: "permission_error", 404: "not_found_error", 429: "rate_limit_error"}
    kind = kinds.get(document.status, "server_error" if document.status >= 500 else "invalid_request_error")
    return OpenAIProblem(error=OpenAIError(message=f"{document.detail} {document.hint}".strip(), type=kind, code=document.code))


def is_openai(scope: Any) -> bool:
    """Whether a request speaks OpenAI's language."""
    return str(scope.get("path", "")).startswith("/v1/")


def _document(status: int, code: str, detail: str, hint: str, retryable: bool, request_id: str) -> Problem:
    from auricle.service.schemas import Problem

    return Problem(
        type=f"urn:auricle:problem:{code}", title=CODES.get(code) or _phrase(status), status=status, detail=_clean(detail), code=code,
        hint=_clean(hint), retryable=retryable, request_id=request_id,
    )  # fmt: skip


def as_service_error(error: BaseException) -> ServiceError | None:
    """What an error of ours, or of a machine at its limits, answers; None where it is a defect."""
    if isinstance(error, ServiceError):
        return error
    if isinstance(error, AuricleError):
        status, code = _place(error)
        return _made(status, code, error.message, error.hint)
    if isinstance(error, MemoryError):
        return _made(503, "out_of_memory", "There is not enough memory for this.", "Ask for less, or try again later.")
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return _made(507, "disk_full", "The server's disk is full.", "Free some space on it.")
    if isinstance(error, OSError) and error.errno in (errno.EMFILE, errno.ENFILE):
        return _made(503, "busy", "The server has too many files open.", "Try again in a moment.")
    return None


def install(app: FastAPI) -> None:
    """Make every error of ``app`` a problem. What is a defect goes to the log with its traceback, and to the client without."""

    async def ours(request: Request, error: Exception) -> Response:
        known = as_service_error(error)
        if known is None:
            return await defect(request, error)
        if known.status >= 500:
            log.warning("%s %s: %s", request_id_of(request.scope), known.code, known.detail)
        return known.response(request_id_of(request.scope), openai=is_openai(request.scope))

    async def invalid(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        words, openai = in_words(error.errors()), is_openai(request.scope)
        return problem(422, "invalid_request", words, request_id=request_id_of(request.scope), openai=openai)

    async def http(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        code = _HTTP.get(error.status_code) or ("internal" if error.status_code >= 500 else "bad_request")
        detail = error.detail if isinstance(error.detail, str) and error.detail != _phrase(error.status_code) else ""
        return problem(
            error.status_code, code, detail or _detail(error.status_code), request_id=request_id_of(request.scope), headers=error.headers,
            openai=is_openai(request.scope),
        )  # fmt: skip

    async def vanished(request: Request, error: Exception) -> Response:
        return problem(400, "bad_request", "The request ended before its body did.", request_id=request_id_of(request.scope))

    async def defect(request: Request, error: Exception) -> Response:
        request_id = request_id_of(request.scope)
        log.error("%s %s %s failed", request_id, request.method, request.scope.get("path", "")[:200], exc_info=error)
        request.scope.setdefault("state", {})["logged"] = error  # the door need not say it again
        return internal(request_id, openai=is_openai(request.scope))

    for kind in (ServiceError, AuricleError, MemoryError, OSError):
        app.add_exception_handler(kind, ours)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(HTTPException, http)
    app.add_exception_handler(ClientDisconnect, vanished)
    app.add_exception_handler(Exception, defect)


def internal(request_id: str, *, openai: bool = False) -> Response:
    """The answer to a defect, which tells nothing of its inside."""
    hint = "Please report it, with request_id and the server's log."
    return problem(500, "internal", "The server met a defect while it worked on this.", hint=hint, request_id=request_id, openai=openai)


def request_id_of(scope: Any) -> str:
    """The id that the door gave to this request."""
    return str(scope.get("state", {}).get("request_id", ""))


def in_words(errors: Any) -> str:
    """What is wrong with a request, field by field; of what was sent it repeats names of fields only, and those cut short."""
    said = []
    for error in list(errors)[:5]:
        where = ".".join(str(part)[:40] for part in list(error.get("loc", ()))[1:8] if not _BRANCH.fullmatch(str(part)))
        if error.get("type") == "json_invalid":
            said.append("The body is not JSON.")
            continue
        message = str(error.get("msg", "is wrong"))[:200].rstrip(".")
        said.append(f"{where}: {message}." if where else f"{message}.")
    more = len(errors) - 5
    return " ".join(said) + (f" And {more} more." if more > 0 else "")


def _place(error: AuricleError) -> tuple[int, str]:
    if isinstance(error, AudioError):
        return (413 if error.kind == "TooLarge" else 422), audio_code(error.kind)
    if isinstance(error, LibraryError):
        return _LIBRARY[error.kind]
    if isinstance(error, ModelError):
        return _MODEL[error.kind]
    return (400, "usage") if isinstance(error, UsageError) else (500, "failed")


def _made(status: int, code: str, detail: str, hint: str) -> ServiceError:
    return ServiceError(status, code, detail, hint=hint, retry_after=_RETRYABLE.get(code))


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Error"


def _detail(status: int) -> str:
    return {
        404: "There is nothing at this address.", 405: "This address does not know that method.",
        415: "The body is of a type that is not read here.",
    }.get(status, f"{_phrase(status)}.")  # fmt: skip


def _clean(text: str) -> str:
    """Names of files, and what a client sends, need not be text; what is answered is."""
    text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"
