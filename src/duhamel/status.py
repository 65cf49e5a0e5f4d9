"""How a run stands: data first (an int in the loop), an enumeration for people."""

from __future__ import annotations

from enum import IntEnum

__all__ = ["Status"]


class Status(IntEnum):
    """State of a run. Inside compiled code it is an int32; it compares equal to these members."""

    running = 0
    done = 1
    step_too_small = 2
    not_finite = 3
    max_steps = 4
    event = 5

    @property
    def failed(self) -> bool:
        return self in (Status.step_too_small, Status.not_finite, Status.max_steps)
