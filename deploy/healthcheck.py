"""The container's health check: `python -m deploy.healthcheck`, in the root of the project.

Asks the running bot for GET /health, if the settings open it: Discord must be connected, the database must answer, a worker must
take jobs, and the disk must have room. Otherwise it can only check that the database opens and is current, which is also so
after the bot has stopped.

Exit code 0: healthy. 1: unhealthy; one sentence is printed.
"""

import http.client
import json
import os
import sys

from bot.studio.settings import PROJECT, address_of, load
from db.errors import StorageError
from db.migrate import FILE_NAME
from db.state import opened
from startup import StartError

_ANSWER_SECONDS = 10.0


def main() -> int:
    config = PROJECT / "config.toml"
    try:
        settings = load(config if config.exists() else None, os.environ)
        if settings.metrics.listen:
            print(_ask(*address_of(settings.metrics.listen)))
        else:
            with opened(settings.data / FILE_NAME, is_current=True):
                print("The database is there. To check the bot itself, set metrics.listen.")
    except (StartError, StorageError, Unhealthy) as error:
        print(error)
        return 1
    return 0


class Unhealthy(Exception):
    pass


def _ask(host: str, port: int) -> str:
    connection = http.client.HTTPConnection(host, port, timeout=_ANSWER_SECONDS)
    try:
        connection.request("GET", "/health")
        answer = connection.getresponse()
        faults: list[str] = json.loads(answer.read())["faults"]
    except (OSError, http.client.HTTPException, ValueError, LookupError) as error:
        raise Unhealthy(f"The bot does not answer at {host}:{port}: {error}.") from error
    finally:
        connection.close()
    if faults:
        raise Unhealthy(f"The bot answers, but these parts do not work: {', '.join(faults)}.")
    return "The bot answers, and every part works."


if __name__ == "__main__":
    sys.exit(main())
