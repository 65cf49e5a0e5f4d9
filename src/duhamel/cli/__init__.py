"""The command ``duhamel``. ``main`` is its entry point; heavy imports wait until a command needs them."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Sequence

_NEEDS = ("typer", "rich", "zarr", "xarray", "matplotlib")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line ``argv`` (default: that of the process) and return its exit code.

    0: done; 1: a run that failed; 2: bad input; 130: stopped by Ctrl-C.
    """
    missing = [name for name in _NEEDS if importlib.util.find_spec(name) is None]
    if missing:
        sys.stderr.write(
            f"error: the command line needs {', '.join(missing)}; try: pip install 'duhamel[cli]'\n"
        )
        return 2
    from duhamel.cli.app import execute

    return execute(list(sys.argv[1:] if argv is None else argv))
