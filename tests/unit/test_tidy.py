"""The house rules that a machine can see. Existing breaches are listed here and may only shrink.

A breach that is in no table fails; so does a row whose breach has become smaller or is gone, so
that a table always says the truth.
"""

import ast
import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from statistics import median

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("hub", "resolvers", "sources", "subscriptions")

FILE_LINES_MAX = 400
FUNCTION_LINES_MAX = 60
FUNCTION_LINES_MEDIAN_BELOW = 10
LINE_CHARACTERS_MAX = 100
ARGUMENTS_MAX = 5

# Existing breaches, by what the rule measures: {"path": lines}, {"path:function": lines}, …
LONG_FILES: Mapping[str, int] = {}
LONG_FUNCTIONS: Mapping[str, int] = {}
MANY_ARGUMENTS: Mapping[str, int] = {}

BANNED_NAMES = frozenset({"utils", "helpers", "common", "manager", "service", "processor", "misc"})
BANNED_FILES = BANNED_NAMES | {"data", "info"}

# Modules nobody imports: `python -m` and Alembic start them by their path.
ENTRANCES = re.compile(r"hub\.cli|.*\.__main__|hub\.store\.migrations\..*")

# Programs of their own: they speak to the terminal, or to the process that started them.
PROGRAMS = ("hub/cli/", "hub/demo/serve.py")

MACHINE_PATHS = re.compile(r"""["'\s(=](/(?:home|root|Users|work|opt|mnt)/[\w.-]+)""")
OPEN_WORK = re.compile(r"(?:#|--|<!--)\s*(?:TODO|FIXME|XXX|HACK)\b(?!.*#\d+)")

Function = ast.FunctionDef | ast.AsyncFunctionDef


def _python_files(*folders: str) -> Iterator[Path]:
    for folder in folders:
        yield from sorted((ROOT / folder).rglob("*.py"))


@cache
def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def _name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def _functions(path: Path) -> Iterator[Function]:
    return (
        node
        for node in ast.walk(_tree(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    )


def _length(node: Function) -> int:
    """Lines from `def` to the last line; decorators are not counted."""
    return (node.end_lineno or node.lineno) - node.lineno + 1


def _arguments(node: Function) -> int:
    """All but self and cls."""
    given = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
    return sum(each.arg not in ("self", "cls") for each in given)


def test_no_file_is_too_long() -> None:
    lengths = {
        _name(path): len(path.read_text(encoding="utf-8").splitlines())
        for path in _python_files(*PACKAGES, "tests")
    }
    assert {name: n for name, n in lengths.items() if n > FILE_LINES_MAX} == LONG_FILES


def test_no_function_is_too_long() -> None:
    lengths = {
        f"{_name(path)}:{node.name}": _length(node)
        for path in _python_files(*PACKAGES, "tests")
        for node in _functions(path)
    }
    assert {name: n for name, n in lengths.items() if n > FUNCTION_LINES_MAX} == LONG_FUNCTIONS


@pytest.mark.parametrize("package", PACKAGES)
def test_functions_are_short_as_a_rule(package: str) -> None:
    lengths = [_length(node) for path in _python_files(package) for node in _functions(path)]
    assert not lengths or median(lengths) < FUNCTION_LINES_MEDIAN_BELOW


def test_no_function_takes_too_many_arguments() -> None:
    counts = {
        f"{_name(path)}:{node.name}": _arguments(node)
        for path in _python_files(*PACKAGES)
        for node in _functions(path)
        if not _declares_options(path, node)
    }
    assert {name: n for name, n in counts.items() if n > ARGUMENTS_MAX} == MANY_ARGUMENTS


def _declares_options(path: Path, node: Function) -> bool:
    """Whether the arguments are public in themselves: options of a command, GraphQL arguments."""
    if _name(path).startswith("hub/cli/"):
        return "typer." in ast.unparse(node.args)
    return _name(path).startswith("resolvers/") and bool(node.decorator_list)


def test_no_line_is_too_long() -> None:
    long = [
        f"{_name(path)}:{number}"
        for path in _python_files(*PACKAGES, "tests")
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if len(line) > LINE_CHARACTERS_MAX
    ]
    assert long == []


def test_nothing_prints_but_the_command_line() -> None:
    prints = [
        f"{_name(path)}:{node.lineno}"
        for path in _python_files(*PACKAGES)
        if not _name(path).startswith(PROGRAMS)
        for node in ast.walk(_tree(path))
        if isinstance(node, ast.Call) and ast.unparse(node.func) in ("print", "typer.echo")
    ]
    assert prints == []


def test_no_banned_names() -> None:
    found = [
        _name(path)
        for path in _python_files(*PACKAGES, "tests")
        if BANNED_FILES & {*path.stem.split("_"), *path.relative_to(ROOT).parent.parts}
    ]
    found += [
        f"{_name(path)}:{node.lineno} {node.name}"
        for path in _python_files(*PACKAGES)
        for node in ast.walk(_tree(path))
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        if _is_banned(node.name)
    ]
    assert found == []


def _is_banned(name: str) -> bool:
    words = re.findall(r"[A-Z]?[a-z]+", name)
    return any(word.lower() in BANNED_NAMES for word in words) or name.startswith("do_")


def test_no_open_work_without_an_issue() -> None:
    assert list(_matches(OPEN_WORK)) == []


def test_no_path_of_a_machine() -> None:
    assert list(_matches(MACHINE_PATHS)) == []


def _matches(pattern: re.Pattern[str]) -> Iterator[str]:
    """file:line of every text file of the project that has the pattern; this file is left out."""
    for path in (*_python_files(*PACKAGES, "tests"), *_documents()):
        if path == Path(__file__):
            continue
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            if pattern.search(line):
                yield f"{_name(path)}:{number}"


def _documents() -> Iterator[Path]:
    for pattern in ("*.md", "*.toml", "*.yml", "Makefile", "docs/**/*.md", "requirements/*"):
        yield from sorted(ROOT.glob(pattern))
    yield from sorted(path for path in (ROOT / "deploy").rglob("*") if path.is_file())
    yield from sorted((ROOT / "hub").rglob("*.y*ml"))


def test_no_module_is_dead() -> None:
    modules = {_module(path) for path in _python_files(*PACKAGES) if path.stem != "__init__"}
    dead = sorted(modules - _imported())
    assert [module for module in dead if not ENTRANCES.fullmatch(module)] == []


def _module(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _imported() -> set[str]:
    """Every module some other file of the packages imports, or names in a text ("hub.demo.erp")."""
    found: set[str] = set()
    for path in _python_files(*PACKAGES):
        for node in ast.walk(_tree(path)):
            found.update(_names_in(node))
    return found


def _names_in(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom) and node.module:
        yield node.module
        yield from (f"{node.module}.{alias.name}" for alias in node.names)
    elif isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
