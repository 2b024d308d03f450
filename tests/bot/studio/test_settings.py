"""Settings: the example file equals the code's defaults, and every mistake is named."""

import dataclasses
import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from msgspec import inspect

from bot.studio.settings import PROJECT, Settings, SettingsBroken, load
from moderation.policy import Preset, presets

MODEL = "[[models]]\nname = 'emoji'\nsource = 'x'\nlicence = 'y'\n"
EXAMPLE = PROJECT / "config.example.toml"


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "config.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_the_example_is_the_defaults() -> None:
    assert load(EXAMPLE, {}) == Settings()


def test_the_example_names_every_key() -> None:
    example = tomllib.loads(EXAMPLE.read_text(encoding="utf-8"))

    def keys(value: Any) -> set[str]:
        return {f.name for f in dataclasses.fields(value)}

    settings = Settings()
    assert set(example) == keys(settings)
    for name in ("discord", "generation", "limits", "moderation", "retention"):
        assert set(example[name]) == keys(getattr(settings, name)), name
    assert set(example["models"][0]) == keys(settings.models[0])


def test_the_environment_wins() -> None:
    settings = load(EXAMPLE, {"ATELIER_DISCORD_API": "http://127.0.0.1:1/api/v10/", "ATELIER_DATA": "/tmp/x"})
    assert settings.discord.api == "http://127.0.0.1:1/api/v10"
    assert settings.data == Path("/tmp/x")


def test_every_word_that_a_setting_takes_is_known_to_the_part_that_it_chooses() -> None:
    assert set(presets()) == set(get_args(Preset))


LORA = MODEL + "[[models.loras]]\nname = 'ink'\nsource = 'x'\n"
CONTROL = "no control characters"
BROKEN = [  # file content, and the key and the words that the error must contain
    ("data = 3", "data", "a string"),
    ("nonsense = 1", "nonsense", "there are: data, discord,"),
    ("limits = [", "", "not valid TOML"),
    ("[discord]\napi = 'discord.com'", "discord.api", "begins with http://"),
    ("[discord]\nready_timeout = -1", "discord.ready_timeout", "from 0 to 600"),
    ("[discord]\ntoken = 'x'", "discord.token", "DISCORD_TOKEN"),
    ("[discord]\nkote = 'x'", "discord.kote", "there are: api, ready_timeout"),
    ("generation = 3", "generation", "a table"),
    ("[generation]\ndefault_model = 'nope'", "generation.default_model", "emoji"),
    ("[generation]\nslots = 0", "generation.slots", "a whole number from 1 to 512"),
    ("[generation]\nslots = 1_000_000", "generation.slots", "from 1 to 512"),
    ("[generation]\nslots = 2.5", "generation.slots", "a whole number"),
    ("[generation]\npinned_rows = 129", "generation.pinned_rows", "from 0 to 128"),
    ("[generation]\nmax_waiting = 0", "generation.max_waiting", "from 1 to 100000"),
    ("[generation]\nmember_running = 0", "generation.member_running", "from 1"),
    ("[generation]\npreview_seconds = 0", "generation.preview_seconds", "above 0"),
    ("[generation]\npatience = nan", "generation.patience", "above 0 and at most 86400"),
    ("[generation]\nretries = -3", "generation.retries", "from 0 to 20"),
    ("[generation]\nupscale_factor = 3", "generation.upscale_factor", "one of: 2, 4"),
    ("[generation]\nmemory_gib = inf", "generation.memory_gib", "from 0"),
    ("[generation]\nmodel_wait = -1", "generation.model_wait", "from 0 to 86400"),
    ("[generation]\nswaps_a_minute = 4", "generation.swaps_a_minute", "model_wait"),
    (MODEL + "sampler = 'DDIMScheduler'", "models.emoji.sampler", "it is called scheduler now"),
    (MODEL + "controls = 3", "models.emoji.controls", "a table"),
    (MODEL + "[models.controls]\nedges = 3", "models.emoji.controls.edges", "a string"),
    (MODEL + "[models.controls]\nedge = 'x'", "models.emoji.controls.edge", "the nearest is 'edges'"),
    (LORA + "sampler = 'DDIMScheduler'", "models.emoji.loras.ink.sampler", "there is no such key"),
    ("[generation]\nserver_weights = 3", "generation.server_weights", "a table"),
    ("[generation.server_weights]\nmine = 2.0", "generation.server_weights.mine", "a server's id"),
    ("[generation.server_weights]\n7 = nan", "generation.server_weights.7", "above 0"),
    ("[generation.server_weights]\n7 = 'many'", "generation.server_weights", "a number"),
    ("[limits]\nimages_a_dya = 3", "limits.images_a_dya", "the nearest is 'images_a_day'"),
    ("[limits]\nimages_a_day = 'many'", "limits.images_a_day", "a whole number"),
    ("[limits]\nimages_a_day = true", "limits.images_a_day", "a whole number"),
    ("[limits]\nimages_a_minute = 0", "limits.images_a_minute", "from 1 to 1000000"),
    ("[limits]\nimages_a_day = 1_000_001", "limits.images_a_day", "from 1 to 1000000"),
    ("[limits]\njobs_in_line = 0", "limits.jobs_in_line", "from 1"),
    ("[moderation]\npolicy = 'lenient'", "moderation.policy", "family, mature, standard"),
    ("[moderation]\nlog_channel = ''", "moderation.log_channel", "not empty"),
    ("[moderation]\nladder = []", "moderation.ladder", "a list of strings, at least one"),
    ("[moderation]\nladder = [1]", "moderation.ladder", "a list of strings"),
    ("[moderation]\nladder = ['wrn']", "moderation.ladder", "'wrn' is no rung"),
    ("[moderation]\nstrike_days = 0", "moderation.strike_days", "from 1"),
    ("[moderation]\nclaim_seconds = 1e3", "moderation.claim_seconds", "a whole number"),
    ("[retention]\nprompts_days = -1", "retention.prompts_days", "from 0"),
    ("[retention]\npictures_gib = -1", "retention.pictures_gib", "a number from 0"),
    ("[retention]\naudit_days = 0", "retention.audit_days", "from 1"),
    ("[retention]\nprompt_days = 3", "retention.prompt_days", "prompts_days"),
    ("[pictures]\ndetectors = []", "pictures.detectors", "at least one of: nudenet, opennsfw"),
    ("[pictures]\ndetectors = ['opensfw']", "pictures.detectors", "at least one of: nudenet, opennsfw"),
    ("[pictures]\nread_text = 'some'", "pictures.read_text", "one of: all, off, uploads"),
    ("[pictures]\ndetectors = ['opennsfw', 'opennsfw']", "pictures.detectors", "twice"),
    ("[provenance]\ncertificate = 'a.pem'", "provenance", "belong together"),
    ("[metrics]\nlisten = '127.0.0.1:99999'", "metrics.listen", "127.0.0.1:9464"),
    ("[mask_page]\naddress = 'http://example.org'", "mask_page.address", "must begin with https://"),
    ("[mask_page]\naddress = 'https://example.org/?a'", "mask_page.address", "must begin with https://"),
    ("[mask_page]\nlisten = '9465'", "mask_page.listen", "127.0.0.1:9465"),
    ("[logging]\nformat = 'xml'", "logging.format", "json, text"),
    ("[logging]\nlevel = 'loud'", "logging.level", "debug"),
    ("models = []", "models", "[[models]] tables, at least one"),
    ("models = [3]", "models.1", "a table"),
    ("[models]\nname = 'emoji'", "models", "[[models]] tables"),
    ("[[models]]\nsource = 'x'", "models.1", "`name` is missing"),
    ("[[models]]\nname = 'emoji'", "models.emoji", "`source` is missing"),
    ("[[models]]\nname = 'two words'\nsource = 'x'\nlicence = 'y'", "models.two words.name", "one word"),
    *(
        (f"[[models]]\nname = '{name}'\nsource = 'x'\nlicence = 'y'", f"models.{name}.name", "one word")
        for name in ("../x", "/etc", "a/b", "a\\b", "..", ".hidden", "-x")
    ),
    (LORA.replace("'ink'", "'../ink'"), "models.emoji.loras.../ink.name", "one word"),
    (MODEL + MODEL, "models", "two models are called 'emoji'"),
    (MODEL + "source = ''", "", "not valid TOML"),
    (MODEL + "guidance = -7", "models.emoji.guidance", "from 0 to 30"),
    (MODEL + "side = 131_072", "models.emoji.side", "from 8 to 4096"),
    (MODEL + "side = 8", "models.emoji.side", "`multiple`, 16"),
    (MODEL + "multiple = 1", "models.emoji.multiple", "from 8"),
    (MODEL + "steps = 200", "models.emoji.steps", "`max_steps`, 100"),
    (MODEL + "max_steps = 0", "models.emoji.max_steps", "from 1"),
    (MODEL + "enlarge = 3", "models.emoji.enlarge", "one of: 1, 2, 4"),
    (MODEL + "enlarge = true", "models.emoji.enlarge", "one of: 1, 2, 4"),
    (MODEL + "variation_strength = 0", "models.emoji.variation_strength", "above 0 and at most 1"),
    (MODEL + "prediction = 'v'", "models.emoji.prediction", "one of: epsilon, v_prediction"),
    (MODEL + "quantise = 'int4'", "models.emoji.quantise", "one of: int8"),
    (MODEL + "quantise = 'bitsandbytes'", "models.emoji.quantise", "one of: int8"),
    (MODEL + "quantise = 'sdnq'", "models.emoji.quantise", "one of: int8"),
    (MODEL + "zero_snr = 1", "models.emoji.zero_snr", "true or false"),
    ("[generation]\nhub_cache = 3", "generation.hub_cache", "a string"),
    (MODEL + "dtype = 'int8'", "models.emoji.dtype", "one of: bfloat16, float16, float32"),
    (MODEL + "compile = 'yes'", "models.emoji.compile", "true or false"),
    (MODEL + "loras = 3", "models.emoji.loras", "[[models.loras]] tables"),
    (MODEL + "[[models.loras]]\nname = 'ink'", "models.emoji.loras.ink", "`source` is missing"),
    (
        MODEL + "[[models.loras]]\nname = 'a b'\nsource = 'x'",
        "models.emoji.loras.a b.name",
        "one word",
    ),
    (LORA + "weight = 3", "models.emoji.loras.ink.weight", "from -2 to 2"),
    (LORA + "weight = 0", "models.emoji.loras.ink.weight", "not be 0"),
    (LORA + "wieght = 1", "models.emoji.loras.ink.wieght", "the nearest is 'weight'"),
    (
        LORA + "[[models.loras]]\nname = 'INK'\nsource = 'y'",
        "models.emoji.loras.ink",
        "two LoRAs",
    ),
    ("data = ''", "data", "a path"),
    ("data = '~absent-user/x'", "data", "a home folder of that name"),
    ('data = "\\u0000"', "data", CONTROL),
    ('data = "a\\nb"', "data", CONTROL),
    ('data = "a\\u2028b"', "data", CONTROL),
    ("data = 'a\x7fb'", "", "line 1: not valid TOML"),
    ("[discord]\napi = 'http://[::1'", "discord.api", "begins with http://"),
    ("[discord]\napi = 'http://x:99999999/api'", "discord.api", "begins with http://"),
    ("[discord]\napi = 'ftp://x'", "discord.api", "begins with http://"),
    ('[moderation]\nrules = "\\u0000"', "moderation.rules", CONTROL),
    ('[moderation]\nmust = "\\u0000"', "moderation.must", CONTROL),
    ('[moderation]\npeople = "\\u0000"', "moderation.people", CONTROL),
    ('[moderation]\nlog_channel = "a\\u001bb"', "moderation.log_channel", CONTROL),
    ('[pictures]\nsafety_checker = "\\u0000"', "pictures.safety_checker", CONTROL),
    ('[provenance]\ncertificate = "\\u0000"\nkey = "b"', "provenance.certificate", CONTROL),
    ('[metrics]\nlisten = "\\u0000:80"', "metrics.listen", CONTROL),
    (f"[generation]\nslots = {'9' * 5000}", "", "line 2: not valid TOML: a number has too many digits"),
    (f"[generation]\nslots = {'9' * 4000}", "generation.slots", "from 1 to 512"),
    (f"[generation]\nslots = 0x{'f' * 5000}", "generation.slots", "from 1 to 512"),
    (f"[generation]\npatience = {'9' * 5000}.5", "generation.patience", "at most 86400"),
    (f"[[models]]\nname = 0x{'f' * 5000}", "models.1.name", "one word"),
    (f"[generation.server_weights]\n{'9' * 5000} = 1.0", f"generation.server_weights.{'9' * 5000}", "id"),
    (f"data = {'[' * 5000}", "", "line 1: not valid TOML: lists or tables are nested too deeply"),
    (f"[limits]\n\ndata = {'[' * 5000}{']' * 5000}", "", "line 3: not valid TOML"),
    (f"data = {'{a=' * 5000}", "", "line 1: not valid TOML"),
    (f"data = {'[' * 200}{']' * 200}", "data", "a path"),
    (f"limits.{'.'.join('a' * 5000)} = 1", "limits.a", "there is no such key"),
    (MODEL.replace("'x'", '"\\u0000"'), "models.emoji.source", CONTROL),
    (MODEL.replace("'y'", '"a\\nb"'), "models.emoji.licence", CONTROL),
    (
        LORA.replace("'ink'\nsource = 'x'", "'ink'\nsource = \"\\u0000\""),
        "models.emoji.loras.ink.source",
        CONTROL,
    ),
    (MODEL + "scheduler = 'DDIM'", "models.emoji.scheduler", "the nearest is 'DDIMScheduler'"),
    (MODEL + "scheduler = 'os'", "models.emoji.scheduler", "no such scheduler"),
    (MODEL + "scheduler = 3", "models.emoji.scheduler", "a string"),
    (
        MODEL + "[[models.embeddings]]\nname = 'a'\nsource = 'x'\ntrigger = 'two words'",
        "models.emoji.embeddings.a.trigger",
        "one word",
    ),
    (
        MODEL
        + "".join(f"[[models.embeddings]]\nname = '{name}'\nsource = 'x'\n" for name in ("bad", "bad-hands")),
        "models.emoji.embeddings.bad",
        "its trigger 'bad' is a part of the trigger of 'bad-hands'",
    ),
    (
        MODEL + "licence_class = 'free'",
        "models.emoji.licence_class",
        "one of: non-commercial, open, research",
    ),
    (MODEL + "clip_skip = 13", "models.emoji.clip_skip", "from 0 to 12"),
    (MODEL + "rescale = 1.5", "models.emoji.rescale", "a number from 0 to 1"),
    (MODEL + "prefix = 3", "models.emoji.prefix", "a string"),
    (MODEL + "schedulers = 'DDIM'", "models.emoji.schedulers", "a list of strings"),
    (MODEL + "schedulers = ['Euler A']", "models.emoji.schedulers", "the nearest is 'Euler a'"),
    (MODEL + "schedulers = ['DPM++ SDE']", "models.emoji.schedulers", "no scheduler 'DPM++ SDE'"),
    (MODEL + "schedulers = ['DDIM', 'DDIM']", "models.emoji.schedulers", "'DDIM' is named twice"),
    (MODEL + "scheduler = 'DDIMScheduler'\nschedulers = ['DDIM']", "models.emoji.schedulers", "give either"),
]


def test_a_scheduler_that_does_not_suit_the_folders_model_is_said_at_start(tmp_path: Path) -> None:
    (tmp_path / "scheduler").mkdir()
    (tmp_path / "scheduler" / "scheduler_config.json").write_text(
        '{"_class_name": "FlowMatchEulerDiscreteScheduler"}', encoding="utf-8"
    )
    text = f"[[models]]\nname = 'emoji'\nsource = '{tmp_path}'\nlicence = 'x'\nschedulers = "
    assert load(written(tmp_path, f"{text}['Euler', 'UniPC']"), {}).models[0].default_scheduler == "Euler"
    with pytest.raises(SettingsBroken, match="'DDIM' does not suit this model"):
        load(written(tmp_path, f"{text}['Euler', 'DDIM']"), {})


@pytest.mark.parametrize(("text", "key", "part"), BROKEN, ids=[f"{key}: {part}" for _, key, part in BROKEN])
def test_a_mistake_is_one_sentence_with_its_place(tmp_path: Path, text: str, key: str, part: str) -> None:
    path = written(tmp_path, text)
    with pytest.raises(SettingsBroken) as caught:
        load(path, {"ATELIER_DISCORD_API": "http://127.0.0.1:1/api/v10"})
    assert caught.value.key == key and part in caught.value.reason
    sentence = str(caught.value)
    assert f"{path} are broken" in sentence and key in sentence and sentence.endswith(".")
    assert "\n" not in sentence and "`$" not in sentence and "Expected" not in sentence


@pytest.mark.parametrize("key", ["a\\nb", "a\\u0000b"])
def test_a_key_or_a_name_with_control_characters_is_shown_escaped(tmp_path: Path, key: str) -> None:
    for text in (f'"{key}" = 1', f'[[models]]\nname = "{key}"\nsource = "x"\nlicence = "y"'):
        with pytest.raises(SettingsBroken) as caught:
            load(written(tmp_path, text), {})
        sentence = str(caught.value)
        assert "\n" not in sentence and "\0" not in sentence and "a\\" in sentence


@pytest.mark.parametrize(
    ("content", "part"),
    [
        (b"# fine\ndata = '\xe9'", "line 2: not UTF-8 text"),
        ("data = 'x'".encode("utf-16"), "line 1: not UTF-8 text"),
        (b"data = '\0'", "line 1: not valid TOML"),
        (b"\0" * 5000, "line 1: not valid TOML"),
    ],
)
def test_a_file_that_is_no_text_is_a_sentence_with_the_line(
    tmp_path: Path, content: bytes, part: str
) -> None:
    path = tmp_path / "config.toml"
    path.write_bytes(content)
    with pytest.raises(SettingsBroken) as caught:
        load(path, {})
    assert part in str(caught.value) and "\0" not in str(caught.value)


def test_a_folder_is_no_file_of_settings(tmp_path: Path) -> None:
    with pytest.raises(SettingsBroken, match="Is a directory"):
        load(tmp_path, {})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ATELIER_DISCORD_API", "discord.com"),
        ("ATELIER_DISCORD_API", "http://[::1"),
        ("ATELIER_DATA", "~absent-user/x"),
    ],
)
def test_a_mistake_in_the_environment_is_one_sentence_with_its_name(name: str, value: str) -> None:
    with pytest.raises(SettingsBroken) as caught:
        load(None, {name: value})
    assert caught.value.key == name and str(caught.value).startswith("The settings in the environment")


# ---- made-up files

_TABLES = ["", *(f"[{each.name}]" for each in dataclasses.fields(Settings)), "[[models]]", "[[models.loras]]"]
_KEYS = sorted(
    {name for line in EXAMPLE.read_text("utf-8").splitlines() for name in re.findall(r"^#? ?(\w+) =", line)}
)
_TEXTS = st.text(max_size=20) | st.sampled_from(
    ["\0", "a\nb", "~x/y", "x" * 5000, "\u2028", "http://[", "127.0.0.1:1"]
)
_VALUES = st.one_of(
    _TEXTS.map(lambda text: json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")),
    st.integers().map(str),
    st.floats().map(str),
    st.sampled_from(
        [
            "true",
            "[]",
            "{}",
            "[[]]",
            "2020-01-01",
            "9" * 5000,
            "0x" + "f" * 5000,
            "[" * 3000,
            "nan",
            "[1, 'a']",
        ]
    ),
)
_LINES = st.one_of(
    st.sampled_from(_TABLES),
    st.builds("{} = {}".format, st.sampled_from(_KEYS) | st.sampled_from(["a", '"\\u0000"', "a.b"]), _VALUES),
    st.text(max_size=20),
)


@hypothesis_settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(_LINES, max_size=8).map("\n".join) | st.binary(max_size=60))
def test_a_made_up_file_is_settings_or_one_sentence(tmp_path: Path, content: str | bytes) -> None:
    path = tmp_path / "config.toml"
    path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8", "ignore"))
    try:
        load(path, {})
    except SettingsBroken as broken:
        sentence = str(broken)
        assert sentence.startswith(f"The settings in {path} are broken") and sentence.endswith(".")
        assert not re.search(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]|`\$", sentence)


def numbers(kind: Any, header: str = "") -> Iterator[tuple[str, str]]:
    """Yields every numeric setting: the preceding lines in a file, and its name."""
    for each in kind.fields:
        match each.type:
            case inspect.DataclassType():
                yield from numbers(each.type, f"[{each.name}]\n")
            case inspect.VarTupleType(item_type=inspect.DataclassType() as item):
                yield from numbers(item, LORA if header else MODEL)
            case inspect.IntType() | inspect.FloatType():
                yield header, each.name
            case _:
                pass


@pytest.mark.parametrize("value", ["nan", "inf", "-inf", "true", "1" + "0" * 30, "-1" + "0" * 30, "'1'"])
@pytest.mark.parametrize(("header", "name"), sorted(numbers(inspect.type_info(Settings))))
def test_no_number_takes_what_is_none_or_has_no_end(
    tmp_path: Path, header: str, name: str, value: str
) -> None:
    with pytest.raises(SettingsBroken) as caught:
        load(written(tmp_path, f"{header}{name} = {value}"), {})
    assert caught.value.key.endswith(f".{name}")
    assert caught.value.reason.startswith(("must be a number ", "must be a whole number "))


def test_a_whole_number_is_a_number(tmp_path: Path) -> None:
    waits = load(written(tmp_path, "[generation]\nmodel_wait = 5"), {}).generation.model_wait
    assert waits == 5.0 and isinstance(waits, float)


def test_settings_are_read_without_what_runs_the_bot() -> None:
    heavy = ("prometheus_client", "aiohttp", "discord", "generation.queue.dispatcher", "torch")
    code = f"import sys, bot.studio.settings; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True, timeout=60
    )
    assert (done.stdout.strip(), done.stderr) == ("[]", "")


def test_loras_are_a_models_own_tables(tmp_path: Path) -> None:
    text = (
        f"{MODEL}[[models.loras]]\nname = 'ink'\nsource = 'ink.safetensors'\nweight = 1\ntrigger = 'in ink'"
    )
    (lora,) = load(written(tmp_path, text), {}).models[0].loras
    assert (lora.name, lora.source, lora.weight, lora.trigger) == ("ink", "ink.safetensors", 1.0, "in ink")


@pytest.mark.parametrize(
    ("given", "steps", "guidance"),
    [
        ("", 4, 1.0),
        ("steps = 25", 25, 1.0),
        ("guidance = 7.0", 4, 7.0),
        ("steps = 6\nguidance = 2.0", 6, 2.0),
        ("max_steps = 3", 3, 1.0),
    ],
)
def test_what_the_owner_leaves_out_a_distilled_model_says_itself(
    tmp_path: Path, given: str, steps: int, guidance: float
) -> None:
    folder = tmp_path / "klein"
    folder.mkdir()
    index = {"_class_name": "Flux2KleinPipeline", "is_distilled": True}
    (folder / "model_index.json").write_text(json.dumps(index), "utf-8")
    path = tmp_path / "config.toml"
    model = f'[[models]]\nname = "emoji"\nsource = "{folder}"\nlicence = "none"\n'
    path.write_text(model + given, "utf-8")
    (entry,) = load(path, {}).models
    assert (entry.steps, entry.guidance) == (steps, guidance)


def test_a_missing_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SettingsBroken):
        load(tmp_path / "absent.toml", {})
