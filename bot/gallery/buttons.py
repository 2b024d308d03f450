"""The buttons of cards and galleries."""

from __future__ import annotations

from bot.studio.orders.order import GalleryAction
from bot.ui.components import PICTURE, Button


class GalleryButton(Button, actions=GalleryAction, of=PICTURE):
    """On cards and galleries: `<press>:<job>:<image>`. Nothing that the database knows is in it."""
