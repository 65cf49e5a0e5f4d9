"""What was measured, subject by subject: kept in results.json, from which the table in README.md is made.

All subjects together take more than an hour, so each may be measured anew alone. A ratio belongs to one
subject, hence to one run.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import NamedTuple

from bench.machine import sentence
from bench.table import Row, markdown
from bench.timing import ROOT

__all__ = ["KEPT", "Part", "load", "save", "text"]

KEPT = ROOT / "bench" / "results.json"


class Part(NamedTuple):
    """The rows of one subject, and the machine that they were measured on."""

    rows: Sequence[Row]
    facts: Mapping[str, str]


def load(path: Path = KEPT) -> dict[str, Part]:
    """All that was kept, by subject; nothing if there is no file."""
    if not path.exists():
        return {}
    content = json.loads(path.read_text("utf-8"))
    return {
        name: Part([Row(**row) for row in part["rows"]], part["machine"]) for name, part in content.items()
    }


def save(parts: Mapping[str, Part], path: Path = KEPT) -> None:
    """Keep all parts."""
    content = {
        name: {"machine": dict(part.facts), "rows": [asdict(row) for row in part.rows]}
        for name, part in parts.items()
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", "utf-8")


def text(parts: Mapping[str, Part]) -> str:
    """One table of all parts; under it which part was measured where."""
    rows = [row for part in parts.values() for row in part.rows]
    places: dict[str, list[str]] = {}
    for part in parts.values():
        places.setdefault(sentence(part.facts), []).extend(dict.fromkeys(row.group for row in part.rows))
    feet = [f"- {', '.join(dict.fromkeys(groups))}: {place}" for place, groups in places.items()]
    return markdown(rows, "\n".join(feet))
