"""The tree of a text: frozen nodes, each with its place in the text."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Apply", "Binary", "Name", "Negative", "Node", "Number", "Statement", "names_in", "operations"]


@dataclass(frozen=True, slots=True)
class Number:
    """A decimal number."""

    value: float
    position: int


@dataclass(frozen=True, slots=True)
class Name:
    """A name, subscripts included: `u`, `u_xx`, `nu`, `pi`."""

    name: str
    position: int


@dataclass(frozen=True, slots=True)
class Negative:
    """Minus in front of something."""

    of: Node
    position: int


@dataclass(frozen=True, slots=True)
class Binary:
    """`left operator right`, operator one of + - * / ^; `position` is the operator's."""

    operator: str
    left: Node
    right: Node
    position: int


@dataclass(frozen=True, slots=True)
class Apply:
    """`name(arguments)`: a function or an operator."""

    name: str
    arguments: tuple[Node, ...]
    position: int


Node = Number | Name | Negative | Binary | Apply


@dataclass(frozen=True, slots=True)
class Statement:
    """`left = right`; `position` is where it begins."""

    left: Node
    right: Node
    position: int


def children(node: Node) -> tuple[Node, ...]:
    """The nodes directly below."""
    if isinstance(node, Negative):
        return (node.of,)
    if isinstance(node, Binary):
        return (node.left, node.right)
    return node.arguments if isinstance(node, Apply) else ()


def names_in(node: Node) -> list[Name]:
    """Every name in the tree, left to right."""
    own = [node] if isinstance(node, Name) else []
    return own + [name for child in children(node) for name in names_in(child)]


def applied_in(node: Node) -> list[str]:
    """Every function or operator applied in the tree."""
    own = [node.name] if isinstance(node, Apply) else []
    return own + [name for child in children(node) for name in applied_in(child)]


def operations(node: Node) -> int:
    """Number of operations written: one a sign, operator, function or subscript."""
    own = 0 if isinstance(node, Number | Name) else 1
    if isinstance(node, Name) and "_" in node.name:
        own = 1
    return own + sum(operations(child) for child in children(node))
