"""Reads pictures: `python -m moderation.pictures.text PICTURE…` prints what is written in each, and the seconds that it took."""

import sys
import time
from pathlib import Path

from PIL import Image

from moderation.pictures.text import rapidocr


def main(paths: list[str]) -> None:
    reader = rapidocr.load()
    for path in paths:
        with Image.open(Path(path)) as picture:
            start = time.perf_counter()
            text = reader.read(picture.convert("RGB"))
        print(f"{path}: {time.perf_counter() - start:.2f} s: {text!r}")


if __name__ == "__main__":
    main(sys.argv[1:])
