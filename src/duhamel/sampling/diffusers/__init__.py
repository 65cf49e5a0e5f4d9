"""`PlanScheduler`: a plan as a drop-in scheduler for the pipelines of diffusers."""

from duhamel.sampling.diffusers.scheduler import PlanScheduler, PlanSchedulerOutput

__all__ = ["PlanScheduler", "PlanSchedulerOutput"]
