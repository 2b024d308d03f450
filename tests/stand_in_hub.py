"""A hub on this machine, which answers as the Hugging Face hub does."""

import hashlib
import json
import re
import threading
from collections.abc import Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

COMMIT = "0123456789abcdef0123456789abcdef01234567"
LARGE = 10_000
"""Bytes. Larger files are stored with Git LFS, and have a SHA-256."""


class StandInHub:
    def __init__(self) -> None:
        self.repositories: dict[str, Path] = {}  # "owner/name" -> folder
        self.licences: dict[str, str] = {}  # "owner/name" -> the hub's name of the licence
        self.gated: set[str] = set()
        self.status = 200  # of every answer
        self.page = b""  # the content of every answer, such as a login page; empty: the hub's own
        self.asked: list[str] = []  # the paths of all requests
        self.sent: list[str] = []  # the files that were asked for with GET
        self.ranges: list[str] = []  # the Range of those requests
        self.damaged: set[str] = set()  # names of files that are sent with a wrong byte
        self.tells_sizes = True
        self.gate = threading.Event()  # while it is not set, large files stop in the middle
        self.gate.set()
        self.address = ""


def digest_of(content: bytes) -> str:
    if len(content) > LARGE:
        return hashlib.sha256(content).hexdigest()
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


@contextmanager
def stand_in_hub() -> Generator[StandInHub]:
    hub = StandInHub()

    class Handler(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self.do_GET()

        def do_GET(self) -> None:
            path = self.path.split("?")[0]
            hub.asked.append(path)
            api, name, rest = _parts(path)
            if hub.page:
                self.answer(200, hub.page, {"Content-Type": "text/html"})
            elif hub.status != 200:
                self.answer(hub.status, b"no", {})
            elif name in hub.gated:
                self.answer(403, b"", {"X-Error-Code": "GatedRepo", "X-Error-Message": "gated"})
            elif name not in hub.repositories:
                self.answer(404, b"", {"X-Error-Code": "RepoNotFound", "X-Error-Message": "none"})
            elif api:
                self.answer(200, self.described(name, rest), {"Content-Type": "application/json"})
            elif not (file := hub.repositories[name] / rest).is_file():
                self.answer(404, b"", {"X-Error-Code": "EntryNotFound", "X-Error-Message": "none"})
            else:
                self.send_file(file)

        def described(self, name: str, rest: str) -> bytes:
            folder = hub.repositories[name]
            contents = {
                each.relative_to(folder).as_posix(): each.read_bytes()
                for each in sorted(folder.rglob("*"))
                if each.is_file()
            }
            if rest.startswith("tree/"):
                return json.dumps(
                    [
                        {"type": "file", "path": path, "size": len(content), "oid": digest_of(content)}
                        for path, content in contents.items()
                    ]
                ).encode()
            siblings: list[dict[str, object]] = []
            for path, content in contents.items():
                oid = hashlib.sha1(content).hexdigest()
                one: dict[str, object] = {"rfilename": path, "size": len(content), "blobId": oid}
                if len(content) > LARGE:
                    one["lfs"] = {"size": len(content), "sha256": digest_of(content), "pointerSize": 130}
                else:
                    one["blobId"] = digest_of(content)
                if not hub.tells_sizes:
                    del one["size"]
                    one.pop("lfs", None)
                siblings.append(one)
            licence = hub.licences.get(name)
            tags = [f"license:{licence}"] if licence else []
            return json.dumps({"id": name, "sha": COMMIT, "siblings": siblings, "tags": tags}).encode()

        def send_file(self, file: Path) -> None:
            content = file.read_bytes()
            headers = {"ETag": f'"{digest_of(content)}"'}
            is_large = len(content) > LARGE
            if file.name in hub.damaged:
                content = content[:-1] + bytes([content[-1] ^ 1])
            status = 200
            if self.command == "GET":
                hub.sent.append(f"{file.parent.name}/{file.name}")
            if (asked := self.headers.get("Range")) and self.command == "GET":
                hub.ranges.append(asked)
                start = int(asked.removeprefix("bytes=").rstrip("-"))
                headers["Content-Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
                content, status = content[start:], 206
            self.answer(status, content, headers, in_two=is_large)

        def answer(self, status: int, body: bytes, headers: dict[str, str], *, in_two: bool = False) -> None:
            self.send_response(status)
            for name, value in {
                "X-Repo-Commit": COMMIT,
                **headers,
                "Content-Length": str(len(body)),
            }.items():
                self.send_header(name, value)
            self.end_headers()
            if self.command != "GET":
                return
            half = len(body) // 2 if in_two else len(body)
            try:
                self.wfile.write(body[:half])
                self.wfile.flush()
                if in_two:
                    hub.gate.wait(30)
                self.wfile.write(body[half:])
            except OSError:
                self.close_connection = True  # the client has gone

        def log_message(self, format: str, *args: object) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    hub.address = f"http://127.0.0.1:{server.server_port}"
    try:
        yield hub
    finally:
        hub.gate.set()
        server.shutdown()
        server.server_close()
        thread.join()


def _parts(path: str) -> tuple[bool, str, str]:
    """Returns whether it is the API, the model's name, and the rest after the revision."""
    if found := re.fullmatch(r"/api/models/([^/]+/[^/]+)(?:/(.*))?", path):
        rest = re.sub(r"^revision/[^/]+/?", "", found[2] or "")
        return True, found[1], rest
    found = re.fullmatch(r"/([^/]+/[^/]+)/resolve/[^/]+/(.*)", path)
    return (False, found[1], found[2]) if found else (False, "", "")
