"""Problems by name, each made when it is first asked for."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from duhamel.errors import InputError
from duhamel.problems.problem import Problem

__all__ = ["Library"]

Maker = Callable[..., Problem]


class Library(Mapping[str, Problem]):
    """A mapping from names to problems; making one costs nothing until it is looked up.

    Built from functions by name, whose arguments are the parameters of the problem.
    """

    def __init__(self, makers: Mapping[str, Maker]):
        self._makers = dict(makers)
        self._made: dict[str, Problem] = {}

    def __getitem__(self, name: str) -> Problem:
        if name not in self._made:
            self._made[name] = self._makers[name]()
        return self._made[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._makers)

    def __len__(self) -> int:
        return len(self._makers)

    def __contains__(self, name: object) -> bool:
        return name in self._makers

    def make(self, name: str, **parameters: Any) -> Problem:
        """The problem called `name`, with other parameters than its own if any are given.

        Raises InputError, with the names nearest to it, if there is none, or for a parameter it has not.
        """
        if name not in self._makers:
            near = difflib.get_close_matches(name.lower().replace("_", "-"), self._makers, n=3, cutoff=0.5)
            hint = f"Near it: {', '.join(near)}." if near else "list(dh.problems.PROBLEMS) shows all names."
            raise InputError(f"there is no problem called '{name}'. {hint}")
        if not parameters:
            return self[name]
        known = list(inspect.signature(self._makers[name]).parameters)
        for parameter in parameters:
            if parameter not in known:
                has = ", ".join(known) or "none"
                raise InputError(f"'{name}' has no parameter '{parameter}'; it has: {has}.")
        return self._makers[name](**parameters)
