"""Prompts to begin with. The bundled model draws them well."""

from typing import Final

PROMPTS: Final = (
    "an owl",
    "a panda",
    "a rocket",
    "a pizza",
    "a koala",
    "a unicorn",
    "a castle",
    "a ghost",
    "a donut",
    "a sunflower",
    "a ladybug",
    "a jellyfish",
)
TOPIC: Final = f"Pictures for all members: /imagine {PROMPTS[0]}, 🐼 or un renard"
