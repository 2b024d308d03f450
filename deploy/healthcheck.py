"""The container's health check: `python -m deploy.healthcheck`, in the root of the project.

Asks the running bot for its metrics, if the settings open them: the event loop must answer, and a worker must take jobs. Without
metrics it can only check that the database can be opened and is current, which is also so after the bot has stopped.

Exit code 0: healthy. 1: unhealthy; one sentence is printed.
"""

import http.client
import os
import re
import sys

from bot.studio.settings import PROJECT, address_of, load
from db.errors import StorageError
from db.migrate import FILE_NAME
from db.state import opened
from startup import StartError

_ANSWER_SECONDS = 10.0
_WORKER_READY = re.compile(rb"^atelier_worker_ready 1(\.0)?$", re.MULTILINE)


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
        connection.request("GET", "/metrics")
        answer = connection.getresponse()
        metrics = answer.read()
    except (OSError, http.client.HTTPException) as error:
        raise Unhealthy(f"The bot does not answer at {host}:{port}: {error}.") from error
    finally:
        connection.close()
    if answer.status != http.HTTPStatus.OK:
        raise Unhealthy(f"The bot answers at {host}:{port} with status {answer.status}.")
    if not _WORKER_READY.search(metrics):
        raise Unhealthy("The bot answers, but no worker takes jobs.")
    return "The bot answers, and a worker takes jobs."


if __name__ == "__main__":
    sys.exit(main())
