"""`python -m bench [names…] [--quick] [--out file.json]`: measure, show the table, fill README.md."""

from __future__ import annotations

import argparse
import importlib
import sys
import time
from pathlib import Path

# First of all: its settings must stand before any peer imports and starts JAX.
import duhamel
from bench.machine import describe, sentence
from bench.table import Row, fill, markdown, show, write_json
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
    "sampling_overhead",
    "sampling_errors",
)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="name", help=f"some of {', '.join(NAMES)}; default: all")
    parser.add_argument("--quick", action="store_true", help="fewer turns, smaller sizes, rough numbers")
    parser.add_argument("--out", type=Path, help="also write machine, versions and rows to this JSON file")
    options = parser.parse_args()
    unknown = sorted(set(options.names) - set(NAMES))
    if unknown:
        parser.error(f"there is no {', '.join(unknown)}; there are {', '.join(NAMES)}")
    facts = describe()
    rows = measured(options.names or NAMES, options.quick)
    footer = sentence(facts)
    show(rows, footer)
    if options.out:
        write_json(options.out, rows, facts)
    if not options.names and not options.quick:
        fill(ROOT / "README.md", markdown(rows, footer))
        print("README.md now holds this table.")
    missed = [f"{r.group}: {r.what} / {r.peer}" for r in rows if r.met is False]
    print(f"{sum(r.met is True for r in rows)} bars met, {len(missed)} missed", *missed, sep="\n  ")
    return 0


def measured(names: list[str] | tuple[str, ...], quick: bool) -> list[Row]:
    """All rows of the named measurements, one measurement after another."""
    rows = []
    for name in names:
        began = time.perf_counter()
        print(f"{name} …", end=" ", flush=True, file=sys.stderr)
        try:
            rows += importlib.import_module(f"bench.{name}").measure(quick)
        except ModuleNotFoundError as error:
            sys.exit(f"{error}: the peers come with the extra 'bench', as in pip install '.[bench]'.")
        print(f"{time.perf_counter() - began:.0f} s", file=sys.stderr)
    return rows


if __name__ == "__main__":
    print(f"Duhamel {duhamel.__version__}", file=sys.stderr)
    sys.exit(main())
