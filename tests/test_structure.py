"""Which room may use which: read off the sources."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
ROOMS = ("moderation", "training", "service")
FILES = [path for room in ROOMS for path in sorted((ROOT / room).rglob("*.py"))]


def _name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def _imports(path: Path) -> Iterator[str]:
    """Yield every module that a file imports, at its top or inside a function."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{_name(path)}: imports are written in full"
            yield node.module or ""


def _packages(path: Path) -> set[str]:
    return {name.partition(".")[0] for name in _imports(path)}


def _users(package: str) -> set[str]:
    return {_name(path) for path in FILES if package in _packages(path)}


def _in(room: str) -> set[str]:
    return {_name(path) for path in FILES if _name(path).startswith(f"{room}/")}


def test_there_is_something_to_look_at():
    assert all(_in(room) for room in ROOMS)


@pytest.mark.parametrize(
    ("room", "others"),
    [("moderation", {"training", "service"}), ("training", {"service"})],
)
def test_direction_of_imports(room, others):
    for path in FILES:
        if _name(path).startswith(f"{room}/"):
            assert not _packages(path) & (others | {"tests"}), _name(path)


def test_service_reaches_training_from_its_command_line_alone():
    inside = _users("training") & _in("service")
    assert all(name.startswith(("service/cli/", "service/worker")) for name in inside), inside


@pytest.mark.parametrize("package", ["sklearn", "scipy", "joblib"])
def test_learning_libraries_stay_in_training(package):
    assert _users(package) <= _in("training")


@pytest.mark.parametrize("package", ["fastapi", "starlette", "uvicorn"])
def test_web_framework_stays_in_the_service(package):
    assert _users(package) <= _in("service")


def test_database_stays_in_storage():
    assert _users("sqlalchemy") <= {name for name in _in("service") if "/storage/" in name}


def test_one_module_imports_jieba():
    assert _users("jieba") == {"moderation/segment.py"}


def test_one_module_imports_the_holidays():
    assert _users("chinese_calendar") == {"service/conduct/calendarchina.py"}


def test_numba_is_imported_by_the_two_that_compile():
    assert _users("numba") == {"moderation/_numba.py", "training/solver.py"}


def test_nothing_is_unpickled():
    for package in ("pickle", "cloudpickle", "dill", "marshal", "shelve"):
        assert not _users(package), package


def test_data_rooms_hold_no_python():
    for room in ("datasets", "models"):
        assert not list((ROOT / room).rglob("*.py"))
