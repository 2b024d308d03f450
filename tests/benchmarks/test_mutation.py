"""The changes that the mutation benchmark tries."""

import pytest

from benchmarks.mutation.__main__ import MODULES, ROOT
from benchmarks.mutation.changes import Change, changes, sample
from benchmarks.mutation.harmless import HARMLESS


def made(source: str, kind: str) -> set[str]:
    return {change.after for change in changes(source + "\n") if change.kind == kind}


@pytest.mark.parametrize(
    ("kind", "line", "after"),
    [
        ("boundary", "1 < x <= y", {"1 <= x <= y", "1 < x < y"}),
        ("negated", "x == y", {"x != y"}),
        ("negated", "x is not None", {"x is None"}),
        ("negated", "(x) not in (y)", {"(x) in (y)"}),
        ("and or", "x and y and z", {"x or y and z", "x and y or z"}),
        ("plus minus", "x - (y + z)", {"x + (y + z)", "x - (y - z)"}),
        ("plus minus", "x += y", {"x -= y"}),
        ("plus minus", "x + 'of a text' + [1]", set[str]()),
        ("not dropped", "x and not (y)", {"x and (y)"}),
        ("constant", "x = 2.5", {"x = 3.5", "x = 1.5"}),
        ("constant", "x(is_new=True, strict=True)", {"x(is_new=False, strict=True)"}),
        ("default", "x: int = 1", {"x: int = 2", "x: int = 0"}),
        ("default", "def é(x: Literal[3] = 1, *, y=True): ...",
         {"def é(x: Literal[3] = 2, *, y=True): ...", "def é(x: Literal[3] = 0, *, y=True): ...",
          "def é(x: Literal[3] = 1, *, y=False): ..."}),
        ("branch", "x if é else y", {"x if True else y", "x if False else y"}),
        ("branch", "[x for x in y if x]", {"[x for x in y if True]", "[x for x in y if False]"}),
        ("branch", "while x: ...", {"while False: ..."}),
        ("boundary", "S = 'SELECT a FROM b WHERE c >= 1'", {"S = 'SELECT a FROM b WHERE c > 1'"}),
        ("and or", "S = 'DELETE FROM b WHERE c AND d'", {"S = 'DELETE FROM b WHERE c OR d'"}),
    ],
)  # fmt: skip
def test_a_change_replaces_one_operator_or_value(kind: str, line: str, after: set[str]) -> None:
    assert made(line, kind) == after


def test_a_loops_jumps_and_a_functions_results_are_changed() -> None:
    source = "def f(x):\n    for y in x:\n        break\n    return y\n    return 0\n"
    assert made(source, "break continue") == {"continue"}
    assert made(source, "return dropped") == {"return None"}


@pytest.mark.parametrize(
    "source",
    [
        '"""A docstring with 1 < 2 and not 3."""',
        "x: Annotated[int, 3]",
        "@decorated(slots=True)\nclass X: ...",
        "def f(x: Literal[3]) -> Literal[4]: ...",
        "log.info('%s', x + 1)",
        "assert x + 1 > 2",
        "__slots__ = (x + 1,)",
        "if TYPE_CHECKING:\n    x = 1",
    ],
)
def test_what_no_test_should_notice_is_not_changed(source: str) -> None:
    assert changes(source + "\n") == []


def test_a_change_names_its_lines_and_holds_the_changed_module() -> None:
    source = "x = 1\nif (\n    y\n    > z\n):\n    pass\n"
    (change,) = (each for each in changes(source) if each.kind == "boundary")
    assert (change.line, change.before, change.after) == (4, "> z", ">= z")
    assert change.source == source.replace(">", ">=")
    assert change.diff("a.py").splitlines()[2:] == ["@@ -4 +4 @@", "-    > z", "+    >= z"]


def test_a_sample_has_every_kind_and_stays_when_lines_move() -> None:
    source = "x = 1\ny = a > b\nz = a and not b\nw = 2\nv = 3\n"
    drawn = sample(changes(source), 5, seed=1)
    assert len({change.kind for change in drawn}) == 5

    def told(drawn: list[Change]) -> list[str]:
        return [change.after for change in drawn]

    assert told(sample(changes("import x\n" + source), 5, seed=1)) == told(drawn)
    assert any(told(sample(changes(source), 5, seed)) != told(drawn) for seed in range(2, 6))


def test_every_harmless_change_is_one_that_is_tried() -> None:
    tried = {
        (name, change.before, change.after)
        for name, module in MODULES.items()
        for change in changes((ROOT / module.path).read_text(encoding="utf-8"))
    }
    assert HARMLESS.keys() <= tried, HARMLESS.keys() - tried


@pytest.mark.parametrize("name", MODULES)
def test_the_tests_of_a_module_exist(name: str) -> None:
    assert all((ROOT / path).exists() for path in (MODULES[name].path, *MODULES[name].tests))
