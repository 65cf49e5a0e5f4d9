"""`PlanScheduler`: what diffusers' pipelines ask of a scheduler, answered from a plan."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from inspect import signature
from typing import Any, ClassVar

import torch
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.schedulers.scheduling_utils import KarrasDiffusionSchedulers, SchedulerMixin
from diffusers.utils.outputs import BaseOutput
from diffusers.utils.torch_utils import randn_tensor

from duhamel.errors import InputError
from duhamel.sampling.diffusers import spacing
from duhamel.sampling.diffusers.configs import MARK, translated
from duhamel.sampling.diffusers.outputs import betas_and_alphas, clipped, levels
from duhamel.sampling.diffusers.paths import Path, path_of
from duhamel.sampling.diffusers.runs import Chain, Memory, Run, advanced, places, storage_of
from duhamel.sampling.diffusers.tables import made, planned, rows_per_step
from duhamel.sampling.program import x0_relation
from duhamel.sampling.table import Plan

__all__ = ["PlanScheduler", "PlanSchedulerOutput"]

Tensor = torch.Tensor
_KEPT_PLANS = 16
_BEFORE = 50  # steps of a scheduler that is asked to step before set_timesteps


@dataclass
class PlanSchedulerOutput(BaseOutput):
    """`prev_sample`: the next state, in the dtype of the sample; `pred_original_sample`: x̂₀ at this row."""

    prev_sample: Tensor
    pred_original_sample: Tensor | None = None


class PlanScheduler(SchedulerMixin, ConfigMixin):
    """A plan as a scheduler of diffusers: x_{i+1} = Σₖ x[i,k] x_{i−k} + Σₖ m[i,k] m_{i−k} + Σₖ z[i,k]
    z_{i−k}, one row a step.

        config = pipe.scheduler.config
        pipe.scheduler = PlanScheduler.from_config(config)                   # the default of sampling.plan
        pipe.scheduler = PlanScheduler.from_config(config, rule="unipc", order=3, grid="config")

    Of its own: `rule`, `order`, `grid`, `variable`, `linear`, `corrector`, `noise`, `start` and `options`
    (those of the rule) as in `sampling.plan`; None is the rule's own choice. `grid="config"` takes the
    levels that the configuration names (`timestep_spacing`, `use_karras_sigmas`, …). `path`: "vp" (from its
    betas), "flow", "edm", "edm-arctan" (Stable Audio), "angle" (IPNDM); `from_config` finds it.
    `integer_timesteps` rounds times to whole ones, for networks that look them up in a table. All others
    mean what they mean in diffusers. A list of sigmas or timesteps given to a pipeline is obeyed, except
    the 1 … 1/n that flow pipelines pass by themselves.

    States are x = α x₀ + σ z everywhere, so inputs are scaled for EDM networks alone. A step needs no
    number from the device. Rules with several evaluations a step have as many entries in `timesteps`
    (`order` of them a step). A step that follows none (image to image) begins with the table for the times
    left. Several threads, or several batches in turn, may share one object. 16-bit samples are kept in
    float32 between steps. Raises `InputError` for what cannot work together.
    """

    _compatibles: ClassVar[list[str]] = [
        entry.name for entry in KarrasDiffusionSchedulers if entry.name != "DPMSolverSDEScheduler"
    ]

    @register_to_config
    def __init__(
        self,
        num_train_timesteps: int = 1000,
        beta_start: float = 0.0001,
        beta_end: float = 0.02,
        beta_schedule: str = "linear",
        trained_betas: Any = None,
        prediction_type: str = "epsilon",
        path: str = "vp",
        rescale_betas_zero_snr: bool = False,
        snr_shift_scale: float = 1.0,
        timestep_spacing: str = "leading",
        steps_offset: int = 1,
        use_karras_sigmas: bool | None = False,
        use_exponential_sigmas: bool | None = False,
        use_beta_sigmas: bool | None = False,
        use_lu_lambdas: bool | None = False,
        final_sigmas_type: str = "zero",
        clip_sample: bool = False,
        clip_sample_range: float = 1.0,
        thresholding: bool = False,
        dynamic_thresholding_ratio: float = 0.995,
        sample_max_value: float = 1.0,
        variance_type: str | None = None,
        use_flow_sigmas: bool | None = False,
        flow_shift: float | None = 1.0,
        shift: float = 1.0,
        use_dynamic_shifting: bool = False,
        time_shift_type: str = "exponential",
        base_shift: float | None = 0.5,
        max_shift: float | None = 1.15,
        base_image_seq_len: int | None = 256,
        max_image_seq_len: int | None = 4096,
        shift_terminal: float | None = None,
        invert_sigmas: bool = False,
        sigma_min: float | None = None,
        sigma_max: float | None = None,
        sigma_data: float | None = None,
        sigma_schedule: str = "karras",
        rho: float = 7.0,
        rule: str = "default",
        order: int | None = None,
        grid: Any = None,
        variable: str | None = None,
        linear: Any = None,
        corrector: bool | None = None,
        noise: float | None = None,
        start: float | None = None,
        integer_timesteps: bool = False,
        options: dict[str, Any] | None = None,
    ):
        self.register_to_config(**{MARK: True})
        if "_use_default_values" in self.config:
            self.register_to_config(_use_default_values=sorted(self.config["_use_default_values"]))
        self._memory = Memory()
        self._plans: dict[Any, Plan] = {}
        self._known, self._seen = path_of(self.config), self._internal_dict
        if hasattr(self._known.schedule, "alphas_cumprod"):
            self.betas, self.alphas, self.alphas_cumprod = betas_and_alphas(self.config)
            self.final_alpha_cumprod = torch.tensor(1.0)

    @classmethod
    def from_config(cls, config: Any = None, return_unused_kwargs: bool = False, **kwargs: Any) -> Any:
        """A scheduler from the configuration of any other: its noise schedule, prediction and shifts, with
        our rule. Keywords go before what it says. Raises `InputError` for samplers of distilled networks,
        tokens, and others that no plan stands in for."""
        if isinstance(config, dict) and MARK not in config:
            ours = {
                name: entry.default
                for name, entry in signature(cls.__init__).parameters.items()
                if name != "self"
            }
            kwargs = translated(config, ours) | kwargs
        return super().from_config(config, return_unused_kwargs, **kwargs)

    @classmethod
    def from_scheduler(cls, scheduler: Any, **kwargs: Any) -> Any:
        """`from_config` of a scheduler's configuration, whose class is known then."""
        config = dict(scheduler.config)
        return cls.from_config(
            config if MARK in config else config | {"_class_name": type(scheduler).__name__}, **kwargs
        )

    @property
    def config(self) -> Any:
        """The configuration, as diffusers keeps it."""
        return self._internal_dict

    @property
    def _path(self) -> Path:
        """The path of the configuration as it is now; pipelines replace it."""
        if self._seen is not self._internal_dict:
            self._seen, self._known, self._plans = self._internal_dict, path_of(self.config), {}
        return self._known

    def __len__(self) -> int:
        return int(self.config.num_train_timesteps)

    @property
    def order(self) -> int:
        """Entries of `timesteps` for each step."""
        return rows_per_step(self.config.rule, self.config.order)

    @property
    def init_noise_sigma(self) -> float:
        """The deviation of the noise to begin with."""
        return self._path.start_scale

    @property
    def num_inference_steps(self) -> int | None:
        run = self._memory.run()
        return None if run is None else run.steps

    @property
    def timesteps(self) -> Tensor:
        """What the network is told, row by row; those of this thread's last `set_timesteps`."""
        return self._run().timesteps

    @property
    def sigmas(self) -> Tensor:
        """σ on straight paths and of EDM, σ/α elsewhere: one for each row, and the last."""
        return self._run().sigmas

    @property
    def plan(self) -> Plan:
        """The table of this thread's last `set_timesteps`; with it, `sampling.sample` gives the same
        result."""
        return self._run().plan

    @property
    def begin_index(self) -> int | None:
        return self._memory.begun(self._run())

    @property
    def step_index(self) -> int | None:
        """The row that this thread's newest batch comes to next; None before its first step."""
        heads = self._memory.heads()
        return heads[-1].next if heads else None

    def set_begin_index(self, begin_index: int = 0) -> None:
        """Say at which row a run begins. Needed only if `step` is given times on a device that are copies
        of `timesteps`."""
        self._memory.own.begin = (self._run(), int(begin_index))

    def set_timesteps(
        self,
        num_inference_steps: int | None = None,
        device: Any = None,
        sigmas: Sequence[float] | Tensor | None = None,
        timesteps: Sequence[float] | Tensor | None = None,
        mu: float | None = None,
    ) -> None:
        """Make the table for a number of steps, or for given sigmas or times of the network. `mu`: the
        shift of flow models with `use_dynamic_shifting`. Cost: milliseconds the first time, then it is
        remembered. Raises `InputError`."""
        if self.config.use_dynamic_shifting and mu is None:
            raise InputError("use_dynamic_shifting needs mu, the shift computed from the size of the picture")
        path = path_of(self.config, mu) if self.config.use_dynamic_shifting else self._path
        asked = spacing.asked(self.config, path, num_inference_steps, sigmas, timesteps)
        key = (tuple(asked) if isinstance(asked, list) else int(asked), mu)
        found = self._plans.get(key)
        if found is None:
            found = self._plans[key] = planned(self.config, path, asked)
            while len(self._plans) > _KEPT_PLANS:
                self._plans.pop(next(iter(self._plans)))
        steps = len(asked) - 1 if isinstance(asked, list) else int(asked)
        self._memory.begin(made(self.config, path, found, steps, device))

    def _run(self) -> Run:
        run = self._memory.run()
        if run is None:
            steps = min(_BEFORE, int(self.config.num_train_timesteps))
            run = made(self.config, self._path, planned(self.config, self._path, steps), steps, None)
            self._memory.begin(run)
        return run

    def _place(self, time: Any, sample: Tensor) -> tuple[Run, int, Chain | None, bool]:
        """The run, the row, the history and whether the sample is as it was returned. Reads no number from
        an accelerator."""
        memory = self._memory
        if isinstance(time, Tensor):
            run = memory.runs.get(storage_of(time))
            if run is not None:
                row = int(time.storage_offset())
                return run, row, *memory.find(run, row, sample)
        run = self._run()
        if isinstance(time, Tensor) and time.device.type != "cpu":
            chain, same = memory.find(run, None, sample)
            return run, chain.next if chain else memory.begun(run) or 0, chain, same
        rows = places(run.told, float(time.reshape(-1)[0]) if isinstance(time, Tensor) else float(time))
        for row in rows:
            chain, same = memory.find(run, row, sample)
            if chain is not None:
                return run, row, chain, same
        begin = memory.begun(run)
        return run, begin if begin in rows else run.beginning(rows[0]), None, False

    def index_for_timestep(self, timestep: Any, schedule_timesteps: Tensor | None = None) -> Any:
        """The row at which a batch that begins with this time starts (of two equal times the second); for
        several times a tensor of rows."""
        run = self._run()
        told = run.told if schedule_timesteps is None else tuple(schedule_timesteps.tolist())
        rows = [
            found[1] if len(found) > 1 else found[0]
            for found in (places(told, time) for time in torch.as_tensor(timestep).reshape(-1).tolist())
        ]
        return rows[0] if len(rows) == 1 else torch.tensor(rows, device=run.timesteps.device)

    def scale_model_input(self, sample: Tensor, timestep: Any = None, *args: Any, **kwargs: Any) -> Tensor:
        """The sample as the network wants it: times c_in for EDM, unchanged otherwise. What else
        diffusers' schedulers are given here (generators) is not needed."""
        if not self.config.path.startswith("edm"):
            return sample
        run, row, _, _ = self._place(0.0 if timestep is None else timestep, sample)
        return sample * float(run.plan.scale_in[row])

    def step(
        self,
        model_output: Tensor,
        timestep: Any,
        sample: Tensor,
        eta: float | None = None,
        use_clipped_model_output: bool | None = None,
        generator: Any = None,
        return_dict: bool = True,
    ) -> PlanSchedulerOutput | tuple[Tensor, ...]:
        """One row of the table: the network's output at the sample gives the next sample, in the sample's
        dtype. `timestep`: an element of `timesteps`, or its value. `generator`: of the noise of stochastic
        rules. `eta` above 0 asks for DDIM's step with that share of noise, on the levels of this run; only
        the rules "default" and "ddim" have it."""
        if eta and self.config.rule not in ("default", "ddim"):
            raise InputError(f"eta={eta} is of DDIM's step: use rule='ddim', not {self.config.rule!r}")
        if (
            self.config.variance_type in ("learned", "learned_range")
            and model_output.shape[1] == 2 * sample.shape[1]
        ):
            model_output = model_output[:, : sample.shape[1]]
        run, row, before, same = self._place(timestep, sample)
        if before is not None and before.eta != (eta or 0.0):
            before = None
        chain = before or Chain(run, run.from_row(row, eta or 0.0), row, row, sample.shape, eta or 0.0)
        config = self.config
        if config.clip_sample or config.thresholding:
            model_output = clipped(config, model_output, sample, *self._relation(chain))

        def draw() -> Tensor:
            return randn_tensor(sample.shape, generator=generator, device=sample.device, dtype=sample.dtype)

        x, total, after = advanced(chain, model_output, sample, draw, same)
        found = total if total.dtype is sample.dtype else total.to(sample.dtype)
        self._memory.keep(before, after, found, total)
        if not return_dict:
            return (found,)
        a, b = self._relation(chain)
        return PlanSchedulerOutput(found, (a * x + b * model_output).to(sample.dtype))

    def _relation(self, chain: Chain) -> tuple[float, float]:
        """(a, b) of x̂₀ = a x + b m at the chain's row."""
        a, b = x0_relation(chain.plan, chain.next - chain.base)
        return float(a), float(b) * self._path.sign

    def add_noise(self, original_samples: Tensor, noise: Tensor, timesteps: Any) -> Tensor:
        """α x₀ + σ z at each sample's time."""
        alpha, sigma = levels(self._path, timesteps, original_samples, getattr(self, "alphas_cumprod", None))
        return alpha * original_samples + sigma * noise

    def scale_noise(self, sample: Tensor, timestep: Any, noise: Tensor) -> Tensor:
        """`add_noise`, as pipelines of flow models call it."""
        return self.add_noise(sample, noise, timestep)

    def get_velocity(self, sample: Tensor, noise: Tensor, timesteps: Any) -> Tensor:
        """What a network with prediction_type "v_prediction" is trained to give: α z − σ x₀; on straight
        paths z − x₀."""
        if hasattr(self._path.schedule, "shift"):
            return noise - sample
        alpha, sigma = levels(self._path, timesteps, sample, getattr(self, "alphas_cumprod", None))
        return alpha * noise - sigma * sample
