"""`python -m bench.orders [sections…]`: measure orders and write docs/orders.md."""

from __future__ import annotations

import argparse
from pathlib import Path

from bench.orders.page import SECTIONS, fill

PAGE = Path(__file__).resolve().parents[2] / "docs" / "orders.md"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.orders", description=__doc__)
    parser.add_argument(
        "names", nargs="*", metavar="section", help=f"some of {', '.join(SECTIONS)}; default: all"
    )
    parser.add_argument("--out", type=Path, default=PAGE, help="the page to write; default: docs/orders.md")
    options = parser.parse_args()
    unknown = sorted(set(options.names) - set(SECTIONS))
    if unknown:
        parser.error(f"there is no {', '.join(unknown)}; there are {', '.join(SECTIONS)}")
    fill(options.out, options.names or list(SECTIONS))


if __name__ == "__main__":
    main()
