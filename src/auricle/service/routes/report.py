"""The page of what was measured: ``/report``, its script and its style. The newest report that was written, or the one that is named."""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import HTMLResponse, Response

from auricle.service.routes.landscape import faces

router = APIRouter(include_in_schema=False)
_HOME = '<a class="plain" href="./">auricle</a>'


@router.get("/report")
def page(name: Annotated[str | None, Query(max_length=200)] = None) -> HTMLResponse:
    from auricle.evaluation import report

    known = {path.stem: path for path in report.kept.reports()}
    shown = next(iter(known), None) if name is None else name
    if shown is None or shown not in known:
        html, status = _none(name), 200 if name is None else 404
    else:
        html, status = known[shown].read_text("utf-8"), 200
    text = report.served(html, _chooser(known, shown) + _HOME)
    return HTMLResponse(text, status_code=status, headers={"Cache-Control": "no-cache"})


@router.get("/report.css")
def css() -> Response:
    from auricle.evaluation import report

    return Response(faces() + report.css(), media_type="text/css", headers={"Cache-Control": "no-cache"})


@router.get("/report.js")
def js() -> Response:
    from auricle.evaluation import report

    return Response(report.js(), media_type="text/javascript", headers={"Cache-Control": "no-cache"})


def _chooser(known: dict[str, Path], shown: str | None) -> str:
    if len(known) < 2:
        return ""
    options = (f"<option{' selected' if name == shown else ''}>{escape(name)}</option>" for name in known)
    return f'<select id="reports" aria-label="Report">{"".join(options)}</select>'


def _none(name: str | None) -> str:
    from auricle.evaluation import report
    from auricle.evaluation.report.blocks import Code, Report, Section, Words

    title = "No report yet" if name is None else "No such report"
    commands = "auricle evaluate tiny-towers --on esc10 --write results.json\nauricle report results.json"
    section = Section("summary", "Measure a model, then write its report", "", [Code(commands), Words("It will stand here.")])
    return report.page(Report(title, "" if name is None else f"There is no report {name!r}.", [section]))
