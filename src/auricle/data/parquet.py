"""Manifests as Parquet: the same fields in columns, ``extra`` as JSON text."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any

from auricle.data.items import Item, as_document, from_document
from auricle.errors import DataError, UsageError

ROWS = 4096  # of one group: what is held in memory
_MARK = b"auricle.items"
_TEXTS = ("id", "audio", "split", "set", "clip", "source", "licence", "hash", "extra")


def read(path: str, broken: Callable[[DataError], None]) -> Iterator[tuple[int, Item]]:
    """(row, item), rows from 1."""
    parquet, arrow = _library()
    try:
        file = parquet.ParquetFile(path)
    except (arrow.ArrowInvalid, arrow.ArrowException, OSError) as error:
        raise _damaged(path, error) from None
    with file:
        row = 0
        batches = file.iter_batches(batch_size=ROWS)
        while True:
            try:
                batch = next(batches, None)
            except (arrow.ArrowException, OSError) as error:
                raise _damaged(path, error) from None
            if batch is None:
                return
            for document in batch.to_pylist():
                row += 1
                try:
                    yield row, from_document(_from_row(document), f"{path}, row", row)
                except DataError as error:
                    broken(error)


def write(path: str, items: Iterable[Item]) -> int:
    parquet, arrow = _library()
    schema = _schema(arrow)
    count = 0
    rest = iter(items)
    with parquet.ParquetWriter(path, schema, compression="zstd") as writer:
        while group := list(islice(rest, ROWS)):
            try:
                rows = [_to_row(item) for item in group]
                writer.write_table(arrow.Table.from_pylist(rows, schema=schema))
            except UnicodeEncodeError:
                raise DataError(
                    "Invalid", f"{path}: a text is no UTF-8, which Parquet cannot hold.", path=path, hint="Write .jsonl."
                ) from None
            count += len(group)
    return count


def _to_row(item: Item) -> dict[str, Any]:
    document = as_document(item)
    from_document(json.loads(json.dumps(document, allow_nan=False)), f"item {item.id!r}")  # what would not be read back is not written
    if "extra" in document:
        document["extra"] = json.dumps(document["extra"], ensure_ascii=False)
    return document


def _from_row(row: dict[str, Any]) -> dict[str, Any]:
    document = {key: value for key, value in row.items() if value is not None}
    extra = document.get("extra")
    if isinstance(extra, str):
        try:
            document["extra"] = json.loads(extra)
        except (ValueError, RecursionError):
            document["extra"] = extra  # refused as no object
    document["questions"] = [{k: v for k, v in q.items() if v is not None} for q in document.get("questions", ())]
    return document


def _schema(arrow: Any) -> Any:
    text, real = arrow.string(), arrow.float64()
    texts = arrow.list_(text)
    question = arrow.struct([("question", text), ("answer", text), ("options", texts), ("kind", text)])
    event = arrow.struct([("start", real), ("end", real), ("label", text)])
    lists = {"labels": texts, "captions": texts, "questions": arrow.list_(question), "events": arrow.list_(event)}
    columns = {**dict.fromkeys(_TEXTS, text), **dict.fromkeys(("start", "end", "duration"), real), **lists}
    order = Item.__dataclass_fields__
    return arrow.schema([(name, columns[name]) for name in order], metadata={_MARK: b"1"})


def _damaged(path: str, error: Exception) -> DataError:
    said = str(error).partition("\n")[0].rstrip(".")
    return DataError("Damaged", f"{path}: is no Parquet file or was damaged ({said}).", path=path, hint="Copy it again, or make it anew.")


def _library() -> tuple[Any, Any]:
    try:
        import pyarrow
        import pyarrow.parquet as parquet
    except ImportError:
        raise UsageError("Parquet needs pyarrow.", hint='pip install "auricle[parquet]", or use .jsonl.') from None
    return parquet, pyarrow
