"""`import db` and `import moderation` load the bot's nouns, and no slow module."""

import subprocess
import sys

import pytest

HEAVY = {"torch", "onnxruntime", "numpy", "PIL", "pdqhash", "tokenizers"}


@pytest.mark.parametrize("package", ["db", "moderation"])
def test_a_package_exports_its_nouns_without_heavy_libraries(package: str) -> None:
    code = f"import sys, {package}; print(*({HEAVY!r} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout.split()) == (0, []), done.stdout + done.stderr
