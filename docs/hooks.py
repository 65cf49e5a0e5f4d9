"""Tables that the documentation takes from the code, so that they cannot differ from it.

A page asks for one by a line such as `<!-- table: methods -->`; mkdocs calls `on_page_markdown` for each.
"""

import duhamel as dh
from duhamel.pde import catalogue


def on_page_markdown(markdown, **_):
    for name, table in TABLES.items():
        mark = f"<!-- table: {name} -->"
        if mark in markdown:
            markdown = markdown.replace(mark, table())
    return markdown


def methods_table():
    """One line for each method in `dh.METHODS`, in the order of its families."""
    families = list(dict.fromkeys(method.family for method in dh.METHODS.values()))
    chosen = sorted(dh.METHODS.items(), key=lambda item: families.index(item[1].family))
    lines = [_row("name", "class", "family", "order", "stiff order", "stages", "adaptive", "source")]
    lines.append(_row(*["---"] * 8))
    for name, method in chosen:
        title = (f"`{name}`", f"`dh.{method.__name__}`", method.family)
        stiff = "–" if method.stiff_order is None else method.stiff_order
        adaptive = "yes" if method.adaptive else "no"
        lines.append(_row(*title, method.order, stiff, method.stages, adaptive, method.reference))
    return "\n".join(lines)


def equations_table():
    """One line for each equation of the catalogue."""
    lines = [_row("name", "equation", "what it shows"), _row(*["---"] * 3)]
    for name, entry in catalogue.EQUATIONS.items():
        text = f"`{entry.text}`" if hasattr(entry, "text") else "a Python function"
        lines.append(_row(f"`{name}`", text, entry.physics))
    return "\n".join(lines)


def problems_table():
    """One line for each test problem, set by set."""
    problems = sorted(dh.problems.PROBLEMS.values(), key=lambda p: dh.problems.SETS.index(p.set))
    head = ("name", "set", "kind", "unknowns", "end", "solution", "what it is")
    lines = [_row(*head), _row(*["---"] * len(head))]
    for p in problems:
        kind = f"{p.kind}, stiff" if p.stiff else p.kind
        solution = "exact" if p.exact is not None else _source(p.references[-1].source)
        lines.append(_row(f"`{p.name}`", p.set, kind, p.unknowns, f"{p.t1:g}", solution, p.physics))
    return "\n".join(lines)


def _source(text):
    return "computed" if text.startswith("computed") else "periodic" if "period" in text else "published"


def _row(*cells):
    return "| " + " | ".join(str(cell).replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"


TABLES = {"methods": methods_table, "equations": equations_table, "problems": problems_table}
