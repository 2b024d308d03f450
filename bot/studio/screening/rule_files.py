"""A server's rules as a file, to edit them by hand or to take them to another server: a JSON list of rules."""

import json
import re
from collections.abc import Sequence
from typing import Literal

import msgspec

from bot.studio import RuleFileProblem, RuleFileUnusable, RuleProblem, RuleUnusable
from bot.studio.screening.server_rules import MOST_RULES
from db import Draft, ServerRule
from moderation import Category, Ruling

MAX_FILE = 256 * 2**10
"""Bytes: more than a hundred rules with all their words."""


class _Rule(msgspec.Struct, forbid_unknown_fields=True):
    name: str
    words: list[str]
    beside: list[str] = []
    unless: list[str] = []
    ruling: Literal["refuse", "flag"] = "refuse"
    category: Category = Category.SPAM
    shadow: bool = False


def read_rules(content: bytes) -> list[tuple[Draft, bool]]:
    """Returns the rules, each with whether it is a shadow rule. Raises RuleFileUnusable; RuleUnusable for too many."""
    try:
        rules = msgspec.json.decode(content.removeprefix(b"\xef\xbb\xbf"), type=list[_Rule])
    except msgspec.ValidationError as error:
        place = re.search(r"`\$\[(\d+)\](?:\.(\w+))?", str(error))
        if place is None:
            raise RuleFileUnusable(RuleFileProblem.NO_LIST) from error
        field = re.search(r"field `(\w+)`", str(error))
        name = field[1] if field else place[2] or ""
        raise RuleFileUnusable(RuleFileProblem.ENTRY, int(place[1]) + 1, name) from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise RuleFileUnusable(RuleFileProblem.NO_LIST) from error
    if len(rules) > MOST_RULES:
        raise RuleUnusable(RuleProblem.TOO_MANY_RULES, MOST_RULES)
    drafts = [(_draft(each), each.shadow) for each in rules]
    names = set[str]()
    for number, (draft, _) in enumerate(drafts, start=1):
        if draft.name in names:
            raise RuleFileUnusable(RuleFileProblem.TWICE, number, draft.name)
        names.add(draft.name)
    if not drafts:
        raise RuleFileUnusable(RuleFileProblem.NO_LIST)
    return drafts


def write_rules(rules: Sequence[ServerRule]) -> bytes:
    """Returns the rules in the form that `read_rules` reads."""
    listed = [
        {
            "name": each.name,
            "words": each.any_of,
            "beside": each.with_any_of,
            "unless": each.unless,
            "ruling": each.ruling.word,
            "category": str(each.category),
            "shadow": each.is_shadow,
        }
        for each in rules
    ]
    return json.dumps(listed, ensure_ascii=False, indent=1).encode()


def _draft(rule: _Rule) -> Draft:
    return Draft(
        name=rule.name.strip(),
        any_of=_words(rule.words),
        with_any_of=_words(rule.beside),
        unless=_words(rule.unless),
        category=rule.category,
        ruling=Ruling[rule.ruling.upper()],
    )


def _words(words: Sequence[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(each.strip() for each in words if each.strip()))
