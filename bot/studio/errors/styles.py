"""Refusals of a server's styles."""

from bot.studio.errors.refusal import Refusal


class StyleRefusal(Refusal):
    """A style can't be saved, used or deleted as asked."""


class UnknownStyle(StyleRefusal):
    name: str
    nearest: str  # among the server's styles; empty when it has none


class BadStyleName(StyleRefusal):
    name: str
    limit: int  # characters


class EmptyStyle(StyleRefusal):
    """It has neither words nor LoRAs nor a picture."""


class StyleTakesWords(StyleRefusal):
    """The style's words contain a parameter other than LoRAs."""


class StyleTaken(StyleRefusal):
    """The style is another member's."""

    name: str


class TooManyStyles(StyleRefusal):
    limit: int
    is_own: bool  # the member's; otherwise the server's


class NotYourStyle(StyleRefusal):
    name: str


class NoRemovedStyle(StyleRefusal):
    """No moderator removed a style of that name, or not lately."""

    name: str
    kept: float  # seconds for which a removed style can come back


class StyleIsThere(StyleRefusal):
    """A removed style can't come back, because another one has its name now."""

    name: str
