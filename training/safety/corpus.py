"""The development data as examples, and the sources that are left out together. Knows no model."""

import json
import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from moderation.classifier.glossary import in_english, meanings
from moderation.normalise.normalise import words
from moderation.prompts.filter import canonical
from moderation.prompts.rules import Part, Reads, Rules
from moderation.verdict import Category, Ruling
from training.safety import two_lives
from training.safety.two_lives import Half

CATEGORIES = (
    Category.SEXUAL,
    Category.NUDITY,
    Category.GORE,
    Category.HATE,
    Category.HARASSMENT,
    Category.SELF_HARM,
    Category.ILLEGAL,
)

# Maps the data's categories to ours. The data says "sexual" also for mere nudity, and "hate" also for insults of one person.
_OURS = {
    "sexual": Category.SEXUAL,
    "violence": Category.GORE,
    "shocking": Category.GORE,
    "hate": Category.HATE,
    "illegal": Category.ILLEGAL,
    "self_harm": Category.SELF_HARM,
}
_HATE_RULES = ("slurs", "hate", "a group of people made less than people", "hateful theme")
# Categories in order of precedence for a row that shows several: a pervert's corpse is gore before it is an insult.
_RATHER = (Category.SEXUAL, Category.NUDITY, Category.SELF_HARM, Category.GORE, Category.ILLEGAL)
_BLOODSHED = frozenset(
    (
        "blood", "bloody", "bloodied", "bleeding", "corpse", "lifeless", "severed", "slit", "stab", "stabbed", "stabs",
        "strangled", "beaten", "dying", "gouged", "bruised", "bruises", "knife", "gun",
    )
)  # fmt: skip
_GROUPS = frozenset(
    [
        "muslim",
        "muslims",
        "islam",
        "islamic",
        "jew",
        "jews",
        "jewish",
        "christian",
        "christians",
        "hindu",
        "black",
        "blacks",
        "white",
        "asian",
        "asians",
        "arab",
        "arabs",
        "african",
        "africans",
        "mexican",
        "mexicans",
        "latino",
        "latina",
        "hispanic",
        "immigrant",
        "immigrants",
        "refugee",
        "refugees",
        "migrant",
        "migrants",
        "foreigner",
        "foreigners",
        "gay",
        "gays",
        "lesbian",
        "lesbians",
        "trans",
        "transgender",
        "queer",
        "homosexual",
        "homosexuals",
        "lgbt",
        "women",
        "woman",
        "female",
        "disabled",
        "disability",
        "handicapped",
        "race",
        "racial",
        "racist",
        "religion",
        "religious",
        "ethnic",
        "ethnicity",
        "minority",
        "minorities",
        "indigenous",
        "native",
        "gender",
        "sexist",
        "elderly",
        "homeless",
        "poor",
    ]
)

# Whole sources that the encoder never trains on. Its scores on them set the mixture and the scale. One language model wrote both
# halves of CoProV2. Its test half shows the filter on more text of a known kind; the other sources show it on new kinds.
HELD_OUT = frozenset(
    {"coprov2_test", "coco_captions", "partiprompts", "xstest_v2", "hard_safe_handwritten_dev"}
    | {"openai_moderation_1680", "multilingual_hatecheck"}
)
# The other half of the sources, for encoders and linear models that do not ship. They show how well the first half's figures
# generalise. Multilingual HateCheck is grouped with HateCheck, because it translates HateCheck's sentences.
HELD_OUT_TOO = frozenset(
    {"imagereward_diffusiondb", "t2i_compbench", "adversarial_nibbler", "i2p", "hatecheck"}
    | {"multilingual_hatecheck"}
)
CAPTIONS = frozenset({"coco_captions", "partiprompts", "t2i_compbench"})
REAL_USERS = frozenset({"imagereward_diffusiondb"})
WORD_LISTS = "ldnoobw_"  # prefix of sources that are word lists, not prompts, and can't teach sentences

# How often a row is repeated, so that a source of 200 rows counts as much as one of 15,000. Nibbler and I2P label a prompt unsafe
# when its picture was unsafe. Most of those prompts read as harmless, so repeating them would teach noise.
_REPEATS = {
    "openai_moderation_1680": 2,
    "xstest_v2": 3,
    "hard_safe_handwritten_dev": 6,
    "hard_safe_own": 3,
    "two_lives": 3,
    "two_lives_harmful": 15,  # as much as the harmless ones
    "rules": 3,
}
# Sources of phrases, which are parts of prompts.
PHRASES = frozenset({"rules", "hard_safe_own", "two_lives", "two_lives_harmful", "poses", "excepted"})
_PLAIN = re.compile(r"[a-z ]+")
_HARD_SAFE = Path(__file__).with_name("hard_safe.txt")
# Maximum rows of large sources.
_THINNED_ROWS = {
    "coprov2_train": 17_000,
    "imagereward_diffusiondb": 3_500,
    "t2i_compbench": 2_500,
    "coco_captions": 3_500,
}
# Maximum rows for training an encoder; the n-grams use all rows.
_LESSON_ROWS = {**_THINNED_ROWS, "coprov2_test": 4_000}
_POSES = 600
_FEWEST_MEANINGS = 3  # minimum known words of a text reduced to the words of the foreign word list


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    prompt: str  # as typed; empty for a reduced text
    text: str  # as the classifier reads it
    is_unsafe: bool
    category: int  # index into CATEGORIES, -1 for safe examples
    source: str
    language: str
    is_for_thinning: bool = True

    @property
    def category_name(self) -> str:
        return CATEGORIES[self.category].value if self.category >= 0 else "safe"

    @property
    def repeats(self) -> int:
        return _REPEATS.get(self.source, 1)


def rows(file: Path) -> list[dict[str, Any]]:
    with file.open(encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def examples(data: Path, rules: Rules, *, seed: int) -> list[Example]:
    """Returns all training prompts in the files' order, followed by reduced copies of some."""
    chance = random.Random(seed)
    found = [
        row
        for name in ("dev.jsonl", "multilingual_dev.jsonl")
        for row in rows(data / name)
        if not row["source"].startswith(WORD_LISTS)
    ]
    chosen = _chosen(found, chance)
    whole = [_example(row, rules, is_for_thinning=at in chosen) for at, row in enumerate(found)]
    return [*whole, *_thinned(whole, chance), *_own(rules)]


def lessons(found: Sequence[Example], left_out: frozenset[str], chance: random.Random) -> list[int]:
    """Returns the indices of the examples for training an encoder that must not see some sources. Repeated examples occur several
    times."""
    by_source: dict[str, list[int]] = {}
    for at, example in enumerate(found):
        if example.source not in left_out and example.text:
            by_source.setdefault(example.source, []).append(at)
    return [
        at
        for source, group in by_source.items()
        for at in chance.sample(group, min(len(group), _LESSON_ROWS.get(source, len(group))))
        for _ in range(found[at].repeats)
    ]


def _own(rules: Rules) -> Iterator[Example]:
    """Yields the project's own harmless prompts, and the rules' rulings on single phrases. Phrases, not whole prompts."""
    for line in _HARD_SAFE.read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            yield _phrase(line, "hard_safe_own", None, rules)
    for phrase in two_lives.harmless(Half.MEND):
        yield _phrase(phrase, "two_lives", None, rules)
    for category, phrase in two_lives.harmful(Half.MEND):
        yield _phrase(phrase, "two_lives_harmful", category, rules)
    for pose in two_lives.poses(_POSES):
        yield _phrase(pose, "poses", None, rules)
    excepted = dict.fromkeys(
        phrase for rule in rules.rules for phrase in filter(_PLAIN.fullmatch, rule.unless)
    )
    for phrase in excepted:
        yield _phrase(f"a {phrase}", "excepted", None, rules)
    for rule in (each for each in rules.rules if not each.is_silent):
        if rule.category in CATEGORIES and rule.reads is Reads.PROMPT and rule.ruling is Ruling.REFUSE:
            for phrase in filter(_PLAIN.fullmatch, rule.any_of if not rule.with_any_of else ()):
                yield _phrase(phrase, "rules", rule.category, rules)
                yield _phrase(f"a woman and a man, {phrase}", "rules", rule.category, rules)


def _phrase(prompt: str, source: str, category: Category | None, rules: Rules) -> Example:
    return Example(
        prompt=prompt,
        text=in_english(canonical(prompt, rules)),
        is_unsafe=category is not None,
        category=-1 if category is None else CATEGORIES.index(category),
        source=source,
        language="en",
        is_for_thinning=False,
    )


def _chosen(found: Sequence[dict[str, Any]], chance: random.Random) -> set[int]:
    by_source: dict[str, list[int]] = {}
    for at, row in enumerate(found):
        by_source.setdefault(row["source"], []).append(at)
    chosen: set[int] = set()
    for source, group in by_source.items():
        chosen.update(chance.sample(group, min(len(group), _THINNED_ROWS.get(source, len(group)))))
    return chosen


def _example(row: dict[str, Any], rules: Rules, *, is_for_thinning: bool) -> Example:
    text = in_english(canonical(row["prompt"], rules))
    return Example(
        prompt=row["prompt"],
        text=text,
        is_unsafe=bool(row["label"]),
        category=CATEGORIES.index(_category(row["category"], text, rules)) if row["label"] else -1,
        source=row["source"],
        language=row["language"],
        is_for_thinning=is_for_thinning,
    )


def _category(theirs: str, text: str, rules: Rules) -> Category:
    ours = _OURS[theirs]
    tokens = words(text)
    found = [
        rule for rule, parts in rules.found(tokens).items() if parts.get(Part.ANY) and not rule.with_any_of
    ]
    names = {rule.name for rule in found}
    if ours is Category.SEXUAL and "nudity" in names and "explicit sex" not in names:
        return Category.NUDITY
    if ours is Category.HATE and _GROUPS.isdisjoint(tokens) and names.isdisjoint(_HATE_RULES):
        shown = {rule.category for rule in found}
        if not _BLOODSHED.isdisjoint(tokens):
            shown.add(Category.GORE)
        return next((category for category in _RATHER if category in shown), Category.HARASSMENT)
    return ours


def _thinned(whole: Sequence[Example], chance: random.Random) -> Iterator[Example]:
    """Yields prompts reduced to the words that the foreign word list knows. They read like word-for-word translations."""
    known = {word for meaning in meanings() for word in meaning.split()}
    for example in whole:
        if example.language == "en" and example.is_for_thinning and chance.random() < 0.1:
            kept = [word for word in example.text.split() if word in known or word.removesuffix("s") in known]
            if len(kept) >= _FEWEST_MEANINGS:
                yield Example(
                    prompt="",
                    text=" ".join(kept),
                    is_unsafe=example.is_unsafe,
                    category=example.category,
                    source=example.source,
                    language=example.language,
                )
