"""Errors that end a start; each has a sentence for the owner. Every layer may import this module; it imports none."""


class StartError(Exception):
    """An error that only the owner can fix. `str()` is a sentence for the owner: the fault, its place, and the remedy."""
