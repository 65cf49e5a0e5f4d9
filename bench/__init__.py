"""Measurements of Duhamel beside other libraries and beside the limit of the machine: `python -m bench`."""
