"""What a rule is, and all of them by name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from duhamel.errors import InputError
from duhamel.sampling.builder import Builder
from duhamel.sampling.rules import ancestral as own
from duhamel.sampling.rules import earlier as apart
from duhamel.sampling.rules import multistep as many
from duhamel.sampling.rules import reverse_sde as reverse
from duhamel.sampling.rules import singlestep as one
from duhamel.sampling.rules import v3 as tables

__all__ = ["RULES", "Rule", "rule_named"]


@dataclass(frozen=True)
class Rule:
    """A named rule: a function that writes rows, the orders it has, and what it takes by default.

    `linear`, `variable`, `grid`: defaults. `fixed`: names among those which belong to the rule and cannot be
    changed. `noise`: its default level, None where it has no noise. `needs_signal`: cannot start at α = 0.
    `options`: its own options with their defaults.
    """

    name: str
    write: Callable[..., None]
    reference: str
    orders: tuple[int, ...] = (1,)
    order: int = 1
    linear: str = "x0"
    variable: str = "logsnr"
    grid: str = "quadratic"
    fixed: tuple[str, ...] = ()
    noise: float | None = None
    corrector: bool | None = None
    needs_signal: bool = False
    options: dict[str, Any] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)

    def choose(
        self, schedule: Any, steps: int, predicts: str, asked: dict[str, Any], options: dict[str, Any]
    ) -> dict[str, Any]:
        """The full set of choices: what was asked for, otherwise the rule's own; refused in words if
        impossible."""
        defaults = {
            name: getattr(self, name)
            for name in ("order", "linear", "variable", "grid", "corrector", "noise")
        }
        for name, value in asked.items():
            if value is not None and name in self.fixed and value != defaults[name]:
                raise InputError(
                    f"{self.name!r} has {name}={defaults[name]!r} by its definition, not {value!r}; "
                    "'multistep' takes any"
                )
        if asked["order"] is not None and asked["order"] not in self.orders:
            raise InputError(f"{self.name!r} has order {_listed(self.orders)}, not {asked['order']!r}")
        if asked["noise"] is not None and self.noise is None:
            raise InputError(
                f"{self.name!r} is deterministic: leave noise out, or use 'sde-dpm++', 'sa-solver' or "
                "'ddim' (eta)"
            )
        if asked["corrector"] and self.corrector is None:
            raise InputError(
                f"{self.name!r} has no corrector: use 'unipc' or 'multistep' with corrector=True"
            )
        if unknown := options.keys() - self.options.keys():
            known = ", ".join(sorted(self.options)) or "none"
            raise InputError(
                f"{self.name!r} has no option {', '.join(sorted(unknown))}; its options: {known}"
            )
        chosen = {name: value if value is not None else defaults[name] for name, value in asked.items()}
        return chosen | self.options | options

    def build(self, b: Builder, chosen: dict[str, Any]) -> None:
        """Write the rows into a builder."""
        own = {name: chosen[name] for name in self.options}
        if self.corrector is not None:
            own["corrector"] = chosen["corrector"]
        self.write(b, chosen["order"], **self.settings, **own)


def _listed(orders: tuple[int, ...]) -> str:
    return " or ".join(map(str, orders))


def rule_named(name: str) -> Rule:
    """The rule of that name; refused with the known names."""
    if name not in RULES:
        raise InputError(f"no rule {name!r}: use 'default' or one of {', '.join(RULES)}")
    return RULES[name]


_ALL = tuple(range(1, 7))
_LOWER: dict[str, Any] = {"lower": False}
_ENTRIES = (
    Rule(
        "multistep",
        many.multistep,
        "exact exponential Adams–Bashforth, with Adams–Moulton as corrector",
        _ALL,
        3,
        corrector=False,
        noise=0.0,
        options={"lower": False, "skip": 0},
    ),
    Rule("ddim", own.ddim, "2010.02502, Eq. 12", linear="eps", options={"eta": 0.0}),
    Rule(
        "dpm-1",
        one.singlestep,
        "2206.00927, Eq. 3.7",
        linear="eps",
        fixed=("linear",),
        settings={"scheme": "one"},
    ),
    Rule(
        "dpm-2",
        one.singlestep,
        "2206.00927, Alg. 1",
        (2,),
        2,
        "eps",
        grid="logsnr",
        fixed=("linear",),
        settings={"scheme": "middle"},
        options={"refined": False},
    ),
    Rule(
        "dpm-3",
        one.singlestep,
        "2206.00927, Alg. 2",
        (3,),
        3,
        "eps",
        grid="logsnr",
        fixed=("linear",),
        settings={"scheme": "thirds"},
    ),
    Rule("dpm-fast", one.fast, "2206.00927, Sec. 3.4", (3,), 3, "eps", grid="logsnr", fixed=("linear",)),
    Rule(
        "dpm++2s",
        one.singlestep,
        "2211.01095, Alg. 1",
        (2,),
        2,
        grid="logsnr",
        fixed=("linear",),
        settings={"scheme": "middle"},
        options={"refined": False},
    ),
    Rule(
        "dpm++2m",
        many.multistep,
        "2211.01095, Alg. 2",
        (2,),
        2,
        fixed=("linear",),
        settings={"change": "midpoint"},
        options=_LOWER,
    ),
    Rule(
        "dpm++3m",
        many.multistep,
        "exact exponential Adams–Bashforth of order 3",
        (3,),
        3,
        fixed=("linear",),
        options=_LOWER,
    ),
    Rule(
        "3m-lu",
        many.multistep,
        "third-order multistep as commonly shipped; its order is 2",
        (3,),
        3,
        fixed=("linear",),
        settings={"change": "halved"},
        options=_LOWER,
    ),
    Rule(
        "unipc",
        many.unipc,
        "2302.04867, Alg. 1–2",
        _ALL,
        2,
        grid="logsnr",
        corrector=True,
        options={"solver": "bh2", "lower": True, "skip": 0},
    ),
    Rule(
        "deis-tab",
        many.multistep,
        "2204.13902, Eq. 15",
        _ALL[:4],
        3,
        "eps",
        "t",
        fixed=("linear", "variable"),
        options=_LOWER,
    ),
    Rule(
        "rho-ab",
        many.multistep,
        "2204.13902, Sec. 4",
        _ALL[:4],
        3,
        "eps",
        "rho",
        fixed=("linear", "variable"),
        options=_LOWER,
    ),
    Rule(
        "ipndm",
        many.multistep,
        "2204.13902, Eq. 18",
        _ALL[:4],
        4,
        "eps",
        grid="uniform",
        settings={"change": "adams"},
        options=_LOWER,
    ),
    Rule(
        "pndm",
        apart.pndm,
        "2202.09778, Eq. 9–13",
        _ALL[:4],
        4,
        "eps",
        grid="uniform",
        options={"warmup": "plms"},
    ),
    Rule(
        "heun",
        one.singlestep,
        "2206.00364, Alg. 1",
        (2,),
        2,
        "eps",
        "rho",
        "karras",
        settings={"scheme": "ends"},
    ),
    Rule(
        "edm",
        own.edm,
        "2206.00364, Alg. 2",
        (1, 2),
        2,
        "eps",
        "rho",
        "karras",
        options={"churn": 0.0, "s_min": 0.0, "s_max": float("inf"), "s_noise": 1.0},
    ),
    Rule(
        "rf-solver",
        one.singlestep,
        "2411.04746, explicit midpoint",
        (2,),
        2,
        "flow",
        "t",
        "uniform",
        settings={"scheme": "middle"},
    ),
    Rule("bdia", apart.bdia, "2307.10829, Eq. 18", options={"gamma": 1.0}, grid="logsnr"),
    Rule(
        "er-sde",
        own.er_sde,
        "2309.06169",
        _ALL[:3],
        3,
        fixed=("linear",),
        needs_signal=True,
        options={"scale": "er"},
    ),
    Rule(
        "sde-dpm++",
        many.multistep,
        "2211.01095, Sec. 5; exact at order 3",
        _ALL[:3],
        2,
        noise=1.0,
        fixed=("linear",),
        grid="logsnr",
        options=_LOWER,
    ),
    Rule(
        "sa-solver",
        many.multistep,
        "2309.05019, Alg. 1",
        _ALL[:4],
        3,
        noise=1.0,
        corrector=True,
        fixed=("linear",),
        grid="logsnr",
        options={"lower": True, "skip": 0},
    ),
    Rule(
        "dpm-solver-v3",
        tables.v3,
        "2310.13268, Alg. 1–2",
        _ALL[:3],
        3,
        grid="logsnr",
        corrector=True,
        needs_signal=True,
        fixed=("linear", "variable"),
        options={"statistics": None, "lower": True},
    ),
    Rule(
        "dc-solver",
        many.compensated,
        "2409.03755",
        _ALL[:4],
        2,
        grid="logsnr",
        corrector=True,
        options={"ratios": None, "lower": True},
    ),
    Rule(
        "time-shift",
        many.shifted,
        "2305.15583",
        _ALL[:4],
        1,
        options={"shift": 0.0, "above": 0.0, "lower": False},
    ),
    Rule(
        "euler-maruyama",
        reverse.reverse_sde,
        "2011.13456, Eq. 6",
        grid="uniform",
        needs_signal=True,
        settings={"scheme": "euler-maruyama"},
    ),
    Rule(
        "reverse-diffusion",
        reverse.reverse_sde,
        "2011.13456, Eq. 46",
        grid="uniform",
        needs_signal=True,
        settings={"scheme": "reverse-diffusion"},
    ),
    Rule(
        "predictor-corrector",
        reverse.predictor_corrector,
        "2011.13456, Alg. 1",
        grid="uniform",
        needs_signal=True,
        options={"predictor": "reverse-diffusion", "corrections": 1, "snr": 0.16},
    ),
)

RULES: dict[str, Rule] = {rule.name: rule for rule in _ENTRIES}
