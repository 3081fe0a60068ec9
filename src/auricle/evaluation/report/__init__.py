"""A report of what was measured: one page that needs nothing else, and the same in Markdown.

from auricle.evaluation import report

found = report.compose(report.read(["esc10.json", "audit.json"]), "auricle report esc10.json audit.json -o report.html")
html, markdown = report.page(found), report.markdown(found)
"""

from __future__ import annotations

from auricle.evaluation.report import kept
from auricle.evaluation.report.composing import compose
from auricle.evaluation.report.document import Results, read
from auricle.evaluation.report.html import css, js, page, served
from auricle.evaluation.report.markdown import markdown

__all__ = ["Results", "compose", "css", "js", "kept", "markdown", "page", "read", "served"]
