"""The captions' phrases for backdrops. No torch, no files.

`around` has a {} for the objects; `alone` names the backdrop without objects.
"""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Wording:
    around: tuple[str, ...]
    alone: tuple[str, ...]


def _wording(around: str, alone: str) -> Wording:
    """Returns a wording. Phrases that begin with a comma or a preposition are placed behind the objects."""
    phrases = tuple(phrase.strip() for phrase in around.split("|"))
    return Wording(
        tuple(
            phrase if "{}" in phrase else f"{{}}{phrase}" if phrase.startswith(",") else f"{{}} {phrase}"
            for phrase in phrases
        ),
        tuple(phrase.strip() for phrase in alone.split("|")),
    )


WORDINGS: Final[dict[str, Wording]] = {
    "night": _wording(
        "at night | at midnight | under the stars | in the moonlight | under a starry sky | on a starry night |"
        "by night | under the night sky | a night scene with {} | , night background",
        "the night sky | a starry night | a night landscape",
    ),
    "snow": _wording(
        "in the snow | in winter | in a snowy landscape | on a snowy day | in a snowstorm | on snow | in deep snow |"
        "in a blizzard | a winter scene with {} | a snowy scene with {} | , snow background",
        "a snowy landscape | a winter landscape | snowfall in winter",
    ),
    "space": _wording(
        "in space | in outer space | in the galaxy | in the cosmos | floating in space | in the universe |"
        "in deep space | flying through space | a space scene with {} | , space background",
        "outer space | the universe | deep space",
    ),
    "sea": _wording(
        "under the sea | underwater | in the deep sea | at the bottom of the sea | under water | in the ocean |"
        "in the sea | beneath the waves | in a coral reef | an underwater scene with {} | , underwater background",
        "an underwater scene | the bottom of the sea | the deep sea",
    ),
    "water": _wording(
        "on the sea | on the ocean | on the water | on a lake | at sea | on the river | floating on water |"
        "on the waves | on a pond | in the water | , water background",
        "a calm sea | the open ocean | a lake",
    ),
    "forest": _wording(
        "in the forest | in a forest | in the woods | in a green forest | among the trees | in the jungle |"
        "in a garden | in a park | on the grass | in a meadow | a forest scene with {} | , forest background",
        "a forest | the woods | a green landscape | a meadow with trees",
    ),
    "sunset": _wording(
        "at sunset | at dusk | at sunrise | at dawn | in the sunset | in the evening | in the evening light |"
        "in front of a sunset | at golden hour | a sunset scene with {} | , sunset background",
        "a sunset landscape | an evening sky | a sunset over mountains",
    ),
    "desert": _wording(
        "in the desert | on the sand | in the sand dunes | in the sand | in a hot desert | on the dunes |"
        "on the beach | on a sandy beach | a desert scene with {} | , desert background",
        "a desert landscape | sand dunes | a sandy desert",
    ),
    "sky": _wording(
        "in the sky | in the clouds | above the clouds | flying in the sky | among the clouds | in the air |"
        "in a blue sky | floating in the sky | up in the air | , sky background",
        "a blue sky | clouds in the sky | the sky",
    ),
    "room": _wording(
        "in a room | at home | indoors | in the living room | in a bedroom | in a kitchen | inside a house |"
        "in a cozy room | in the house | , indoor background",
        "an empty room | a living room | a bedroom",
    ),
    "city": _wording(
        "in the city | in a city | in a big city | in the city at night | on a city street | in the streets |"
        "in front of skyscrapers | in a cyberpunk city | in a neon city | a city scene with {} | , city background",
        "a neon city | a cyberpunk city | skyscrapers at night",
    ),
    "fire": _wording(
        "in flames | in fire | surrounded by fire | in the fire | in a sea of flames | in lava | with flames behind |"
        "in front of a wall of fire | , fire background",
        "a wall of fire | a sea of flames",
    ),
    "dark": _wording(
        "in the dark | in darkness | in a dark forest | in the shadows | in a dark cave | in a spooky place |"
        "in a haunted forest | in the gloom | a dark scene with {} | a spooky scene with {} | , dark background",
        "darkness | a dark forest | a haunted forest",
    ),
}
