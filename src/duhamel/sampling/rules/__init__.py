"""The rules by name: each an entry of data over the shared quadrature."""

from duhamel.sampling.rules.registry import RULES, Rule, rule_named

__all__ = ["RULES", "Rule", "rule_named"]
