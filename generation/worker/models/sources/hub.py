"""Fetches models from the Hugging Face hub into its cache: the files that are loaded, and no others.

The cache's folder is in HF_HUB_CACHE, and the token for private models in HF_TOKEN. See
https://huggingface.co/docs/huggingface_hub/package_reference/environment_variables
"""

import glob
import json
import logging
import threading
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from huggingface_hub import HfApi, hf_hub_download, snapshot_download

from generation.files.hub_cache import cache_folder, repository_folder
from generation.files.model_folder import wanted_files

log = logging.getLogger(__name__)

PROGRESS_SECONDS = 10.0
"""The time between two lines of the log while a model is fetched."""


def fetch(name: str, revision: str = "", skip: tuple[str, ...] = (), *, endpoint: str | None = None) -> Path:
    """Returns the folder of a hub's model after fetching what it lacks.

    `revision`: a branch, a tag or a commit; empty: main. `skip`: components whose weights are not wanted. `endpoint`: the hub's
    address; None: the usual one. Raises BrokenModelFolder, and the errors of huggingface_hub.
    """
    version, cache = revision or None, cache_folder()
    info = HfApi(endpoint=endpoint).model_info(name, revision=version, files_metadata=True)
    sizes = {file.rfilename: file.size or 0 for file in info.siblings or ()}
    index = hf_hub_download(name, "model_index.json", revision=version, cache_dir=cache, endpoint=endpoint)
    files = wanted_files(name, json.loads(Path(index).read_bytes()), tuple(sizes), skip)
    with _told(name, repository_folder(name) / "blobs", sum(sizes[file] for file in files)):
        return Path(
            snapshot_download(
                name,
                revision=version,
                cache_dir=cache,
                endpoint=endpoint,
                allow_patterns=[glob.escape(file) for file in files],
            )
        )


@contextmanager
def _told(name: str, blobs: Path, total: int) -> Generator[None]:
    """Logs the bytes in `blobs` from time to time. `total`: bytes."""
    done = threading.Event()

    def tell() -> None:
        while not done.wait(PROGRESS_SECONDS):
            here = sum(file.stat().st_size for file in blobs.glob("*"))
            log.info("fetching %s: %.1f of %.1f GB", name, min(here, total) / 1e9, total / 1e9)

    log.info("fetching %s: %.1f GB", name, total / 1e9)
    thread = threading.Thread(target=tell, daemon=True, name="fetching")
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
    log.info("fetched %s", name)  # after the last line of the thread
