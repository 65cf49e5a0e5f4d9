"""Batches of runs under vmap."""

from duhamel.batch.blocks import batched_well, branch, in_any_sample, in_block

__all__ = ["batched_well", "branch", "in_any_sample", "in_block"]
