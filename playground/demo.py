"""Runs `make demo`: the playground, and the bot in a separate process that can be stopped and started."""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from playground.server import Playground

ROOT = Path(__file__).resolve().parent.parent
COMMAND = (sys.executable, str(ROOT / "main.py"))
_STOP_SECONDS = 15.0


class BotProcess:
    """A bot process: `python main.py run`, connected to the playground through environment variables only. Implements the
    playground's bot control."""

    def __init__(
        self, data: Path, config: Path | None, log: Path | None = None, command: Sequence[str] = COMMAND
    ) -> None:
        """`log` is the file for standard error. None inherits this process's standard error. `command` takes the arguments of
        `main.py`."""
        self._command = command
        self._data = data
        self._config = config
        self._log = log
        self._environment: dict[str, str] = {}
        self._process: asyncio.subprocess.Process | None = None
        self._lock = asyncio.Lock()

    def point_at(self, api_url: str, token: str) -> None:
        self._environment = {
            "ATELIER_DISCORD_API": api_url,
            "DISCORD_TOKEN": token,
            "ATELIER_DATA": str(self._data),
        }

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.returncode is None

    @property
    def exit_code(self) -> int | None:
        """Returns the exit code of the last start; negative: the signal's number. None while the bot runs."""
        return self._process.returncode if self._process is not None else None

    @property
    def pid(self) -> int:
        """Returns the process id of the last start. Raises LookupError before the first start."""
        if self._process is None:
            raise LookupError("never started")
        return self._process.pid

    async def start(self) -> None:
        async with self._lock:
            if self.is_running:
                return
            options = ["--config", str(self._config)] if self._config else []
            with contextlib.ExitStack() as files:
                self._process = await asyncio.create_subprocess_exec(
                    *self._command,
                    *options,
                    "run",
                    "--stop-with-stdin",
                    env={**os.environ, **self._environment},
                    # Never written to. The operating system closes the pipe when this process ends for any reason.
                    stdin=asyncio.subprocess.PIPE,
                    stderr=files.enter_context(self._log.open("ab")) if self._log else None,
                )

    async def stop(self) -> None:
        """Stops the bot with SIGTERM. Queued jobs continue at the next start."""
        async with self._lock:
            if self._process is None or self._process.returncode is not None:
                return
            self._process.send_signal(signal.SIGTERM)
            try:
                await asyncio.wait_for(self._process.wait(), _STOP_SECONDS)
            except TimeoutError:
                self._process.kill()
                await self._process.wait()

    async def kill(self) -> None:
        """Kills the bot at once, like a power failure."""
        async with self._lock:
            if self._process is not None and self._process.returncode is None:
                self._process.kill()
                await self._process.wait()


async def demo(port: int, data: Path, config: Path | None) -> None:
    """Runs until interrupted. The world and the bot's data are kept under `data` and survive restarts."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    bot = BotProcess((data / "bot").resolve(), config)
    async with Playground.open(port=port, folder=data / "playground", bot_control=bot) as play:
        bot.point_at(play.api_url, play.token)
        # A second moderator, because the moderator who decided a case may not answer its appeal.
        play.add_member("max", is_moderator=True)
        print(f"\n  Atelier's playground: open {play.page_url} in a browser.\n", flush=True)
        print(
            "  Type /imagine prompt: a red apple on a blue background. Ctrl-C stops everything.\n", flush=True
        )
        await bot.start()
        try:
            await stop.wait()
        finally:
            with contextlib.suppress(ProcessLookupError):
                await bot.stop()
