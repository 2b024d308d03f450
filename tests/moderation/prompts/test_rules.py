from pathlib import Path

import pytest

from moderation.normalise.normalise import phrase
from moderation.prompts.filter import PromptFilter
from moderation.prompts.foreign_words import _only  # pyright: ignore[reportPrivateUsage]
from moderation.prompts.phrases import patterns
from moderation.prompts.rules import RulesBroken, load_rules, parse_rules
from moderation.verdict import Category, Ruling

GOOD = '[[rule]]\nname = "a"\ncategory = "spam"\nruling = "refuse"\nany = ["word"]\n'


@pytest.mark.parametrize(
    ("text", "where", "says"),
    [
        ('[[rule]]\nname = "a"\nany = [', "line 3", "TOML"),
        (GOOD.replace("ruling", "rulling"), "rule 'a'", "did you mean 'ruling'"),
        (GOOD.replace('"refuse"', '"refuze"'), "rule 'a'", "did you mean 'refuse'"),
        (GOOD.replace('"refuse"', '"allow"'), "rule 'a'", "one of flag, refuse"),
        (GOOD.replace('"spam"', '"porn"'), "rule 'a'", "sexual"),
        (GOOD.replace('any = ["word"]', ""), "rule 'a'", "'any' is missing"),
        (GOOD.replace('["word"]', '"word"'), "rule 'a'", "not a list"),
        (GOOD.replace('["word"]', '["word", 3]'), "rule 'a'", "3"),
        (GOOD.replace('["word"]', '["@nudes"]'), "rule 'a'", "@nudity"),
        (GOOD + "with = []", "rule 'a'", "'with' is empty"),
        (GOOD.replace('name = "a"', ""), "rule 1", "'name' is missing"),
        (GOOD + GOOD, "rule 'a'", "another rule"),
        (
            GOOD + GOOD.replace('"a"', '"minors in a sexual context"'),
            "minors in a sexual context",
            "another rule",
        ),
        (GOOD + 'reads = "all"', "rule 'a'", "everywhere"),
        (GOOD.replace('"spam"', '"minors"') + 'age_restricted = "allow"', "rule 'a'", "refused everywhere"),
        (GOOD.replace('"spam"', '"minors"').replace('"refuse"', '"flag"'), "rule 'a'", "refused everywhere"),
        ("[[rules]]\n", "top level", "did you mean 'rule'"),
        ("rule = 3", "top level", "[[rule]]"),
        ("rule = [3]", "rule 1", "[[rule]]"),
    ],
)
def test_a_broken_file_says_where_and_what_to_do(text: str, where: str, says: str) -> None:
    with pytest.raises(RulesBroken) as broken:
        parse_rules(text, file="own.toml")
    assert broken.value.file == "own.toml"
    assert where in broken.value.where
    assert says in str(broken.value)


def test_a_file_that_is_not_utf8_names_the_line(tmp_path: Path) -> None:
    file = tmp_path / "own.toml"
    file.write_bytes(b"# fine\n# caf\xe9\n")
    with pytest.raises(RulesBroken) as broken:
        load_rules(file)
    assert broken.value.where == "line 2"


def test_an_owners_file_replaces_the_default_rules(tmp_path: Path) -> None:
    file = tmp_path / "own.toml"
    file.write_text(GOOD)
    screen = PromptFilter(load_rules(file))
    assert screen.check({"prompt": "a w0rd"}).rule == "a"
    assert screen.check({"prompt": "a cocaine lab"}).ruling is Ruling.ALLOW


def test_with_needs_both_groups_and_except_neutralises() -> None:
    screen = PromptFilter(parse_rules(GOOD + 'with = ["other thing"]\nexcept = ["word of honour"]'))
    assert screen.check({"prompt": "word"}).ruling is Ruling.ALLOW
    assert screen.check({"prompt": "other thing, word"}).ruling is Ruling.REFUSE
    assert screen.check({"prompt": "word", "style": "other thing"}).ruling is Ruling.REFUSE
    assert screen.check({"prompt": "other thing, word of honour"}).ruling is Ruling.ALLOW


def test_the_notation_for_words() -> None:
    assert list(patterns("box")) == [("box",), ("boxes",)]
    assert list(patterns("lady")) == [("lady",), ("ladys",), ("ladies",)]
    assert list(patterns("=figa")) == [("figa",)]
    assert list(patterns("self-harm")) == [("self", "harm"), ("self", "harms")]
    assert list(patterns("nackt*")) == [("nackt*",)]
    assert ("07", "years") in patterns("0..17 years")
    assert ("17", "years") in patterns("0..17 years")
    assert ("18", "years") not in patterns("0..17 years")


def test_a_stem_takes_three_more_letters_and_no_more() -> None:
    screen = PromptFilter(parse_rules(GOOD.replace('"word"', '"nackt*"').replace('"spam"', '"harassment"')))
    assert screen.check({"prompt": "nackt"}).category is Category.HARASSMENT
    assert screen.check({"prompt": "nackten"}).category is Category.HARASSMENT
    assert screen.check({"prompt": "nacktschnecke"}).ruling is Ruling.ALLOW


def test_the_shipped_rules_load_and_each_of_their_words_fires() -> None:
    rules = load_rules()
    screen = PromptFilter(rules)
    silent: list[tuple[str, str]] = []
    for rule in rules.rules:
        if rule.with_any_of or rule.reads != "prompt":
            continue
        for word in rule.any_of:
            alone = word.removeprefix("=")
            if "*" in alone or set(phrase(alone)) & _only():  # these count in a text of their language
                continue
            if screen.check({"prompt": alone}).ruling is Ruling.ALLOW:
                silent.append((rule.name, word))
    assert silent == []


DEEP = "[" * 5000
MANY_DIGITS = "9" * 5000


@pytest.mark.parametrize(
    ("text", "where", "says"),
    [
        (GOOD + f"\nwith = {DEEP}", "line 7", "nested too deeply"),
        (GOOD + f"with = {MANY_DIGITS}", "line 6", "too many digits"),
        (GOOD.replace('["word"]', f"[0x{MANY_DIGITS}]"), "rule 'a'", "too many digits"),
        (GOOD.replace('name = "a"', 'name = "a\\u0000"'), "rule 1", "control characters"),
        (GOOD + '"a\\nb" = 1', "rule 'a'", "not known"),
        (GOOD.replace("name", "\0name"), "line 2", "TOML"),
    ],
)
def test_a_hostile_file_is_one_sentence_with_its_place(text: str, where: str, says: str) -> None:
    with pytest.raises(RulesBroken) as broken:
        parse_rules(text, file="own.toml")
    assert where in broken.value.where and says in str(broken.value)
    assert "\n" not in str(broken.value) and "\0" not in str(broken.value)


@pytest.mark.parametrize("path", ["a\0b", "."])
def test_a_path_that_is_no_file_is_one_sentence_with_its_setting(path: str) -> None:
    with pytest.raises(RulesBroken) as broken:
        load_rules(Path(path))
    assert "moderation.rules" in str(broken.value) and "\0" not in str(broken.value)
