"""The field as data: models, sets, benchmarks, objectives, tasks, encoders and how they hang together, each statement with its source.

    from auricle import landscape
    landscape.contamination("laion-clap", "esc50").verdict          # "partly"
    landscape.show("wavcaps").record.said("licence-text")
    landscape.load().out("muchomusic", "derived-from")

Records are YAML below ``records/``; ``python -m auricle.landscape.compile`` validates them into the one JSON that ships and loads in
milliseconds. A leaf: imports nothing of ours but errors.
"""

from __future__ import annotations

from auricle.landscape.conflicts import Conflict, conflicts
from auricle.landscape.contamination import Finding, Report, contamination
from auricle.landscape.exporting import export
from auricle.landscape.gaps import Gap, gaps
from auricle.landscape.graph import Lineage, Step, path, trace
from auricle.landscape.licences import Terms, terms
from auricle.landscape.loading import load
from auricle.landscape.names import resolve as one
from auricle.landscape.questions import Comparison, Hit, Shown, cite, compare, find, show, stats, timeline
from auricle.landscape.schema import Edge, Fact, Figure, Landscape, Paper, Record

__all__ = [
    "Comparison",
    "Conflict",
    "Edge",
    "Fact",
    "Figure",
    "Finding",
    "Gap",
    "Hit",
    "Landscape",
    "Lineage",
    "Paper",
    "Record",
    "Report",
    "Shown",
    "Step",
    "Terms",
    "cite",
    "compare",
    "conflicts",
    "contamination",
    "export",
    "find",
    "gaps",
    "load",
    "one",
    "path",
    "show",
    "stats",
    "terms",
    "timeline",
    "trace",
]
