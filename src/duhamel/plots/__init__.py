"""Pictures and movies of a result: ``picture(dataset, path)`` and ``movie(dataset, path)``."""

from duhamel.plots.movie import movie
from duhamel.plots.picture import picture

__all__ = ["movie", "picture"]
