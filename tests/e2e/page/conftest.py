"""The browser of the page's own tests, used with the shipped bot."""

from tests.playground.page.conftest import browser, visit

__all__ = ["browser", "visit"]
