"""Starts one checkout's bot on a data folder and prints the seconds until it is ready. `benchmarks.rows` runs it.

PYTHONPATH=CHECKOUT python -P benchmarks/rows/start.py DATA_FOLDER
"""

import asyncio
import sys
import time
from pathlib import Path

from playground.demo import BotProcess
from playground.server import Playground

_CONFIG = """
[discord]
ready_timeout = 0.0
[retention]
prompts_days = 0
cases_days = 0
sanctions_days = 0
audit_days = 36500
"""
"""Nothing is deleted by its age: the rows stay for the next turn."""


async def main(data: Path) -> None:
    config, log = data / "config.toml", data / "bot.log"
    config.write_text(_CONFIG, "utf-8")
    bot = BotProcess(data, config, log)
    async with Playground.open() as play:
        bot.point_at(play.api_url, play.token)
        began = time.perf_counter()
        await bot.start()
        try:
            await play.wait_for_bot(60)
            print(time.perf_counter() - began)
        finally:
            await bot.stop()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
