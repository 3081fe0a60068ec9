"""Apache Parquet, one moment a row, through pyarrow."""

from __future__ import annotations

import io
import os
from typing import Any

from auricle.errors import UsageError
from auricle.formats._rows import Moment
from auricle.formats._writing import Document
from auricle.results import readable


def render(moments: list[Moment], name: str) -> list[Document]:
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError:
        raise UsageError("Parquet needs pyarrow.", hint="Install it with: pip install 'auricle[parquet]' — or choose csv.") from None
    schema = pyarrow.schema(
        [
            ("path", pyarrow.string()),
            ("path_bytes", pyarrow.binary()),  # where the path is not UTF-8
            ("start", pyarrow.float64()),
            ("end", pyarrow.float64()),
            ("label", pyarrow.string()),
            ("score", pyarrow.float64()),
            ("duration", pyarrow.float64()),
            ("rate", pyarrow.int32()),
            ("channels", pyarrow.int32()),
            ("tags", pyarrow.list_(pyarrow.string())),
            ("parts", pyarrow.map_(pyarrow.string(), pyarrow.float64())),
            ("model", pyarrow.string()),
            ("pipeline_id", pyarrow.string()),
        ]
    )
    out = io.BytesIO()
    parquet.write_table(pyarrow.Table.from_pylist([_row(m) for m in moments], schema=schema), out)
    return [Document(out.getvalue())]


def _row(m: Moment) -> dict[str, Any]:
    path = readable(m.path)
    return {
        "path": path,
        "path_bytes": os.fsencode(m.path) if path != m.path else None,
        "start": m.start,
        "end": m.end,
        "label": m.label,
        "score": m.score,
        "duration": m.duration or None,
        "rate": m.rate or None,
        "channels": m.channels or None,
        "tags": list(m.tags),
        "parts": list(m.parts.items()),
        "model": m.model or None,
        "pipeline_id": m.pipeline_id or None,
    }
