"""Fetches models from the Hugging Face hub into its cache: the files that are loaded, and no others. Imports no torch.

The cache's folder is in HF_HUB_CACHE, the token for private models in HF_TOKEN, the address of another hub in HF_ENDPOINT. See
https://huggingface.co/docs/huggingface_hub/package_reference/environment_variables
"""

import errno
import glob
import hashlib
import logging
import os
import re
import shutil
import threading
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from huggingface_hub import HfApi, hf_hub_download, hf_hub_url, snapshot_download
from huggingface_hub.errors import (
    EntryNotFoundError,
    GatedRepoError,
    HfHubHTTPError,
    HTTPError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from huggingface_hub.file_download import http_get
from huggingface_hub.utils import WeakFileLock, build_hf_headers, disable_progress_bars

from generation.files.hub_cache import cache_folder, gigabytes, repository_folder
from generation.files.model_folder import (
    inspect_folder,
    inspect_part,
    read_json,
    wanted_files,
    wanted_part_files,
)
from generation.files.model_source import ModelSource, inspect_entry
from generation.files.tensor_file import BrokenModelFolder
from generation.request import ModelEntry

log = logging.getLogger(__name__)

TELL_SECONDS, LOG_SECONDS = 1.0, 10.0
"""The time between two reports of the progress, and between two lines of the log, while a model is fetched."""

_ANSWER_SECONDS = 30.0
_MOST_BY_HTTP = 50 * 10**9
"""Bytes. The hub sends larger files only by its own protocol (hf_xet), which can't go on with a part of a file."""

_PIECE = 2**20
"""Bytes that are hashed at once."""

_LATER = "Try again later; what is here already is kept."

Tell = Callable[[int, int], None]
"""Receives the bytes that are here, and the bytes in all."""


class NotFetched(BrokenModelFolder):
    """A model could not be fetched from the hub."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteFile:
    size: int  # bytes; 0: it is empty, or the hub does not say it
    digest: (
        str  # SHA-256, or git's SHA-1 of a small file, in hexadecimal digits; empty: the hub does not say it
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """What the hub says about one revision of a model."""

    name: str
    revision: str  # as in `find_snapshot`
    files: Mapping[str, RemoteFile]  # by name, such as "unet/config.json"
    licence: str  # the hub's name of the licence, such as "apache-2.0"; empty: not said
    endpoint: str | None

    def blob(self, file: str) -> Path:
        """Returns the place of a file's content in the cache. The file must have a digest."""
        return repository_folder(self.name) / "blobs" / self.files[file].digest


def look_up(name: str, revision: str = "", *, endpoint: str | None = None) -> Listing:
    """Asks the hub for a model's files. `revision`: a branch, a tag or a commit; empty: main. Raises NotFetched.

    `endpoint`: the hub's address; None: HF_ENDPOINT, or the usual one.
    """
    endpoint = endpoint or os.environ.get("HF_ENDPOINT")
    with _explained(name, revision):
        info = HfApi(endpoint=endpoint).model_info(
            name, revision=revision or None, files_metadata=True, timeout=_ANSWER_SECONDS
        )
        return Listing(
            name=name,
            revision=revision,
            files={
                file.rfilename: RemoteFile(
                    size=file.size or 0, digest=_known(file.lfs.sha256 if file.lfs else file.blob_id)
                )
                for file in info.siblings or ()
            },
            licence=next(
                (tag.removeprefix("license:") for tag in info.tags or () if tag.startswith("license:")), ""
            ),
            endpoint=endpoint,
        )


def _known(digest: str | None) -> str:
    """Returns a digest that can name a file; empty for anything else."""
    return digest if digest and re.fullmatch("[0-9a-f]{40}|[0-9a-f]{64}", digest) else ""


def fetch(listing: Listing, skip: tuple[str, ...] = (), tell: Tell | None = None) -> Path:
    """Returns the folder of a hub's model after fetching what it lacks.

    `skip`: components whose weights are not wanted. Raises BrokenModelFolder.
    """
    with _explained(listing.name, listing.revision):
        index = hf_hub_download(
            listing.name,
            "model_index.json",
            revision=listing.revision or None,
            cache_dir=cache_folder(),
            endpoint=listing.endpoint,
        )
    files = wanted_files(listing.name, read_json(listing.name, Path(index)), tuple(listing.files), skip)
    return _fetch(listing, files, tell)


def fetch_missing(entry: ModelEntry, tell: Tell | None = None) -> ModelSource:
    """Returns where an entry's parts are, after fetching those that the hub's cache lacks. Raises BrokenModelFolder."""
    source = inspect_entry(entry)
    if source.is_complete:
        return source
    if name := source.to_fetch:
        skip = source.checkpoint.parts if source.checkpoint else ()
        inspect_folder(name, fetch(look_up(name, entry.revision), skip, tell), skip)
    for name in source.parts_to_fetch:
        listing = look_up(name)
        inspect_part(name, _fetch(listing, wanted_part_files(name, tuple(listing.files)), tell))
    return inspect_entry(entry)


def _fetch(listing: Listing, files: Sequence[str], tell: Tell | None) -> Path:
    disable_progress_bars()
    total = sum(listing.files[file].size for file in files)
    known = [file for file in files if listing.files[file].digest and listing.files[file].size]

    def here() -> int:
        return sum(_bytes_here(listing.blob(file), listing.files[file].size) for file in known)

    with _explained(listing.name, listing.revision), _told(listing.name, here, total, tell):
        _demand_room(listing.name, total - here())
        for file in known:
            _fetch_content(listing, file)
        # Only links are made now, except for files without a digest or a size.
        return Path(
            snapshot_download(
                listing.name,
                revision=listing.revision or None,
                cache_dir=cache_folder(),
                endpoint=listing.endpoint,
                allow_patterns=[glob.escape(file) for file in files],
            )
        )


def _fetch_content(listing: Listing, file: str) -> None:
    """Fetches the content of one file; goes on with a part that an earlier process left.

    huggingface_hub begins such a file anew: a restart during one of 5 GB would lose it.
    """
    blob, size = listing.blob(file), listing.files[file].size
    if blob.exists() or size > _MOST_BY_HTTP:
        return
    blob.parent.mkdir(parents=True, exist_ok=True)
    locks = cache_folder() / ".locks" / blob.parent.parent.name
    locks.mkdir(parents=True, exist_ok=True)
    part = _part(blob)
    with WeakFileLock(locks / f"{blob.name}.lock"):  # of huggingface_hub: another process may fetch it too
        if blob.exists():
            return
        begun = part.stat().st_size if part.exists() else 0
        if begun > size:
            part.unlink()
            begun = 0
        url = hf_hub_url(listing.name, file, revision=listing.revision or None, endpoint=listing.endpoint)
        with part.open("ab", buffering=0) as stream:  # what is told is on the disk
            http_get(url, stream, resume_size=begun, headers=build_hf_headers(), expected_size=size)
        if _digest(part, len(blob.name)) != blob.name:
            part.unlink()
            reason = f"{file} arrived damaged: its hash is not the one that the hub names."
            raise NotFetched(listing.name, reason, _LATER)
        part.rename(blob)


def _part(blob: Path) -> Path:
    return blob.with_name(f"{blob.name}.incomplete")


def _bytes_here(blob: Path, size: int) -> int:
    if blob.exists():
        return size
    try:
        return min(size, _part(blob).stat().st_size)
    except OSError:  # not begun, or renamed in this moment
        return size if blob.exists() else 0


def _digest(file: Path, digits: int) -> str:
    """Returns the hash that the hub gives a file: SHA-256, or git's SHA-1 where it has 40 digits."""
    with file.open("rb") as stream:
        if digits != 40:
            return hashlib.file_digest(stream, "sha256").hexdigest()
        head = hashlib.sha1(b"blob %d\0" % file.stat().st_size, usedforsecurity=False)
        while piece := stream.read(_PIECE):
            head.update(piece)
        return head.hexdigest()


def _demand_room(name: str, missing: int) -> None:
    """Raises NotFetched if the cache's disk has less room than `missing` bytes."""
    folder = cache_folder()
    there = next(each for each in (folder, *folder.parents) if each.exists())
    free = shutil.disk_usage(there).free
    if missing > free:
        raise NotFetched(
            name, f"It takes {gigabytes(missing)} more, and {there} has {gigabytes(free)}.", _ROOM
        )


_ROOM = "Free some room, or name another disk with `hub_cache` in [generation]."


@contextmanager
def _explained(name: str, revision: str) -> Generator[None]:
    """Turns the errors of huggingface_hub and of the network into NotFetched."""
    try:
        yield
    except GatedRepoError as error:
        advice = f"Accept its terms at https://huggingface.co/{name}, and set HF_TOKEN to your token."
        raise NotFetched(name, "Its owner gives it only to users who accept its terms.", advice) from error
    except RepositoryNotFoundError as error:
        advice = "Check the name; for a private model, set HF_TOKEN."
        raise NotFetched(name, "The hub has no such model, or it is private.", advice) from error
    except RevisionNotFoundError as error:
        raise NotFetched(
            name, f"The hub has no revision {revision or 'main'} of it.", "Check `revision`."
        ) from error
    except OfflineModeIsEnabled as error:
        reason = "It is not completely in the hub's cache, and HF_HUB_OFFLINE is set."
        raise NotFetched(name, reason, "Fetch it on a machine with a network.") from error
    except HfHubHTTPError as error:
        reason = f"The hub answered with the status {error.response.status_code}."
        if isinstance(error, EntryNotFoundError):
            reason = "It lacks a file of diffusers' layout, such as model_index.json."
        raise NotFetched(name, reason, _LATER) from error
    except (HTTPError, OSError) as error:
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise NotFetched(name, f"The disk of {cache_folder()} is full.", _ROOM) from error
        if isinstance(error, OSError) and error.filename:
            reason = f"{error.filename}: {error.strerror}."
            raise NotFetched(name, reason, "Check the rights on the cache's folder.") from error
        what = " ".join(str(error).split()) or type(error).__name__
        raise NotFetched(name, f"The hub can't be reached ({what.rstrip('.')}).", _LATER) from error
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        # A login page of the network, or a mirror that answers in another form; an address or a name that is none.
        what = " ".join(str(error).split())[:100]
        raise NotFetched(name, f"The hub's answer is not understood ({what.rstrip('.')}).", _LATER) from error


@contextmanager
def _told(name: str, here: Callable[[], int], total: int, tell: Tell | None) -> Generator[None]:
    """Tells the progress, and logs it from time to time. `here` returns the bytes that are fetched."""
    done = threading.Event()

    def report() -> None:
        logged = time.monotonic()
        while not done.wait(TELL_SECONDS):
            now = here()
            if tell is not None:
                tell(now, total)
            if time.monotonic() - logged >= LOG_SECONDS:
                logged = time.monotonic()
                log.info("fetching %s: %.1f of %s", name, now / 1e9, gigabytes(total))

    log.info("fetching %s: %s, of which %s are here", name, gigabytes(total), gigabytes(here()))
    if tell is not None:
        tell(here(), total)
    thread = threading.Thread(target=report, daemon=True, name="fetching")
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
    log.info("fetched %s", name)
    if tell is not None:
        tell(total, total)
