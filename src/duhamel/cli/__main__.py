"""``python -m duhamel.cli``: the same as the command ``duhamel``."""

import sys

from duhamel.cli import main

if __name__ == "__main__":
    sys.exit(main())
