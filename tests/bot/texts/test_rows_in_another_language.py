"""Rows hold no English: what they hold is shown in every language. Rows of earlier releases are shown as they were."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import count
from typing import Any

import pytest
from fluent.syntax import FluentParser, FluentSerializer, ast
from fluent.syntax.visitor import Transformer

from bot import texts
from bot.cases.cards import Dossier, case_card, entry_line, source, why
from bot.cases.discord_sanctions import Obstacle
from bot.commands.mod.audit import page
from bot.studio.cases.cases import Decision
from bot.studio.orders.order import Actor
from bot.studio.orders.parameters import TYPED
from bot.studio.presets import SAVING
from bot.studio.screening.pictures import BANNED
from bot.studio.styles import server_styles as styles
from bot.texts import ENGLISH, Language, language
from db.appeals import Decision as Answer
from db.audit import AuditEntry
from db.audit_check import Checked, Fault, FaultKind
from db.case_entries import Entry, EntryKind
from db.cases import Case, Origin, Outcome
from db.effects import EffectKind
from db.verdicts import PICTURE, VerdictRecord
from generation.queue.ticket import GenerationFailed
from generation.request import MemberId
from moderation.prompts.spam import score
from moderation.verdict import Category, Ruling, Verdict
from tests.bot.cards import texts_of
from tests.bot.conftest import ADA, BEN, GUILD, MIA, Shop, an_order
from tests.bot.desk import MAX, OLA, WARN, flagged

pytestmark = [pytest.mark.slow, pytest.mark.timeout(60)]

ENGLISH_WORD = re.compile(r"[A-Za-z]{2,}")
CODES = re.compile(r"<t:\d+:[fR]>|<@\d+>|`(?:opennsfw|suggestive)`|[2-7a-z]{10}|audit_is_not_deleted")
"""Times, members, jobs, and names that are the same in every language."""
EARLIER = (EntryKind.EVIDENCE, EntryKind.REMOVED)
SAID = "ελληνικά"  # a person's words
AT = 1_790_000_000.0


class Translated(Transformer):
    """Puts another alphabet in the place of every text, as a translator would."""

    def visit_TextElement(self, node: ast.TextElement) -> ast.TextElement:
        return ast.TextElement(re.sub("[A-Za-z]", "ж", node.value))


@pytest.fixture(scope="module")
def foreign(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Language]:
    """A language that has every message."""
    folder = tmp_path_factory.mktemp("texts")
    (folder / "bg").mkdir(parents=True)
    for path in (texts.FOLDER / ENGLISH).glob("*.ftl"):
        resource = Translated().visit(FluentParser().parse(path.read_text("utf-8")))
        (folder / "bg" / path.name).write_text(FluentSerializer().serialize(resource), "utf-8")
    (folder / ENGLISH).symlink_to(texts.FOLDER / ENGLISH)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(texts, "FOLDER", folder)
        language.cache_clear()
        yield language("bg")
    language.cache_clear()


def english_in(shown: str) -> list[str]:
    return ENGLISH_WORD.findall(CODES.sub("", shown))


async def card(shop: Shop, say: Language, case: Case, entries: Sequence[Entry]) -> list[str]:
    """Returns the lines of the case's card."""
    standing, rung = await shop.casework.standing(GUILD, case.member)
    view, _ = case_card(say, Dossier(case=case, standing=standing, rung=rung, entries=entries, job=None))
    return "\n".join(texts_of(view)).split("\n")


async def shown(shop: Shop, say: Language, case: Case, entry: Entry) -> str:
    """Returns the entry's line of the case's card; of an order that joined, of the case's history."""
    if entry.kind is EntryKind.JOINED:
        return entry_line(say, entry)
    [line] = [each for each in await card(shop, say, case, [entry]) if each.startswith("-# <t:")]
    return line


# ---- what is written now


async def write_every_kind(shop: Shop) -> None:
    mia, max_, ola = (replace(each, name=SAID) for each in (MIA, MAX, OLA))
    members = (replace(ADA, member=MemberId(number), name=SAID) for number in count(1))
    casework = shop.casework
    whose = next(members)
    await flagged(shop, whose)
    job = await shop.admit(an_order(SAID, whose, images=1))
    await shop.reports.report(replace(BEN, member=MemberId(BEN.member + 500), name=SAID), job, SAID)
    for outcome in Outcome:
        case = await flagged(shop, next(members))
        await casework.decide(case.id, mia, Decision(outcome=outcome, reason=SAID, seconds=60))
    for decision in Answer:
        case = (await casework.sanction(mia, ADA.member, SAID, replace(WARN, reason=SAID))).case
        _, appeal = await shop.appeals.ask(case.id, ADA.member, SAID, SAID)
        await shop.appeals.answer(appeal.id, max_, decision, SAID if decision is Answer.UPHELD else "")
    timeout = Decision(outcome=Outcome.TIMEOUT, seconds=60)
    case = (await casework.sanction(mia, ADA.member, SAID, timeout)).case
    await casework.amend(case.number, mia, reason=SAID, seconds=None)
    await casework.amend(case.number, mia, reason=SAID, seconds=3600)
    await casework.amend(case.number, mia, reason=None, seconds=60)
    await casework.add_note(case.number, mia, SAID)
    await casework.unban(mia, ADA.member, SAID)
    await casework.pardon(case.number, mia, SAID)
    await casework.escalate((await flagged(shop, next(members))).id, mia)
    await shop.desk_settings.set_second_for_bans(ola, True)
    await casework.sanction(mia, ADA.member, SAID, Decision(outcome=Outcome.BAN, reason=SAID))

    for text in (SAID, ""):
        job = await shop.admit(an_order(actor=next(members), images=1))
        await shop.reports.report(replace(BEN, name=SAID), job, text)
    job = (await shop.draw("show flagged", next(members), images=1)).job
    await shop.takedown.remove(job.id, mia, SAID)
    await shop.takedown.restore(mia, SAID, job_id=job.id)
    await shop.takedown.remove((await shop.draw("show waves1", next(members), images=1)).job.id, mia, "")
    for picture in ("refused", "waves1"):
        await draw_in_a_case(shop, f"show {picture}", next(members))
    purged = (await shop.draw("show flagged", next(members), images=1)).job
    await shop.takedown.purge(mia, 0.0, SAID, member=purged.member, most=9)
    async with shop.records.database.transaction() as tx:
        for obstacle in Obstacle:
            details = {"effect": EffectKind.SANCTION, "power": "ban", "obstacle": obstacle}
            await shop.records.entries.add(
                tx,
                case.id,
                at=shop.clock.now,
                by=None,
                name="",
                kind=EntryKind.NOT_DONE,
                details=details,
            )


async def draw_in_a_case(shop: Shop, text: str, actor: Actor) -> None:
    """Draws an order whose prompt has a case already, and whose picture is refused."""
    job = await shop.admit(an_order(text, actor, images=1))
    async with shop.records.database.transaction() as tx:
        await shop.records.cases.open(
            tx,
            guild_id=GUILD,
            origin=Origin.FLAG,
            at=shop.clock.now,
            member=job.member,
            member_name=job.member_name,
            job=job.id,
        )
    with pytest.raises(GenerationFailed):
        await shop.fulfil(job)


async def test_an_entry_of_every_kind_has_no_english_and_is_shown_in_another_language(
    busy: Shop, foreign: Language
) -> None:
    await write_every_kind(busy)
    kinds = set[EntryKind]()
    for case in await busy.records.cases.page(GUILD, limit=100):
        for entry in await busy.records.entries.of_case(case.id):
            assert english_in(entry.text + entry.written_name) == [], entry
            assert english_in(await shown(busy, foreign, case, entry)) == [], entry
            assert english_in(await shown(busy, language(ENGLISH), case, entry)), entry
            kinds.add(entry.kind)
    assert kinds == {*EntryKind} - {*EARLIER}
    reasons = await busy.records.database.reader.all("SELECT removed_reason FROM images")
    assert {row["removed_reason"] for row in reasons} <= {SAID, ""}


async def test_a_change_of_a_case_is_shown_with_what_was_before(busy: Shop) -> None:
    timeout = Decision(outcome=Outcome.TIMEOUT, seconds=60)
    case = (await busy.casework.sanction(MIA, ADA.member, "ada", timeout)).case
    now = int(busy.clock.now)
    await busy.casework.amend(case.number, MIA, reason="spam", seconds=None)
    await busy.casework.amend(case.number, MIA, reason="spam, *twice*", seconds=3600)
    await busy.casework.amend(case.number, MIA, reason=None, seconds=60)
    entries = await busy.records.entries.of_case(case.id)
    lines = [await shown(busy, language(ENGLISH), case, each) for each in entries]
    assert [line.partition(" · mia · ")[2] for line in lines] == [
        "decided: timeout",
        "amended: reason: none → spam",
        rf"amended: reason: spam → spam, \*twice\*; end: <t:{now + 60}:f> → <t:{now + 3600}:f>",
        f"amended: end: <t:{now + 3600}:f> → <t:{now + 60}:f>",
    ]


@pytest.mark.parametrize("stored", [TYPED, SAVING, styles.SAVING, "V1", "U4", "re-roll", "remix 2", PICTURE])
def test_the_source_of_a_text_is_shown_in_another_language(stored: str, foreign: Language) -> None:
    record = a_record(source=stored)
    assert source(language(ENGLISH), record) == stored
    assert english_in(source(foreign, record)) == []
    assert re.findall(r"\d", source(foreign, record)) == re.findall(r"\d", stored)


SPAM = [score(text, 20)[1] for text in ("coins", "@everyone", "a" * 20, "a " * 20)]


@pytest.mark.parametrize("rule", [BANNED, *(f"spam: {each}" for each in SPAM)])
def test_what_the_checks_found_is_shown_in_another_language(rule: str, foreign: Language) -> None:
    words = ("job:22222aaaaa:12", "picture:1", "flagged:2")
    verdict = Verdict(ruling=Ruling.REFUSE, category=Category.SPAM, rule=rule, words=words)
    found = "`job 22222aaaaa, 12 bits apart`, `picture 1`, `picture 2 flagged`"
    assert why(language(ENGLISH), verdict) == f"spam: rule `{rule}` found {found}"
    assert english_in(why(foreign, verdict)) == []


def test_a_servers_own_rule_keeps_its_name(foreign: Language) -> None:
    verdict = Verdict(ruling=Ruling.FLAG, rule=f"server: {SAID}: {SAID}")
    assert why(language(ENGLISH), verdict) == f"rule `server: {SAID}: {SAID}`"
    assert f"{SAID}: {SAID}`" in why(foreign, verdict)


FAULTS = [
    Fault(FaultKind.NO_GUARD, what="audit_is_not_deleted"),
    Fault(FaultKind.NO_ROWS, 3, 3),
    Fault(FaultKind.NO_ROWS, 3, 4321),
    Fault(FaultKind.NO_END, 4321, 3, "kept"),
    Fault(FaultKind.NO_HEAD),
    Fault(FaultKind.LINK, 3),
    Fault(FaultKind.ROW, 3),
    *(Fault(FaultKind.FIELD, 3, what=each) for each in ("actor", "member", "reason")),
    *(Fault(FaultKind.HEAD, 3, what=each) for each in ("kept", "given")),
]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: f"{fault.kind}-{fault.what}")
def test_a_fault_of_the_audit_log_is_shown_in_another_language(fault: Fault, foreign: Language) -> None:
    checked = Checked(rows=3, head=None, kept=None, forgotten=0, fault=fault)
    assert str(fault) in page(language(ENGLISH), checked, None, [], None), "as the terminal says it"
    assert english_in(page(foreign, checked, None, [], None)) == []


def test_every_fault_of_the_audit_log_is_tried() -> None:
    assert {each.kind for each in FAULTS} == set(FaultKind)


@pytest.mark.parametrize(
    "subject",
    ["case 3", "job 22222aaaaa", f"rule {SAID}, {SAID}", f"case 3, job 22222aaaaa, rule {SAID}", ""],
)
def test_the_subject_of_an_act_is_shown_in_another_language(subject: str, foreign: Language) -> None:
    checked = Checked(rows=1, head=None, kept=None, forgotten=0, fault=None)
    act = AuditEntry(
        number=1,
        at=AT,
        guild_id=GUILD,
        actor=MIA.member,
        actor_name="mia",
        act="remove",
        member=None,
        subject=subject,
        reason=SAID,
        details={"is_needed": True, "where": "channel", "channel": "42", "action": "as found"},
        hash="",
    )
    said = page(language(ENGLISH), checked, None, [act], None)
    middle = f"{subject} · " if subject else ""
    assert f" · remove · {middle}is needed yes, where channel, channel <#42>, action as found · <t:" in said
    assert english_in(page(foreign, checked, None, [act], None)) == []


# ---- what earlier releases wrote


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (EntryKind.EVIDENCE, "reported: too foxy"),
        (EntryKind.EVIDENCE, "refuse: sexual, rule opennsfw, picture 1"),
        (EntryKind.NOTE, "what looks like its pictures may come back: a mistake"),
        (EntryKind.REMOVED, "the pictures: purge: a raid"),
        (EntryKind.AMENDED, "reason: none → spam; end: until lifted → 2026-11-29 10:00 UTC"),
        (EntryKind.ESCALATED, ""),
        (EntryKind.PROPOSED, "raids"),
        (EntryKind.DECIDED, "warn: spam"),
        (EntryKind.APPEALED, "why?"),
        (EntryKind.ANSWERED, "upheld: so"),
        (EntryKind.ANSWERED, "overturned"),
        (EntryKind.PARDONED, "lifted: mercy"),
    ],
)
async def test_an_entry_of_an_earlier_release_is_shown_as_it_was(
    shop: Shop, kind: EntryKind, text: str
) -> None:
    case = await flagged(shop)
    async with shop.records.database.transaction() as tx:
        cells = (case.id, AT, None, "Picture check", kind, text)
        columns = "case_id, at, written_by, written_name, kind, text"
        await tx.all(f"INSERT INTO case_entries ({columns}) VALUES (?, ?, ?, ?, ?, ?)", cells)
    [entry] = await shop.records.entries.of_case(case.id)
    line = await shown(shop, language(ENGLISH), case, entry)
    assert line == f"-# <t:{int(AT)}:f> · Picture check · {kind}" + (f": {text}" if text else "")
    words = "\n".join(await card(shop, language(ENGLISH), case, [entry]))
    is_undoing = kind is EntryKind.PARDONED or text.startswith("overturned")
    assert ("Taken back" in words, "removed already" in words) == (is_undoing, kind is EntryKind.REMOVED)


def test_what_earlier_releases_found_in_pictures_is_shown_as_it_was() -> None:
    words = ("job 22222aaaaa, 12 bits apart", "picture 1", "picture 2 flagged")
    verdict = Verdict(ruling=Ruling.REFUSE, rule=BANNED, words=words)
    found = ", ".join(f"`{each}`" for each in words)
    assert why(language(ENGLISH), verdict) == f"rule `removed before` found {found}"


def a_record(**changes: Any) -> VerdictRecord:
    usual: dict[str, Any] = {
        "id": 1,
        "at": AT,
        "guild_id": GUILD,
        "channel_id": 1,
        "member": ADA.member,
        "member_name": "ada",
        "job": None,
        "message_id": None,
        "source": TYPED,
        "prompt": "a fox",
        "negative": "",
        "verdict": Verdict(ruling=Ruling.FLAG),
    }
    return VerdictRecord(**usual | changes)
