"""No Python code contains a sentence, label or option that is shown in Discord, at once or from a row, because a second language
could not translate it."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import bot

FOLDER = Path(bot.__file__).parent

_PHRASE = re.compile(r"[^\W\d_]{2,}[.,:;]?\s|\s[^\W\d_]{2,}")
"""A word next to a space, with a sign between them or not. Names, keys, custom_ids and Discord's markup have none."""
_WORD = re.compile(r"[^\W\d_]{2,}")

SHOWN_BY_NAME = {"content", "description", "label", "placeholder", "text", "title"}
SHOWN_FIRST = {"CustomActivity", "TextDisplay", "answer", "note", "reply", "send", "send_message"}
NAMED = {"Choice": {"name"}, "context_menu": {"name"}}

FOR_THE_TERMINAL = {
    "cases/server_check.py",
    "studio/catalogue.py",
    "studio/config_file.py",
    "studio/doctor.py",
    "studio/fetch.py",
    "studio/settings.py",
}
"""The reports of doctor and fetch, and what is wrong with the settings. The bundled model's entry is as an owner writes one."""
FOR_THE_OWNER = {
    "GaugeMetricFamily",  # descriptions of metrics
    "counter",
    "gauge",
    "histogram",
    "GenerationFailed",  # its reason is logged; a member gets the sentence of its kind
    "CertificateBroken",  # a StartError
    "ProvenanceBroken",
    "ValueError",  # a bug: a member gets a reference to the log
}
FOR_THE_LOG = {
    ("client.py", "in an autocomplete"),
    ("connection.py", " in place of JSON"),
    ("errors.py", "in "),
    ("errors.py", "an interaction"),
    ("gallery/delivery.py", "while carrying it"),
}
CODES = {
    # Parts of an audit row's subject, which its hash covers; `/mod audit` finds the words for them.
    ("studio/cases/takedown.py", "case "),
    ("studio/cases/takedown.py", "job "),
    ("studio/cases/takedown.py", "rule "),
    # A rule, the beginning of a server's own rules, and three sources: as always stored; the cards find the words for them.
    ("studio/screening/pictures.py", "removed before"),
    ("studio/screening/server_rules.py", "server: "),
    ("studio/orders/variations.py", "remix "),
    ("studio/presets.py", "/preset save"),
    ("studio/styles/server_styles.py", "/style save"),
    # A part of a prompt, for a model.
    ("studio/orders/order.py", "in the style of image"),
    # Names of fields in the text inside a picture, which other tools know, and a metric's label.
    ("studio/orders/prompt_file.py", "CFG scale"),
    ("studio/pictures/provenance.py", "Job: "),
    ("studio/metrics.py", "failed: "),
    ("studio/metrics.py", "failed: bot"),
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
    """Yields docstrings, log messages, regular expressions, what a bug says, and the terminal messages of a failed start."""
    for node in ast.walk(tree):
        match node:
            case ast.Expr(value=ast.Constant()):
                yield node.value
            case ast.Call(func=ast.Attribute(value=ast.Name(id="log" | "re"))):
                yield from ast.walk(node)
            case ast.Call(func=ast.Name(id=name)) if name in FOR_THE_OWNER:
                yield from ast.walk(node)
            case ast.Assert(msg=ast.expr() as message):
                yield from ast.walk(message)
            case ast.ClassDef(bases=[ast.Name(id="StartError")]):
                yield from ast.walk(node)
            case _:
                pass


def test_no_sentence_stands_in_the_code() -> None:
    found = [
        (str(path.relative_to(FOLDER)), line, text)
        for path in sorted(FOLDER.rglob("*.py"))
        if str(path.relative_to(FOLDER)) not in FOR_THE_TERMINAL
        for line, text in sentences(path.read_text(encoding="utf-8"))
    ]
    exceptions = FOR_THE_LOG | CODES
    assert [each for each in found if (each[0], each[2]) not in exceptions] == []
    assert {(path, text) for path, _, text in found} >= exceptions, "an exception without a use"


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
        'entries.add(kind=kind, text=f"lifted: {reason}")',
        'reason = f"purge: {reason}"',
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
        'words = (f"job:{like.job}:{apart}",)',
        'assert case, "cases belong to a server"',
    ],
)
def test_names_logs_and_docstrings_are_no_sentences(source: str) -> None:
    assert list(sentences(source)) == []
