"""A study on disk: JSON with everything, CSV with the rows."""

from __future__ import annotations

import csv
import io
import json
import math
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from duhamel.compare.runs import Row
from duhamel.compare.whole import Study
from duhamel.errors import StoreError

__all__ = ["write_csv", "write_json"]


def write_json(study: Study, path: Path) -> Path:
    """The summary of a study as JSON; numbers that are not finite become null. Raises `StoreError`."""
    text = json.dumps(_plain(study.summary()), indent=1, ensure_ascii=False, allow_nan=False)
    return _written(path, text + "\n")


def write_csv(study: Study, path: Path) -> Path:
    """The rows of a study as CSV, one line for each run. Raises `StoreError`."""
    text = io.StringIO()
    writer = csv.DictWriter(text, [field.name for field in fields(Row)], lineterminator="\n")
    writer.writeheader()
    writer.writerows(asdict(row) for row in study.rows)
    return _written(path, text.getvalue())


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(entry) for entry in value]
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    return value


def _written(path: Path, text: str) -> Path:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as cause:
        raise StoreError(f"Cannot write {str(path)!r}: {cause.strerror or cause}.") from cause
    return path
