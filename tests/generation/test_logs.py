"""Log lines: each with its job, and none above DEBUG with a prompt."""

import ast
import io
import json
import logging
from pathlib import Path
from typing import Any

import pytest

from generation import logs
from generation.logs import of_job, open_log
from generation.prompt import Prompt
from generation.request import JobId
from tests.test_structure import PACKAGES, ROOT

log = logging.getLogger("atelier.test")
PROMPT = Prompt(text='a "quokka" in\nthe fog', negative="blurry")


@pytest.fixture(params=["text", "json"])
def out(request: pytest.FixtureRequest) -> io.StringIO:
    stream = io.StringIO()
    open_log(request.param, "debug", stream)
    return stream


def objects(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_line_of_json_is_one_object_with_the_job() -> None:
    out = io.StringIO()
    open_log("json", "info", out)
    with of_job(JobId("abc")):
        log.info("%d pictures", 3)
    log.warning("no job's\nbusiness")
    log.debug("too fine")
    first, second = objects(out)
    assert (first["event"], first["job"], first["level"]) == ("3 pictures", "abc", "info")
    assert first["logger"] == "atelier.test" and first["timestamp"]
    assert second["event"] == "no job's\nbusiness" and "job" not in second


def test_jobs_inside_jobs_are_told_apart() -> None:
    out = io.StringIO()
    open_log("json", "info", out)
    with of_job(JobId("outer")):
        with of_job(JobId("inner")):
            log.info("a")
        log.info("b")
    assert [line["job"] for line in objects(out)] == ["inner", "outer"]


def test_an_error_that_quotes_the_prompt_is_logged_without_it(out: io.StringIO) -> None:
    with of_job(JobId("abc"), PROMPT):
        try:
            raise ValueError(f"bad text {PROMPT.text!r} or {PROMPT.negative}")
        except ValueError:
            log.exception("it failed for %s", PROMPT.text)
    said = out.getvalue()
    assert "quokka" not in said and "blurry" not in said
    assert "ValueError" in said and "test_logs.py" in said and "abc" in said and "[prompt]" in said


def test_local_variables_are_no_part_of_a_logged_error(out: io.StringIO) -> None:
    def fail(prompt: str) -> None:
        words = prompt.split()
        raise ValueError(len(words))

    try:
        fail(" ".join(["a", "quokka"]))  # the source line itself appears in the traceback
    except ValueError:
        log.exception("failed")
    assert "ValueError: 2" in out.getvalue()
    assert "a quokka" not in out.getvalue() and "['a', 'quokka']" not in out.getvalue()


def test_the_debug_level_may_tell(out: io.StringIO) -> None:
    with of_job(JobId("abc"), Prompt(text="quokka")):
        log.debug("quokka")
    assert "quokka" in out.getvalue()


def test_opening_the_log_again_replaces_it() -> None:
    first, second = io.StringIO(), io.StringIO()
    open_log("text", "info", first)
    open_log("json", "error", second)
    log.warning("a")
    log.error("b")
    assert first.getvalue() == "" and len(objects(second)) == 1


def test_a_file_is_written_too_and_rotated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "FILE_BYTES", 300)
    out, path = io.StringIO(), tmp_path / "atelier.log"
    open_log("json", "info", out, file=str(path))
    for number in range(40):
        log.info("line %d", number)
    open_log("json", "info", out)
    log.info("not in the file")
    files = sorted(each.name for each in tmp_path.iterdir())
    assert files == ["atelier.log", *(f"atelier.log.{number}" for number in range(1, 6))]
    assert all(each.stat().st_mode & 0o077 == 0 for each in tmp_path.iterdir())
    assert len(objects(out)) == 41
    assert json.loads(path.read_text().splitlines()[-1])["event"] == "line 39"


TELLING = {"prompt", "negative", "text", "normal_form", "words", "content", "order", "request", "asker"}
"""Names of variables and fields that hold text from a member, or objects whose repr contains it."""

LEVELS = {"info", "warning", "error", "exception", "critical", "log"}


def logged(tree: ast.AST) -> list[ast.Call]:
    return [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in LEVELS
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id in {"log", "logger", "logging"}
    ]


def tells(call: ast.Call) -> bool:
    """Returns whether an argument ends in such a name: `order.prompt` does, `order.model` does not."""
    for argument in [*call.args, *(each.value for each in call.keywords)]:
        inner = {id(node.value) for node in ast.walk(argument) if isinstance(node, ast.Attribute)}
        for node in ast.walk(argument):
            if id(node) in inner:
                continue
            name = (
                node.id
                if isinstance(node, ast.Name)
                else node.attr
                if isinstance(node, ast.Attribute)
                else None
            )
            if name in TELLING:
                return True
    return False


@pytest.mark.parametrize(
    ("code", "is_telling"),
    [
        ("log.info('%s', order.prompt)", True),
        ("log.info('%s', job.prompt.text)", True),
        ("log.warning(f'{prompt}')", True),
        ("log.error('x', exc_info=error, extra={'a': request})", True),
        ("log.info('%s', order.model)", False),
        ("log.debug('%s', prompt)", False),
        ("log.info('a prompt', job.id)", False),
    ],
)
def test_the_search_below_finds_what_it_looks_for(code: str, is_telling: bool) -> None:
    assert any(tells(call) for call in logged(ast.parse(code))) is is_telling


def test_no_line_above_debug_is_given_what_a_member_wrote() -> None:
    files = [ROOT / "main.py", *(path for name in PACKAGES for path in (ROOT / name).rglob("*.py"))]
    calls = [(path, call) for path in files for call in logged(ast.parse(path.read_text("utf-8")))]
    assert len(calls) > 30, "the search finds nothing any more"
    found = [f"{path.relative_to(ROOT)}:{call.lineno}" for path, call in calls if tells(call)]
    assert not found


def test_the_packages_log_through_this_module_alone() -> None:
    """Another logging configuration would print lines without the job, or with a traceback's variables."""
    own = {ROOT / "generation" / "logs.py"}
    files = {ROOT / "main.py", *(path for name in PACKAGES for path in (ROOT / name).rglob("*.py"))} - own
    found = [
        str(path.relative_to(ROOT))
        for path in files
        if "logging.basicConfig" in Path(path).read_text("utf-8")
    ]
    assert not found
