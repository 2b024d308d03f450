"""`python -m training.safety.names --data DIR`: writes the shipped list of public figures."""

import argparse
from collections.abc import Iterator
from pathlib import Path

from moderation.normalise.normalise import phrase
from moderation.normalise.vocabulary import ordinary_words
from moderation.prompts.filter import canonical
from moderation.prompts.public_figures import FICTIONAL, FIGURES, FLAGGED, MAKER
from moderation.prompts.rules import Rules, load_rules
from training.safety.corpus import rows

_MORE = Path(__file__).with_name("more_figures.txt")
_FICTIONAL = Path(__file__).with_name("fictional.txt")
# Marked by hand among the names, as folded: who makes pictures, buildings or clothes, and who is or was in politics.
_MARKED = {
    MAKER: Path(__file__).with_name("makers.txt"),
    FLAGGED: Path(__file__).with_name("in_politics.txt"),
}
# Names that are also everyday phrases. A prompt about the person usually contains more words.
_EVERYDAY = frozenset(
    (
        "the edge", "the rock", "ice cube", "vanilla ice", "the situation", "the eagles", "amber rose", "carrot top",
        "meat loaf", "one direction", "muddy waters", "shaggy", "sting", "dove cameron", "will i am", "the game", "common",
        "peel", "pelee", "prince", "the frost", "big mama", "river phoenix", "spike lee", "chevy chase", "hunter king",
    )
)  # fmt: skip
_SHORTEST_ALONE = 5  # minimum letters of a single-word name
_HEAD = """\
# Public figures, as the filter reads their names. From: Pantheon 1.0, born 1900 or later (CC BY 4.0; Yu et al., 2016),
# Giphy's celebrity detection (MPL-2.0), dariusk/corpora (CC0), United States legislators and executives (CC0), and
# training/safety/more_figures.txt (CC0). Made by training/safety/names.py; do not edit.
# Marks: - a character; * makes pictures, buildings or clothes; @ is or was in politics.
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="the folder with public_figures.jsonl")
    options = parser.parse_args()
    rules = load_rules()
    # "Lara" is read as a misspelt "Laura", so a character has two forms as well.
    characters = {
        FICTIONAL + form
        for name in _listed(_FICTIONAL)
        for form in (" ".join(phrase(name)), canonical(name, rules))
    }
    marks = {
        form: mark
        for mark, path in _MARKED.items()
        for name in _listed(path)
        for form in (" ".join(phrase(name)), canonical(name, rules))
    }
    forms = {form for name in _names(options.data) for form in _forms(name, rules)}
    names = sorted({marks.get(form, "") + form for form in forms} | characters)
    FIGURES.write_text(_HEAD + "\n".join(names) + "\n", encoding="utf-8")
    print(f"{len(names)} names")


def _names(data: Path) -> Iterator[str]:
    for row in rows(data / "public_figures.jsonl"):
        # A single name is usually also a word ("Cher", "Drake"). The project's own list has the people known by one name.
        if " " in " ".join(phrase(row["name"])):
            yield row["name"]
    yield from _listed(_MORE)


def _listed(path: Path) -> Iterator[str]:
    for line in path.read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            yield from (name.strip() for name in line.split(";"))


def _forms(name: str, rules: Rules) -> Iterator[str]:
    """Yields the folded name, and the name as the filter reads it after its spelling correction."""
    stands_alone, name = name.startswith("="), name.removeprefix("=")
    for form in (" ".join(phrase(name)), canonical(name, rules)):
        words = form.split()
        if not words or (len(words) == 1 and not stands_alone and len(form) < _SHORTEST_ALONE):
            continue
        if all(len(word) < 2 for word in words) or words == ["the"]:
            continue
        # "=Pelé" must not be read as "peel".
        if form in _EVERYDAY or (len(words) == 1 and form in ordinary_words() and form != name.lower()):
            continue
        yield form


if __name__ == "__main__":
    main()
