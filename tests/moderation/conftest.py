"""The shipped rules and the shipped model, read once."""

import pytest

from moderation.classifier import load_classifier
from moderation.figures import load_figures
from moderation.rules import Rules, load_rules
from moderation.screen import Screen


@pytest.fixture(scope="session")
def rules() -> Rules:
    return load_rules()


@pytest.fixture(scope="session")
def screen(rules: Rules) -> Screen:
    """The rules alone."""
    return Screen(rules)


@pytest.fixture(scope="session")
def learned_screen(rules: Rules) -> Screen:
    """All that ships."""
    return Screen(rules, load_classifier(), load_figures())
