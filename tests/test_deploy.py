"""What deploy/ names exists, and its image installs what the Makefile installs. Docker itself is not needed."""

import asyncio
import json
import re
import time
import tomllib
from collections.abc import Iterable
from fnmatch import fnmatch
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml

from bot.metrics_server import expose
from bot.studio import health
from bot.studio.health import Look
from bot.studio.metrics import Metrics
from bot.studio.settings import Settings, load
from db.database import Database
from db.repositories import Repositories
from deploy import healthcheck
from deploy.lock import OF_TORCH, packages
from generation import ModelName
from generation.protocol import Configure
from generation.queue.connection import open_connection
from generation.queue.dispatcher import Dispatcher
from tests.bot.conftest import ended
from tests.generation.queue.test_dispatcher import until
from tests.generation.stand_in import COMMAND

ROOT = Path(__file__).resolve().parent.parent
DEPLOY = ROOT / "deploy"
DOCKERFILE = (DEPLOY / "Dockerfile").read_text(encoding="utf-8")
INSTRUCTIONS = [
    instruction.split(maxsplit=1)
    for instruction in re.sub(r"\\\n", " ", re.sub(r"^#.*\n", "", DOCKERFILE, flags=re.M)).splitlines()
    if instruction
]
COPIED = [
    source
    for name, rest in INSTRUCTIONS
    if name == "COPY" and not rest.startswith("--from")
    for source in rest.split()[:-1]
]


def installs(text: str) -> list[str]:
    """Returns what pip installs, in order: packages with their version, and locks with the options."""
    return re.findall(r'install (?:--index-url \S+ )?("[\w.-]+==[\w.]+"|--no-deps .*--requirement)', text)


def stage(name: str) -> str:
    return DOCKERFILE.partition(f" AS {name}\n")[2].partition("\nFROM ")[0]


def locked(*names: str) -> dict[str, str]:
    """Returns the version of each package in these locks."""
    lines = [each for name in names for each in packages((DEPLOY / name).read_text(encoding="utf-8"))]
    found = [each.split()[0].split("==") for each in lines]
    versions = dict(found)
    assert len(versions) == len(found), "a package is locked twice"
    return versions


def named(requirements: Iterable[str | dict[str, str]]) -> dict[str, str]:
    """Returns the version of each package that pyproject.toml names there, as the lock spells its name."""
    pairs = [re.sub(r"\[.*\]", "", each).split("==") for each in requirements if isinstance(each, str)]
    return {name.lower().replace(".", "-"): version for name, version in pairs}


def test_the_locks_contain_what_pyproject_names() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    dependencies, groups = named(project["project"]["dependencies"]), project["dependency-groups"]
    version = dependencies.pop("torch")
    assert f'"torch=={version}"' in installs((ROOT / "Makefile").read_text(encoding="utf-8"))
    assert locked("lock.txt").items() >= dependencies.items()
    everything = locked("lock.txt", "lock-test.txt")
    assert everything.items() >= (named(groups["test"]) | named(groups["training"])).items()


@pytest.mark.parametrize("name", ["lock.txt", "lock-test.txt"])
def test_each_locked_package_has_hashes_and_none_depends_on_the_build_of_torch(name: str) -> None:
    text = (DEPLOY / name).read_text(encoding="utf-8")
    lines = packages(text)
    assert len(lines) > 30
    assert [each for each in lines if "--hash=sha256:" not in each] == []
    assert not re.search(rf"^({OF_TORCH.pattern})", text, re.M)
    assert "://" not in text


@pytest.mark.parametrize("source", COPIED)
def test_the_image_copies_what_exists_and_what_the_builder_is_sent(source: str) -> None:
    assert (ROOT / source).exists()
    kept = [line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")]
    assert any(fnmatch(source, each) for each in kept)


def test_the_builder_is_sent_only_what_the_image_copies() -> None:
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert lines[1] == "*"
    assert {line[1:] for line in lines if line.startswith("!")} == set(COPIED)


@pytest.mark.parametrize("target", ["cpu", "cuda"])
def test_the_image_installs_what_the_makefile_installs(target: str) -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert sorted(installs(stage("build") + stage(f"build-{target}"))) == sorted(installs(makefile))
    assert f"COPY --from=build-{target} " in stage(target)


def test_the_entry_point_and_the_health_check_are_in_the_image() -> None:
    commands = {name: rest for name, rest in INSTRUCTIONS if name in ("ENTRYPOINT", "HEALTHCHECK", "USER")}
    assert commands["ENTRYPOINT"] == '["python", "main.py", "run"]'
    assert commands["HEALTHCHECK"].endswith('CMD ["python", "-m", "deploy.healthcheck"]')
    assert {"main.py", "deploy/healthcheck.py"} <= set(COPIED)
    assert not commands["USER"].startswith(("0", "root"))


def test_the_images_settings_are_valid_and_open_the_metrics() -> None:
    assert load(DEPLOY / "config.toml", {}).metrics.listen


@pytest.mark.parametrize("name", ["cpu", "cuda"])
def test_a_service_builds_its_target_and_writes_only_to_volumes_and_memory(name: str) -> None:
    compose: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))
    service = compose["services"][name]
    build = service["build"]
    assert service["profiles"] == [build["target"]] == [name]
    assert (DEPLOY / build["context"]).resolve() == ROOT
    assert (ROOT / build["dockerfile"]).exists()
    assert service["read_only"] is True
    assert service["tmpfs"] == ["/tmp"]
    named = [each.partition(":") for each in service["volumes"] if isinstance(each, str)]
    assert {volume for volume, _, _ in named} == set(compose["volumes"])
    assert sorted(folder for _, _, folder in named) == sorted(
        yaml.safe_load(next(rest for name, rest in INSTRUCTIONS if name == "VOLUME"))
    )
    assert all(each["read_only"] for each in service["volumes"] if isinstance(each, dict))


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(healthcheck, "PROJECT", tmp_path)
    monkeypatch.setenv("ATELIER_DATA", str(tmp_path))
    return tmp_path / "config.toml"


def look_at(database: Database, dispatch: Dispatcher) -> Look:
    """Returns the look of a bot that is connected to Discord."""
    data = database.path.parent
    records, settings = Repositories.of(database, data), Settings(data=data)
    return partial(health.examine, records, dispatch, settings, lambda: 0.05, time.time)


def set_listen(config: Path, value: str) -> None:
    config.write_text(f"[metrics]\nlisten = {value}\n", encoding="utf-8")


@pytest.mark.slow
async def test_the_bot_is_healthy_while_it_answers_and_a_worker_takes_jobs(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    metrics = Metrics()
    configure = Configure(models=(), default=ModelName("none"), slots=1)
    dispatch = Dispatcher(configure, [partial(open_connection, command=COMMAND)])
    metrics.show(dispatch)
    async with (
        Database.open(config.with_name("atelier.sqlite3")) as database,
        expose(metrics, "127.0.0.1:0", look_at(database, dispatch)) as port,
    ):
        set_listen(config, f'"127.0.0.1:{port}"')
        assert await asyncio.to_thread(healthcheck.main) == 1
        assert "do not work: worker." in capsys.readouterr().out
        run = asyncio.create_task(dispatch.run())
        await until(lambda: dispatch.state.is_ready)
        assert await asyncio.to_thread(healthcheck.main) == 0
        await ended(run)
    assert await asyncio.to_thread(healthcheck.main) == 1


async def test_without_metrics_the_health_check_wants_a_current_database(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = config.with_name("atelier.sqlite3")
    assert healthcheck.main() == 1
    assert str(path) in capsys.readouterr().out
    async with Database.open(path):
        pass
    assert healthcheck.main() == 0


def test_broken_settings_are_unhealthy(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    set_listen(config, "1")
    assert healthcheck.main() == 1
    assert "metrics.listen" in capsys.readouterr().out


MONITORING = DEPLOY / "monitoring"
EXPRESSIONS = [
    *(
        target["expr"]
        for panel in json.loads((MONITORING / "grafana.json").read_text("utf-8"))["panels"]
        for target in panel["targets"]
    ),
    *(
        rule["expr"]
        for group in yaml.safe_load((MONITORING / "alerts.yaml").read_text("utf-8"))["groups"]
        for rule in group["rules"]
    ),
]


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_the_dashboard_and_the_alerts_ask_for_metrics_that_exist(expression: str) -> None:
    metrics = Metrics()
    metrics.show(Dispatcher(Configure(models=(), default=ModelName("none"), slots=1), []))
    exposed = set(re.findall(r"^# TYPE (\w+) ", metrics.text().decode(), re.M))
    named = {re.sub("_bucket$", "", name) for name in re.findall(r"atelier_\w+", expression)}
    assert named <= exposed
    assert named or expression.startswith("up{")


def test_each_alert_is_explained() -> None:
    rules = [
        rule
        for group in yaml.safe_load((MONITORING / "alerts.yaml").read_text("utf-8"))["groups"]
        for rule in group["rules"]
    ]
    explained = re.findall(r"^\| (Atelier\w+) \|", (ROOT / "docs" / "operations.md").read_text("utf-8"), re.M)
    assert explained == [rule["alert"] for rule in rules]


def test_the_service_runs_the_bot_with_the_folders_that_systemd_makes() -> None:
    unit = (DEPLOY / "atelier.service").read_text(encoding="utf-8")
    assert "ExecStart=/opt/atelier/.venv/bin/python main.py run\n" in unit
    assert "ATELIER_DATA=/var/lib/atelier " in unit and "StateDirectory=atelier\n" in unit
    assert "RestartPreventExitStatus=2\n" in unit


def test_the_service_restarts_with_pauses_and_is_shut_in() -> None:
    lines = (DEPLOY / "atelier.service").read_text(encoding="utf-8").splitlines()
    options = dict(line.split("=", 1) for line in lines if "=" in line and not line.startswith("#"))
    assert (options["Restart"], options["StartLimitIntervalSec"]) == ("always", "0")
    assert int(options["RestartSec"].removesuffix("s")) > 0
    assert options["TimeoutStopSec"] == "30s", "longer than a stop takes"
    assert (options["ProtectSystem"], options["CapabilityBoundingSet"]) == ("strict", "")
    shut = {name for name, value in options.items() if value == "yes"}
    assert shut >= {
        "NoNewPrivileges",
        "ProtectHome",
        "PrivateTmp",
        "ProtectKernelTunables",
        "ProtectKernelModules",
        "RestrictNamespaces",
        "RestrictSUIDSGID",
        "LockPersonality",
    }


def test_each_package_that_is_installed_is_looked_up_among_the_known_vulnerabilities() -> None:
    recipe = (ROOT / "Makefile").read_text("utf-8").partition("\naudit:")[2].partition("\n\n")[0]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    torch = f"torch=={named(project['project']['dependencies'])['torch']}"
    looked_up = {f"deploy/{lock.name}" for lock in DEPLOY.glob("*.txt")} | {torch}
    assert {each for each in looked_up if each not in recipe} == set()
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text("utf-8"))
    assert {"run": "make audit"} in workflow["jobs"]["supply"]["steps"]
