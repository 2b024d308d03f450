"""A worker without a model: a real process that uses the real frames and follows a script in the prompt.

The first word of a prompt is the action, the second a file or a kind. An unknown action draws normally:

    hold FILE       runs until FILE exists          die             kills itself
    hang            stops answering                 garbage, huge   breaks the stream
    fail KIND       fails every time                twice           finishes two times
    mend MODEL      loads a model that was broken   large SIZE      sends pictures of so many bytes
    reads 75 120    says that the model reads 75 of the prompt's 120 tokens
    X-once FILE     X, unless FILE exists; then makes it, so that the next try succeeds
"""

import os
import signal
import sys
import threading
from pathlib import Path
from queue import Empty, SimpleQueue

from generation import protocol
from generation.prompt import Notation, Reading
from generation.protocol import Event, Order, decode_order, frames
from generation.request import GenerationRequest, ModelName, Request

COMMAND = (sys.executable, "-m", "tests.generation.stand_in")
SECONDS_PER_COST = 0.5

orders: SimpleQueue[Order] = SimpleQueue()
is_hung = threading.Event()


def write(content: bytes) -> None:
    sys.stdout.buffer.write(content)
    sys.stdout.buffer.flush()


def tell(event: Event) -> None:
    for one in frames(event):
        write(one)


def read() -> None:
    while len(head := sys.stdin.buffer.read(4)) == 4:
        order = decode_order(sys.stdin.buffer.read(int.from_bytes(head, "big")))
        if is_hung.is_set():
            threading.Event().wait()
        orders.put(order)
        if isinstance(order, protocol.Stop):
            return
    os._exit(0)


def script_of(request: Request) -> list[str]:
    words = request.drawing.prompt.text.split() if isinstance(request, GenerationRequest) else []
    if words and words[0].endswith("-once"):
        once = Path(words[1])
        if once.exists():
            return []
        once.touch()
        return [words[0].removesuffix("-once"), *words[2:]]
    return words


def finish(request: Request, number: int, size: int = 0) -> None:
    content = bytes(size) or f"{os.getpid()} {number}".encode()
    tell(
        protocol.Finished(
            job=request.job,
            pictures=(content,) * request.drawing.images,
            device_seconds=SECONDS_PER_COST * request.cost,
        )
    )


def reading_of(script: list[str]) -> Reading | None:
    """Reads "reads 75 120 …" as a prompt of which the model reads 75 of 120 tokens, without its weights."""
    match script:
        case ["reads", read, tokens, *_]:
            return Reading(read=int(read), tokens=int(tokens), ignored=(Notation.WEIGHTS,))
        case _:
            return None


def perform(request: Request, number: int) -> bool:
    """Performs the prompt's script. Returns whether the job continues."""
    script = script_of(request)
    tell(protocol.Started(job=request.job, reading=reading_of(script)))
    match script:
        case ["hold", path]:
            tell(protocol.Stepped(job=request.job, done=1, total=2))
            tell(
                protocol.Vitals(
                    silent_seconds=0.0, slots=request.drawing.images, steps=0, rows=0, device_seconds={}
                )
            )
            tell(protocol.Previewed(job=request.job, picture=str(os.getpid()).encode()))
            if not Path(path).exists():
                return True
        case ["die"]:
            os.kill(os.getpid(), signal.SIGKILL)
        case ["hang"]:
            is_hung.set()
            threading.Event().wait()
        case ["garbage"]:
            write(b"\0\0\0\4oops")
        case ["huge"]:
            write(b"\xff\xff\xff\xff")
        case ["fail", kind]:
            tell(protocol.Failed(job=request.job, kind=kind, reason="as told"))
            return False
        case ["mend", model]:
            tell(protocol.Swapped(loaded=ModelName(model), evicted=(), seconds=0.0, resident_bytes=0))
        case ["large", size]:
            finish(request, number, int(size))
            return False
        case ["twice"]:
            finish(request, number)
        case _:
            pass
    finish(request, number)
    return False


def main() -> None:
    threading.Thread(target=read, daemon=True).start()
    held: dict[str, tuple[Request, int]] = {}
    number = 0
    while True:
        for job, (request, arrival) in list(held.items()):
            if Path(request.drawing.prompt.text.split()[-1]).exists():
                finish(request, arrival)
                del held[job]
        try:
            order = orders.get(timeout=0.01)
        except Empty:
            continue
        match order:
            case protocol.Configure(default="broken"):
                tell(protocol.ModelBroken(model=order.default, reason="as told"))
            case protocol.Configure():
                tell(protocol.Ready(device="stand-in", seconds=0.0))
            case protocol.Ping(number=ping):
                tell(protocol.Pong(number=ping))
            case protocol.Generate(request=request) | protocol.Upscale(request=request):
                number += 1
                if perform(request, number):
                    held[request.job] = (request, number)
            case protocol.Cancel(job=job):
                if held.pop(job, None):
                    tell(protocol.Cancelled(job=job))
            case protocol.Stop():
                if "--deaf-to-stop" in sys.argv:
                    threading.Event().wait()
                sys.exit(0)


if __name__ == "__main__":
    main()
