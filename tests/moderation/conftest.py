"""The shipped rules and the shipped model, read once."""

import pytest

from moderation.classifier.classifier import load_classifier
from moderation.prompts.filter import PromptFilter
from moderation.prompts.public_figures import load_figures
from moderation.prompts.rules import Rules, load_rules


@pytest.fixture(scope="session")
def rules() -> Rules:
    return load_rules()


@pytest.fixture(scope="session")
def screen(rules: Rules) -> PromptFilter:
    """The rules alone."""
    return PromptFilter(rules)


@pytest.fixture(scope="session")
def learned_screen(rules: Rules) -> PromptFilter:
    """All that ships."""
    return PromptFilter(rules, load_classifier(), load_figures())
