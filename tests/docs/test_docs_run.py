"""Every Python block, and every `duhamel` command, in README.md and docs/ runs as it is printed."""

import importlib.util
import re
import runpy
import shlex
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", flags=re.MULTILINE | re.DOTALL)


def blocks(page, language):
    """The blocks of one language as (line number of the first line, text)."""
    text = page.read_text("utf-8")
    for match in FENCE.finditer(text):
        if match[1] == language:
            yield text.count("\n", 0, match.start(2)), match[2]


def script(page):
    """All Python blocks of a page as one program; lines keep their numbers, so a traceback fits the page."""
    lines = []
    for first, text in blocks(page, "python"):
        lines += [""] * (first - len(lines)) + text.splitlines()
    return "\n".join(lines) + "\n"


def commands(page):
    """The `duhamel` commands of a page, split into arguments."""
    lines = [line for _, text in blocks(page, "console") for line in text.splitlines()]
    return [shlex.split(line[2:], comments=True)[1:] for line in lines if line.startswith("$ duhamel ")]


def name(page):
    return str(page.relative_to(ROOT))


def with_blocks(find):
    return [pytest.param(page, id=name(page)) for page in PAGES if find(page)]


@pytest.mark.parametrize("page", with_blocks(lambda page: list(blocks(page, "python"))))
def test_python_blocks_run(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    program = tmp_path / f"{page.stem}.py"
    program.write_text(script(page), "utf-8")
    runpy.run_path(str(program))


@pytest.mark.parametrize("page", with_blocks(commands))
def test_commands_run(page, tmp_path, monkeypatch, capsys):
    from duhamel.cli import main

    monkeypatch.chdir(tmp_path)
    for arguments in commands(page):
        code = main(arguments)
        assert code == 0, f"duhamel {shlex.join(arguments)}\n{capsys.readouterr().err}"


def test_links_between_pages_lead_somewhere():
    dead = []
    for page in PAGES:
        for target in re.findall(r"\]\(([^)#\s]+)", page.read_text("utf-8")):
            if "://" not in target and not (page.parent / target).exists():
                dead.append(f"{name(page)}: {target}")
    assert not dead, "\n".join(dead)


def test_tables_are_taken_from_the_code():
    import duhamel as dh
    from duhamel.pde import catalogue

    spec = importlib.util.spec_from_file_location("hooks", ROOT / "docs" / "hooks.py")
    hooks = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(hooks)
    tables = {"methods": dh.METHODS, "equations": catalogue.EQUATIONS, "problems": dh.problems.PROBLEMS}
    for table, names in tables.items():
        page = hooks.on_page_markdown(f"before\n\n<!-- table: {table} -->\n")
        rows = [line for line in page.splitlines() if line.startswith("| `")]
        assert {row.split("`")[1] for row in rows} == set(names)
