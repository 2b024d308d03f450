"""The scripted worker of tests/generation, with real pictures: a job's pictures are red, green, blue and white squares.

show WORD WORD …    one picture per word: the picture check refuses "refused" and flags "flagged"; "waves7" has detail, and each
                    number gives a different picture; any other word is a colour
"""

import io

from PIL import Image

from generation import protocol
from generation.request import GenerationRequest, ImageSize, Request
from tests import pictures
from tests.generation import stand_in

COMMAND = (*stand_in.COMMAND[:2], "tests.bot.painter")
COLOURS = ("red", "green", "blue", "white")
SMALL = ImageSize(width=16, height=16)


def png(colour: str = "red", size: ImageSize = SMALL) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (size.width, size.height), colour).save(out, "PNG")
    return out.getvalue()


def picture(word: str, size: ImageSize) -> bytes:
    side = max(size.width, 64)
    match word:
        case "refused":
            return pictures.png(pictures.blobs(pictures.REFUSED, side))
        case "flagged":
            return pictures.png(pictures.blobs(pictures.FLAGGED, side))
        case _ if word.startswith("waves"):
            return pictures.png(pictures.waves(int(word[5:]), side, side))
        case _:
            return png(word, size)


def finish(request: Request, number: int) -> None:
    size = request.drawing.size if isinstance(request, GenerationRequest) else SMALL
    words = stand_in.script_of(request)
    shown = words[1:] if words[:1] == ["show"] else COLOURS[: request.drawing.images]
    stand_in.tell(
        protocol.Finished(
            job=request.job,
            pictures=tuple(picture(word, size) for word in shown),
            device_seconds=stand_in.SECONDS_PER_COST * request.cost,
        )
    )


if __name__ == "__main__":
    stand_in.finish = finish
    stand_in.main()
