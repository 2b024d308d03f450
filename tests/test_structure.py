"""The rules of the layout, as tests: imports point one way, files and folders stay small."""

import ast
import re
import subprocess
import sys
from collections import Counter
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from statistics import median

import grimp
import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("bot", "db", "generation", "moderation", "playground", "training")
LONGEST = 500
"""Lines. A longer file contains more than one idea."""
FULLEST = 15
"""Python files in a folder. A fuller folder contains more than one feature."""
MEDIAN_IMPORTS = 4
"""Our own modules or packages that a file of `bot/` imports. A file that imports more knows too much, or a package needs a
front."""


def test_imports_point_one_way() -> None:
    linter = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([linter, "--no-cache"], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]


def test_no_modules_import_each_other_in_a_circle() -> None:
    """Includes imports for the type checker: two modules that need each other's types belong in one file."""
    graph = grimp.build_graph(*PACKAGES, exclude_type_checking_imports=False, cache_dir=None)
    imports = {each: graph.find_modules_directly_imported_by(each) for each in graph.modules}
    try:
        TopologicalSorter(imports).prepare()
    except CycleError as error:
        pytest.fail(f"a circle: {' <- '.join(error.args[1])}")


def test_a_file_of_the_bot_names_few_others() -> None:
    graph = grimp.build_graph(*PACKAGES, exclude_type_checking_imports=False, cache_dir=None)
    names = [each for each in graph.modules if each.split(".")[0] == "bot"]
    counts = {each: len(graph.find_modules_directly_imported_by(each)) for each in names}
    files = [
        n for each, n in counts.items() if n or (ROOT / each.replace(".", "/")).with_suffix(".py").exists()
    ]
    assert median(files) <= MEDIAN_IMPORTS, sorted(counts.items(), key=lambda each: each[1])


def test_packages_export_only_what_others_import_from_them() -> None:
    """The linters look for unused imports everywhere but in an `__init__.py`."""
    fronts = {"bot.studio", "bot.ui", "db", "generation", "moderation"}
    exported = {
        (front, alias.name)
        for front in fronts
        for node in ast.parse((ROOT / front.replace(".", "/") / "__init__.py").read_text()).body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
        if alias.name != "*"
    }
    named = re.compile(rf"^ *from (?:{'|'.join(map(re.escape, fronts))}) import ", re.MULTILINE)
    imported = {
        (node.module, alias.name)
        for name in (*PACKAGES, "benchmarks", "tests", "main.py")
        for path in ((ROOT / name).rglob("*.py") if (ROOT / name).is_dir() else [ROOT / name])
        if named.search(text := path.read_text(encoding="utf-8"))
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert exported <= imported, exported - imported


@pytest.mark.parametrize("package", PACKAGES)
def test_files_stay_small(package: str) -> None:
    long = {
        str(path.relative_to(ROOT)): lines
        for path in (ROOT / package).rglob("*")
        if path.suffix in {".py", ".js", ".css"} and "work" not in path.relative_to(ROOT).parts
        if (lines := len(path.read_text(encoding="utf-8").splitlines())) > LONGEST
    }
    assert not long, f"more than {LONGEST} lines: {long}"


@pytest.mark.parametrize("package", [*PACKAGES, "benchmarks"])
def test_folders_stay_small(package: str) -> None:
    """Covers all packages except db/, which is flat: one file per table."""
    files = Counter(path.relative_to(ROOT).parent for path in (ROOT / package).rglob("*.py"))
    full = {str(folder): count for folder, count in files.items() if count > FULLEST and str(folder) != "db"}
    assert not full, f"more than {FULLEST} Python files: {full}"
