"""Named equations: `get("ks")` is one with its domain, parameters, initial state and end time."""

import difflib

from duhamel.errors import InputError
from duhamel.pde.catalogue import bodies, fluids, odes, patterns, quantum, reaction, transport, waves
from duhamel.pde.catalogue.entry import Entry, OdeEntry

_FAMILIES = (transport, waves, reaction, patterns, fluids, quantum, odes, bodies)

EQUATIONS: dict[str, Entry | OdeEntry] = {
    entry.name: entry for family in _FAMILIES for entry in family.ENTRIES
}


def get(name: str) -> Entry | OdeEntry:
    """The equation called `name`.

    Raises InputError, with the names nearest to it, if there is none.
    """
    if name in EQUATIONS:
        return EQUATIONS[name]
    near = difflib.get_close_matches(
        name.lower().replace("_", "-").replace(" ", "-"), EQUATIONS, n=3, cutoff=0.5
    )
    hint = f"Near it: {', '.join(near)}." if near else "`duhamel list equations` shows all names."
    raise InputError(f"The catalogue has no equation called '{name}'. {hint}")


__all__ = ["EQUATIONS", "Entry", "OdeEntry", "get"]
