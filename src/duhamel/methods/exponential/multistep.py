"""Exponential Adams–Bashforth and Adams–Moulton methods of orders 2 to 6; of order 1 they are `etd1`."""

from __future__ import annotations

from typing import ClassVar

from duhamel.methods.exponential.adams import ExponentialAdams

__all__ = ["EAB2", "EAB3", "EAB4", "EAB5", "EAB6", "EAM2", "EAM3", "EAM4", "EAM5", "EAM6"]

_ADAMS = (
    "Nørsett, Lect. Notes Math. 109 (1969), 214–219; Hochbruck & Ostermann, BIT 51 (2011), 889–908; "
    "variable steps: this library"
)


class EAB2(ExponentialAdams):
    """u₁ = e^{hL}u + hφ₁N₀ + hφ₂(N₀ − N₋₁) with equal steps: one evaluation per step, order 2."""

    name: ClassVar[str] = "eab2"
    order: ClassVar[int] = 2
    stiff_order: ClassVar[int | None] = 2
    stages: ClassVar[int] = 1
    error_order: ClassVar[int] = 2
    past: ClassVar[int] = 2
    corrects: ClassVar[bool] = False
    reference: ClassVar[str] = _ADAMS


class EAB3(ExponentialAdams):
    """One evaluation per step, order 3: cheap steps for smooth solutions where L carries the stiffness."""

    name: ClassVar[str] = "eab3"
    order: ClassVar[int] = 3
    stiff_order: ClassVar[int | None] = 3
    stages: ClassVar[int] = 1
    error_order: ClassVar[int] = 3
    past: ClassVar[int] = 3
    corrects: ClassVar[bool] = False
    reference: ClassVar[str] = _ADAMS


class EAB4(ExponentialAdams):
    """One evaluation per step, order 4. Among the Adams–Bashforth methods the usual compromise: higher orders
    bear a less stiff N."""

    name: ClassVar[str] = "eab4"
    order: ClassVar[int] = 4
    stiff_order: ClassVar[int | None] = 4
    stages: ClassVar[int] = 1
    error_order: ClassVar[int] = 4
    past: ClassVar[int] = 4
    corrects: ClassVar[bool] = False
    reference: ClassVar[str] = _ADAMS


class EAB5(ExponentialAdams):
    """One evaluation per step, order 5: for smooth solutions at tight tolerances."""

    name: ClassVar[str] = "eab5"
    order: ClassVar[int] = 5
    stiff_order: ClassVar[int | None] = 5
    stages: ClassVar[int] = 1
    error_order: ClassVar[int] = 5
    past: ClassVar[int] = 5
    corrects: ClassVar[bool] = False
    reference: ClassVar[str] = _ADAMS


class EAB6(ExponentialAdams):
    """One evaluation per step, order 6: for smooth solutions at tight tolerances and a mild N."""

    name: ClassVar[str] = "eab6"
    order: ClassVar[int] = 6
    stiff_order: ClassVar[int | None] = 6
    stages: ClassVar[int] = 1
    error_order: ClassVar[int] = 6
    past: ClassVar[int] = 6
    corrects: ClassVar[bool] = False
    reference: ClassVar[str] = _ADAMS


class EAM2(ExponentialAdams):
    """Predicted by `etd1`, corrected once: two evaluations per step, order 2. It equals `etdrk2`, with an
    estimate."""

    name: ClassVar[str] = "eam2"
    order: ClassVar[int] = 2
    stiff_order: ClassVar[int | None] = 2
    stages: ClassVar[int] = 2
    error_order: ClassVar[int] = 1
    past: ClassVar[int] = 1
    corrects: ClassVar[bool] = True
    reference: ClassVar[str] = _ADAMS


class EAM3(ExponentialAdams):
    """Predicted with order 2, corrected once: two evaluations per step, order 3."""

    name: ClassVar[str] = "eam3"
    order: ClassVar[int] = 3
    stiff_order: ClassVar[int | None] = 3
    stages: ClassVar[int] = 2
    error_order: ClassVar[int] = 2
    past: ClassVar[int] = 2
    corrects: ClassVar[bool] = True
    reference: ClassVar[str] = _ADAMS


class EAM4(ExponentialAdams):
    """Predicted with order 3, corrected once: two evaluations per step, order 4, more stable than
    `eab4`."""

    name: ClassVar[str] = "eam4"
    order: ClassVar[int] = 4
    stiff_order: ClassVar[int | None] = 4
    stages: ClassVar[int] = 2
    error_order: ClassVar[int] = 3
    past: ClassVar[int] = 3
    corrects: ClassVar[bool] = True
    reference: ClassVar[str] = _ADAMS


class EAM5(ExponentialAdams):
    """Predicted with order 4, corrected once: two evaluations per step, order 5."""

    name: ClassVar[str] = "eam5"
    order: ClassVar[int] = 5
    stiff_order: ClassVar[int | None] = 5
    stages: ClassVar[int] = 2
    error_order: ClassVar[int] = 4
    past: ClassVar[int] = 4
    corrects: ClassVar[bool] = True
    reference: ClassVar[str] = _ADAMS


class EAM6(ExponentialAdams):
    """Predicted with order 5, corrected once: two evaluations per step, order 6: the fewest
    evaluations at tight tolerances."""

    name: ClassVar[str] = "eam6"
    order: ClassVar[int] = 6
    stiff_order: ClassVar[int | None] = 6
    stages: ClassVar[int] = 2
    error_order: ClassVar[int] = 5
    past: ClassVar[int] = 5
    corrects: ClassVar[bool] = True
    reference: ClassVar[str] = _ADAMS
