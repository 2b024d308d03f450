"""The detectors, by their names in the settings, and the reader of texts. Only what is wanted is imported."""

from collections.abc import Sequence
from typing import Literal, get_args

from moderation.pictures.check import Detector, DetectorBroken, TextReader

Name = Literal["opennsfw", "nudenet", "safety-checker"]


def load_detectors(names: Sequence[str], safety_checker: str = "") -> tuple[Detector, ...]:
    """Loads the named detectors. `safety_checker`: the folder or hub name of its weights. Raises DetectorBroken."""
    return tuple(_load(name, safety_checker) for name in names)


def load_reader() -> TextReader | None:
    """Loads the reader of texts in pictures; None if its package is not installed. Raises DetectorBroken."""
    from moderation.pictures.text import rapidocr

    if not rapidocr.is_installed():
        return None
    from moderation.pictures.text.apart import ReaderApart

    return ReaderApart()


def _load(name: str, safety_checker: str) -> Detector:
    match name:
        case "opennsfw":
            from moderation.pictures import opennsfw

            return opennsfw.load()
        case "nudenet":
            from moderation.pictures import nudenet

            return nudenet.load()
        case "safety-checker":
            from moderation.pictures import safety_checker as checker

            return checker.load(safety_checker)
        case _:
            raise DetectorBroken(
                name, "there is none of that name", f"There are: {', '.join(get_args(Name))}."
            )
