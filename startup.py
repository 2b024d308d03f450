"""What ends a start: errors with a sentence of their own. Every layer may import this; it imports nothing."""


class StartError(Exception):
    """Something that only the owner can mend. `str()` is a sentence for them: what is wrong, where, and what to do."""
