"""The rules of the house, checked on the files themselves."""

import ast
import os
import re
import subprocess
import sys
import tomllib
from itertools import pairwise
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SOURCE = ROOT / "src" / "duhamel"

# Lowest floor first. What stands on one line is one floor and may import its neighbours.
FLOORS = (
    {"errors", "status", "batch"},
    {"coefficients", "dataset"},
    {"sampling"},
    {"plots"},  # draws datasets and knows nothing else, so a solution may draw itself
    {"spaces"},
    {"linear"},
    {"equation", "norm"},
    {"jacobian"},
    {"methods"},
    {"stepping"},
    {"observe"},
    {
        "compiled",
        "consistent",
        "plan",
        "loop",
        "fixed_run",
        "drive",
        "failure",
        "solution",
        "march",
        "solve",
        "gradient",
    },
    {"conditions"},
    {"pde"},
    {"store", "problems", "learn"},
    {"compare"},
    {"cli"},
)
LEVEL = {name: level for level, names in enumerate(FLOORS) for name in names}

LONGEST_FILE = 400
LONGEST_FUNCTION = 60


def modules():
    return sorted(SOURCE.rglob("*.py"))


def texts():
    """Every text file that belongs to the project and is written by hand, but this one."""
    found = [*ROOT.glob("*.md"), ROOT / "Makefile", ROOT / "pyproject.toml"]
    for folder in ("src", "tests", "docs", "bench"):
        found += [path for kind in ("*.py", "*.md") for path in (ROOT / folder).rglob(kind)]
    return [path for path in found if path != Path(__file__).resolve()]


def floor_of(path):
    parts = path.relative_to(SOURCE).with_suffix("").parts
    return parts[0]


def imported(path):
    """Names of the floors that a file imports, with the lines where it does."""
    package = ("duhamel", *path.relative_to(SOURCE).parent.parts)
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name.split(".") for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = list(package[: len(package) + 1 - node.level]) if node.level else []
            stem = base + (node.module.split(".") if node.module else [])
            names = [[*stem, alias.name] for alias in node.names] if stem == ["duhamel"] else [stem]
        else:
            continue
        inside = [name[1] for name in names if name[0] == "duhamel" and len(name) > 1]
        yield from ((name, node.lineno) for name in inside if not name.startswith("_"))


def test_imports_run_downward():
    upward, unknown = [], set()
    for path in modules():
        here = floor_of(path)
        if here.startswith("_"):
            continue
        for name, line in imported(path):
            unknown |= {here, name} - LEVEL.keys()
            if not unknown and LEVEL[name] > LEVEL[here]:
                upward.append(f"{path.relative_to(ROOT)}:{line} imports {name}")
    assert not unknown, f"say in FLOORS where these stand: {sorted(unknown)}"
    assert not upward, "\n".join(upward)


def test_each_package_folder_says_what_lives_there():
    folders = {path.parent for path in modules()} - {SOURCE}
    assert folders
    for folder in sorted(folders):
        readme = folder / "README.md"
        assert readme.is_file(), f"{folder.relative_to(ROOT)} has no README.md"
        lines = readme.read_text("utf-8").splitlines()
        assert 4 <= len(lines) <= 25, f"{readme.relative_to(ROOT)}: ten lines or so, not {len(lines)}"


@pytest.mark.parametrize("folder", ["src", "tests", "bench"])
def test_files_and_functions_are_short(folder):
    long = []
    for path in sorted((ROOT / folder).rglob("*.py")):
        text = path.read_text("utf-8")
        name = path.relative_to(ROOT)
        if (count := len(text.splitlines())) > LONGEST_FILE:
            long.append(f"{name}: {count} lines")
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef):
                count = node.end_lineno - node.lineno + 1
                if count > LONGEST_FUNCTION:
                    long.append(f"{name}:{node.lineno} {node.name}: {count} lines")
    assert not long, "\n".join(long)


def test_nothing_is_left_undone_or_tied_to_one_machine():
    banned = re.compile(
        r"\b(TODO|FIXME|XXX|noqa|xfail)\b|pytest\.(mark\.)?(skip|skipif|importorskip)\b|(?<![\w.])/(work|tmp|home|root)/"
    )
    found = [
        f"{path.relative_to(ROOT)}:{number} {line.strip()}"
        for path in texts()
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1)
        if banned.search(line)
    ]
    assert not found, "\n".join(found)


def test_lock_files_are_hashed_and_name_no_host():
    for path in sorted((ROOT / "requirements").glob("*.txt")):
        text = path.read_text("utf-8")
        assert "://" not in text, path.name
        blocks = re.split(r"^(?=[a-z])", text, flags=re.MULTILINE)[1:]
        bare = [block.split()[0] for block in blocks if "--hash=sha256:" not in block]
        assert not bare, f"{path.name}: {bare}"


def test_version_is_the_newest_in_the_changelog():
    version = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"]
    headings = re.findall(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text("utf-8"), flags=re.MULTILINE)
    assert headings[0] == version
    numbers = [tuple(map(int, heading.split("."))) for heading in headings]
    assert all(newer > older for newer, older in pairwise(numbers))


def test_every_public_name_is_there():
    import duhamel as dh

    missing = [name for name in dh.__all__ if not hasattr(dh, name)]
    assert not missing


def fresh(code, **environment):
    """Run a line in a new interpreter and return what it printed; warnings are errors there too."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("JAX", "XLA"))}
    command = [sys.executable, "-W", "error", "-c", code]
    done = subprocess.run(command, env=kept | environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_import_alone_is_light():
    loaded = fresh("import sys, duhamel; print(*sys.modules)").split()
    assert not {"jax", "torch", "matplotlib", "xarray"}.intersection(loaded)


@pytest.mark.parametrize(("environment", "expected"), [({}, "True"), ({"JAX_ENABLE_X64": "0"}, "False")])
def test_double_precision_is_the_default_and_can_be_refused(environment, expected):
    code = "import duhamel as dh; dh.solve; import jax; print(jax.config.jax_enable_x64)"
    assert fresh(code, **environment) == expected
