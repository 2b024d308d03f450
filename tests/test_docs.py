"""Everything that pages, docstrings and comments name exists: files, links, modules, settings, and the functions of the three
traces."""

import ast
import dataclasses
import io
import re
import runpy
import tokenize
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from bot.studio.settings import Settings

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("bot", "db", "generation", "moderation", "playground", "training", "benchmarks", "tests")
PAGES = [
    *(ROOT / f"{name}.md" for name in ("README", "CHANGELOG", "CONTRIBUTING", "SECURITY")),
    *sorted((ROOT / "docs").rglob("*.md")),
]
SOURCES = [
    *sorted(ROOT.glob("*.py")),
    *(
        path
        for folder in (*PACKAGES, "docs")
        for path in sorted((ROOT / folder).rglob("*.py"))
        if "work" not in path.relative_to(ROOT).parts
    ),
]

FILE = re.compile(r"(?<![\w./<-])(?:[\w.-]+/)*[\w-]+\.(?:py|ftl|sql|md|toml|jsonl)\b(?!\()")
FOLDER = re.compile(rf"(?<![\w./-])(?:{'|'.join((*PACKAGES, 'docs', 'models'))})/(?:[\w.-]+/)*(?![\w<])")
DOTTED = re.compile(rf"(?:{'|'.join(PACKAGES)})(?:\.\w+)+")
STARTED = re.compile(rf"python -m ({DOTTED.pattern})\b")
ELSEWHERE = {
    "config.toml",  # the owner's file
    "discord.py",  # a library
    "hooks/group_offloading.py",  # a file of diffusers
    "classify_nsfw.py",  # a file of OpenNSFW
    "dev.jsonl",  # prompts that the owner of a measurement provides
    "evasion_dev.jsonl",
    "training/work/",  # created by a training
}


@cache
def names_of_files() -> frozenset[str]:
    return frozenset(path.name for folder in (*PACKAGES, "docs") for path in (ROOT / folder).rglob("*.*"))


def is_there(named: str, page: Path) -> bool:
    """Returns whether a path exists relative to the root or to the page. A bare file name may be in any folder."""
    if named in ELSEWHERE or (ROOT / named).exists() or (page.parent / named).exists():
        return True
    return "/" not in named and named in names_of_files()


@cache
def definitions(path: Path) -> frozenset[str]:
    """Returns functions, classes and other names of a module, and `Class.member`."""
    tree = ast.parse(path.read_text(encoding="utf-8"))

    def names(body: list[ast.stmt]) -> Iterator[tuple[str, ast.stmt]]:
        for node in body:
            match node:
                case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                    yield name, node
                case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)):
                    yield name, node
                case _:
                    pass

    found = set[str]()
    for name, node in names(tree.body):
        found.add(name)
        if isinstance(node, ast.ClassDef):
            found.update(f"{name}.{member}" for member, _ in names(node.body))
    return frozenset(found)


def is_setting(dotted: str) -> bool:
    """Returns whether a setting exists, for example `moderation.must`."""
    value: Any = Settings()
    for key in dotted.split("."):
        if not (dataclasses.is_dataclass(value) and key in {each.name for each in dataclasses.fields(value)}):
            return False
        value = getattr(value, key)
    return True


def is_module_or_in_one(dotted: str) -> bool:
    path, names = ROOT, dotted.split(".")
    while names and (path / names[0]).is_dir():
        path /= names.pop(0)
    if names and (path / f"{names[0]}.py").exists():
        path /= f"{names.pop(0)}.py"
    elif names:
        path /= "__init__.py"
    return not names or (path.exists() and ".".join(names[:2]) in definitions(path))


def wrong_in(text: str, page: Path) -> list[str]:
    files = [each for each in FILE.findall(text) if not is_there(each, page)]
    folders = [each for each in FOLDER.findall(text) if not is_there(each, page)]
    return files + folders


def prose_of(path: Path) -> Iterator[str]:
    source = path.read_text(encoding="utf-8")
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            yield token.string
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Expr(value=ast.Constant(value=str(text))):
                yield text
            case _:
                pass


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_page_names_what_is_there(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    wrong = list[str]()
    for code in re.findall(r"`([^`\n]+)`", text):
        wrong += wrong_in(code, page)
        if DOTTED.fullmatch(code) and not (is_module_or_in_one(code) or is_setting(code)):
            wrong.append(code)
    wrong += [each for each in STARTED.findall(text) if not is_module_or_in_one(each)]
    for link in re.findall(r"\]\(([^)#\s]+)[^)]*\)", text):
        if "://" not in link and not (page.parent / link).exists():
            wrong.append(link)
    assert not wrong


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_docstrings_and_comments_name_what_is_there(path: Path) -> None:
    wrong = list[str]()
    for text in prose_of(path):
        wrong += wrong_in(text, path)
        for dotted in re.findall(rf"(?:`|-m )({DOTTED.pattern})\b(?!/)", text):
            if not (is_module_or_in_one(dotted) or is_setting(dotted)):
                wrong.append(dotted)
    assert not wrong


TRACE = re.compile(r"[│├└─ ]*(?P<name>[\w.]+)(?:\(.*?\))? {2,}(?P<path>\S+\.py)(?: {2,}|$)")


@pytest.mark.parametrize("heading", ["One /imagine", "One press", "One preview"])
def test_a_trace_names_functions_of_today(heading: str) -> None:
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    section = page.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    lines = [
        line for block in re.findall(r"```\n(.*?)```", section, re.DOTALL) for line in block.splitlines()
    ]
    assert len(lines) >= 6
    for line in lines:
        step = TRACE.match(line)
        assert step, f"neither function nor file: {line}"
        assert step["name"] in definitions(ROOT / step["path"]), line


def test_the_page_of_commands_says_what_the_command_tree_says() -> None:
    """`python docs/commands.py` writes it."""
    script = runpy.run_path(str(ROOT / "docs" / "commands.py"))
    assert (ROOT / "docs" / "commands.md").read_text(encoding="utf-8") == script["page"]()


def test_each_picture_of_a_command_shows_one_that_there_is() -> None:
    """`python docs/command_pictures.py` makes them."""
    text = (ROOT / "docs" / "commands.md").read_text(encoding="utf-8")
    shown = {f"/{name}" for name in re.findall(r"^\| `/([^`]+)`", text, flags=re.M)}
    pictures = {f"/{each.stem}": each for each in (ROOT / "bot" / "texts").glob("*/pictures/*")}
    assert pictures.keys() <= {name.replace(" ", "-") for name in shown}
    assert len(pictures) >= 10
    assert max(each.stat().st_size for each in pictures.values()) <= 60_000  # the bot sends them


UNCLEAR = re.compile(r"\b(whoever|nobody|somebody|whatever)\b", re.IGNORECASE)
"""Words that hide who or what is meant."""
LONGEST_SENTENCE = 35  # words


def prose() -> Iterator[tuple[str, str]]:
    """Yields place and text of docs, catalogue messages, and of docstrings and comments where an unclear word may be."""
    for page in [*PAGES, ROOT / "models" / "bundled" / "MODEL_CARD.md", ROOT / "config.example.toml"]:
        yield page.name, page.read_text(encoding="utf-8")
    for file in sorted((ROOT / "bot" / "texts").rglob("*.ftl")):
        yield file.name, file.read_text(encoding="utf-8")
    for path in SOURCES:
        text = path.read_text(encoding="utf-8")
        if UNCLEAR.search(text) is None:
            continue  # saves taking the file apart
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            if token.type == tokenize.COMMENT:
                yield f"{path.name}:{token.start[0]}", token.string
        for node in ast.walk(ast.parse(text)):
            match node:
                case ast.Expr(value=ast.Constant(value=str(words))):
                    yield f"{path.name}:{node.lineno}", words
                case _:
                    pass


def test_prose_names_the_thing() -> None:
    found = [(place, hit[0]) for place, text in prose() if (hit := UNCLEAR.search(text))]
    assert not found


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_sentences_of_a_page_are_short(page: Path) -> None:
    text = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.M | re.S)
    lines = [line for line in text.splitlines() if not line.startswith(("|", "#"))]
    plain = [re.sub(r"\]\([^)]*\)", "]", re.sub(r"`[^`]*`", "code", line)) for line in lines]
    sentences = [each for line in plain for each in re.split(r"(?<=[.!?])\s", line)]
    long = [each for each in sentences if len(each.split()) > LONGEST_SENTENCE]
    assert not long
