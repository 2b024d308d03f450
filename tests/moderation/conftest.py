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
    """The filter with rules only."""
    return PromptFilter(rules)


@pytest.fixture(scope="session")
def learned_screen(rules: Rules) -> PromptFilter:
    """The complete shipped filter."""
    return PromptFilter(rules, load_classifier(), load_figures())
