"""`python -m bench [names…] [--quick] [--out file.json]`: measure, show the tables, fill README.md."""

from __future__ import annotations

import argparse
import importlib
import sys
import time
from pathlib import Path

# First of all: its settings must stand before any peer imports and starts JAX.
import duhamel
from bench.machine import describe, sentence
from bench.results import KEPT, Part, load, save, text
from bench.table import fill, show
from bench.timing import ROOT

NAMES = (
    "lorenz",
    "overhead",
    "ks",
    "gradients",
    "navier_stokes",
    "text_tools",
    "growth",
    "stiff",
    "ks_families",
    "regularised",
    "sampling_overhead",
    "sampling_errors",
)
# These write a page of their own.
PAGES = ("ks_families", "sampling_errors")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="name", help=f"some of {', '.join(NAMES)}; default: all")
    parser.add_argument("--quick", action="store_true", help="fewer turns, smaller sizes, rough numbers")
    parser.add_argument("--out", type=Path, help="keep the rows in this file and leave README.md alone")
    options = parser.parse_args()
    unknown = sorted(set(options.names) - set(NAMES))
    if unknown:
        parser.error(f"there is no {', '.join(unknown)}; there are {', '.join(NAMES)}")
    path = options.out or (None if options.quick else KEPT)
    rows = []
    for name in options.names or NAMES:
        part = measured(name, options.quick)
        show(part.rows, sentence(part.facts))
        rows += part.rows
        if path:  # at once: whatever comes next, this was measured
            keep(name, part, path)
    missed = [f"{r.group}: {r.what} / {r.peer}" for r in rows if r.met is False]
    print(f"{sum(r.met is True for r in rows)} bars met, {len(missed)} missed", *missed, sep="\n  ")
    return 0


def measured(name: str, quick: bool) -> Part:
    """All rows of one subject."""
    facts, began, rows = describe(), time.perf_counter(), []
    print(f"{name} …", flush=True, file=sys.stderr)
    try:
        for found in importlib.import_module(f"bench.{name}").measure(quick):
            rows.append(found)
            print("  " + " | ".join(cell for cell in found.cells() if cell), flush=True, file=sys.stderr)
    except ModuleNotFoundError as error:
        sys.exit(f"{error}: the peers come with the extra 'bench', as in pip install '.[bench]'.")
    print(f"  {time.perf_counter() - began:.0f} s", file=sys.stderr)
    return Part(rows, facts)


def keep(name: str, part: Part, path: Path) -> None:
    """Put a part in its place among those kept, and into README.md if they are the ones kept with it."""
    parts = load(path) | {name: part}
    parts = {name: parts[name] for name in NAMES if name in parts}
    save(parts, path)
    if path == KEPT:
        fill(ROOT / "README.md", text({name: parts[name] for name in parts if name not in PAGES}))
        print(f"{path.name} and README.md now hold these rows.")


if __name__ == "__main__":
    print(f"Duhamel {duhamel.__version__}", file=sys.stderr)
    sys.exit(main())
