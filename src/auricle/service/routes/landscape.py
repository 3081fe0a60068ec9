"""The page of the field: ``/landscape``, its script and its style. No call of the API: it is made of what ships."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from fastapi import APIRouter
from starlette.responses import HTMLResponse, Response

router = APIRouter(include_in_schema=False)
_FONTS = Path(__file__).parents[1] / "page" / "assets"


@router.get("/landscape")
def page() -> HTMLResponse:
    return HTMLResponse(_page(), headers={"Cache-Control": "no-cache"})


@router.get("/landscape.css")
def css() -> Response:
    return Response(_css(), media_type="text/css", headers={"Cache-Control": "no-cache"})


@router.get("/landscape.js")
def js() -> Response:
    from auricle.landscape import page

    return Response(page.js(), media_type="text/javascript", headers={"Cache-Control": "no-cache"})


@lru_cache(maxsize=1)
def _page() -> str:
    from auricle import landscape
    from auricle.landscape import page

    return page.served(landscape.load())


@lru_cache(maxsize=1)
def _css() -> str:
    """The rules, in the type of the built page."""
    from auricle.landscape import page

    return faces() + page.css()


def faces() -> str:
    """The type of the built page."""
    return "".join(
        f"@font-face{{font-family:'Inter Variable';font-weight:100 900;src:url('./assets/{path.name}') format('woff2')}}\n"
        for path in _FONTS.glob("inter-latin-*.woff2")
    )
