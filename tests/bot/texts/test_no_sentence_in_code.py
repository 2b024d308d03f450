"""No Python code contains a sentence, label or option that is shown in Discord, because a second language could not translate
it."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import bot

FOLDER = Path(bot.__file__).parent

_PHRASE = re.compile(r"[^\W\d_]{2,}\s|\s[^\W\d_]{2,}")
"""A word next to a space. Names, keys, custom_ids and Discord's markup have none."""
_WORD = re.compile(r"[^\W\d_]{2,}")

SHOWN_BY_NAME = {"content", "description", "label", "placeholder", "text", "title"}
SHOWN_FIRST = {"CustomActivity", "TextDisplay", "answer", "note", "reply", "send", "send_message"}
NAMED = {"Choice": {"name"}, "context_menu": {"name"}}

UNREAD = {"studio"}
"""`studio` knows no language and raises errors that carry data. Its own texts are those of the doctor, the metrics and the
records."""
FOR_THE_LOG = {
    ("errors.py", "in "),
    ("errors.py", "an interaction"),
    ("gallery/delivery.py", "while carrying it"),
}


def sentences(source: str) -> Iterator[tuple[int, str]]:
    """Yields line and text of each constant that contains a phrase, or a word where Discord shows it."""
    tree = ast.parse(source)
    others = set(_not_shown(tree))
    for node in ast.walk(tree):
        for shown in _shown(node):
            yield from ((line, text) for line, text in _strings(shown) if _WORD.search(text))
        if isinstance(node, ast.Constant) and node not in others:
            yield from ((line, text) for line, text in _strings(node) if _PHRASE.search(text))


def _strings(node: ast.AST) -> Iterator[tuple[int, str]]:
    """Yields line and text of a string, or of the fixed parts of an f-string."""
    match node:
        case ast.Constant(value=str(text)):
            yield node.lineno, text
        case ast.JoinedStr(values=parts):
            for part in parts:
                yield from _strings(part)
        case _:
            pass


def _shown(node: ast.AST) -> Iterator[ast.expr]:
    match node:
        case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name), args=args, keywords=keywords):
            if name in SHOWN_FIRST:
                yield from args
            by_name = SHOWN_BY_NAME | NAMED.get(name, set())
            yield from (each.value for each in keywords if each.arg in by_name)
        case ast.Call(keywords=keywords):
            yield from (each.value for each in keywords if each.arg in SHOWN_BY_NAME)
        case _:
            pass


def _not_shown(tree: ast.AST) -> Iterator[ast.AST]:
    """Yields docstrings, log messages, and the terminal messages of a failed start."""
    for node in ast.walk(tree):
        match node:
            case ast.Expr(value=ast.Constant()):
                yield node.value
            case ast.Call(func=ast.Attribute(value=ast.Name(id="log"))):
                yield from ast.walk(node)
            case ast.ClassDef(bases=[ast.Name(id="StartError")]):
                yield from ast.walk(node)
            case _:
                pass


def test_no_sentence_stands_in_the_code() -> None:
    found = [
        (str(path.relative_to(FOLDER)), line, text)
        for path in sorted(FOLDER.rglob("*.py"))
        if path.relative_to(FOLDER).parts[0] not in UNREAD
        for line, text in sentences(path.read_text(encoding="utf-8"))
    ]
    assert [each for each in found if (each[0], each[2]) not in FOR_THE_LOG] == []
    assert {(path, text) for path, _, text in found} >= FOR_THE_LOG, "an exception without a use"


@pytest.mark.parametrize(
    "source",
    [
        'ui.Button(label="Cancel")',
        'ui.TextDisplay("Gone.")',
        'await interaction.response.send_message(f"Done: {count}")',
        'parts.append(f"{steps} steps")',
        'text = "a sentence" if job else ""',
        'app_commands.command(description="Newest")',
        'app_commands.Choice(name="Open", value="open")',
        'say = "zwei Wörter"',
    ],
)
def test_sentences_are_found(source: str) -> None:
    assert list(sentences(source))


@pytest.mark.parametrize(
    "source",
    [
        'log.info("job %s is done", job)',
        '"""Says what it is."""',
        'ui.TextDisplay(say("gallery-head", member=1))',
        'f"-# {shown} · <t:{at}:R>"',
        'ui.Thumbnail(f"attachment://{name}")',
        'name="log-channel"',
    ],
)
def test_names_logs_and_docstrings_are_no_sentences(source: str) -> None:
    assert list(sentences(source)) == []
