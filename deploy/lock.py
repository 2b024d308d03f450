"""Writes deploy/lock.txt and deploy/lock-test.txt from pyproject.toml: `make lock`. Needs uv and the package index.

The locks name the version and the hashes of every package, for each Python and system in `PYTHONS` and `SYSTEMS`; each package
must have a wheel there. lock.txt is what the bot needs; lock-test.txt is what the tests need in addition. Versions change only
where pyproject.toml demands it; with `--upgrade`, every package takes its newest version.

torch and what its CUDA build alone requires are checked but not locked: a machine installs the build that belongs to it, of the
version in pyproject.toml, and that build names the versions of CUDA's libraries.
"""

import os
import re
import subprocess
import sys
import tempfile
from itertools import product
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
RUN, TEST = FOLDER / "lock.txt", FOLDER / "lock-test.txt"
PYTHONS = ("3.11", "3.12", "3.13", "3.14")
MACOS = "14.0"  # the oldest one for which onnxruntime has wheels
SYSTEMS = ("x86_64-unknown-linux-gnu", "aarch64-unknown-linux-gnu", "aarch64-apple-darwin")
OF_TORCH = re.compile(r"torch==|triton==|nvidia-|cuda-")
COMPILE = ["-m", "uv", "pip", "compile", "--quiet", "--no-header", "--no-annotate", "--only-binary", ":all:"]
UNIVERSAL = f"--universal --python-version {PYTHONS[0]} --fork-strategy fewest --generate-hashes".split()
HEAD = "# Written by `make lock` from pyproject.toml. torch is not here: see deploy/lock.py.\n"


def compile_lock(*options: str | Path) -> str:
    """Returns the output of `uv pip compile`. Raises CalledProcessError; uv has said why."""
    command = [sys.executable, *COMPILE, *options]
    environment = os.environ | {"MACOSX_DEPLOYMENT_TARGET": MACOS}
    done = subprocess.run(
        command, cwd=FOLDER.parent, check=True, stdout=subprocess.PIPE, text=True, env=environment
    )
    return done.stdout


def packages(lock: str) -> list[str]:
    """Returns the lines of each package, without those that torch's builds decide."""
    _, *every = re.split(r"^(?=[\w.-]+==)", lock, flags=re.M)
    return [each for each in every if not OF_TORCH.match(each)]


def main(*upgrade: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        tested = Path(folder, "tested.txt")  # uv keeps the versions that it finds in its output file
        tested.write_text("".join(path.read_text("utf-8") for path in (RUN, TEST) if path.exists()), "utf-8")
        compile_lock("pyproject.toml", "--group", "test", "--output-file", tested, *UNIVERSAL, *upgrade)
        run = compile_lock("pyproject.toml", "--constraints", tested, *UNIVERSAL)  # what runs was tested
        for python, system in product(PYTHONS, SYSTEMS):
            compile_lock(tested, "--no-deps", "--python-version", python, "--python-platform", system)
            print(f"Python {python}, {system}: every package has a wheel")
        everything = tested.read_text("utf-8")
    names = {each.partition("==")[0] for each in packages(run)}
    more = [each for each in packages(everything) if each.partition("==")[0] not in names]
    RUN.write_text(HEAD + "".join(packages(run)), encoding="utf-8")
    TEST.write_text(HEAD + "".join(more), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
