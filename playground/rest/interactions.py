"""The API's interaction endpoints: callbacks, and the webhook of an interaction token."""

from typing import Any

from playground.content.composing import Composer
from playground.content.modals import read_modal
from playground.rest.api import Answer, Api, Call
from playground.rest.channels import demand_open
from playground.world.command_rules import GROUP, SUBCOMMAND
from playground.world.errors import ErrorCode, FormErrors, invalid, one_of
from playground.world.files import Upload
from playground.world.interactions import (
    AUTOCOMPLETE,
    COMMAND,
    COMPONENT,
    MODAL,
    Interaction,
    Interactions,
)
from playground.world.messages import COMPONENTS_V2, EPHEMERAL, Message
from playground.world.values import Json, as_dict, as_dicts
from playground.world.world import World

PONG, MESSAGE, DEFER, DEFER_UPDATE, UPDATE, CHOICES, SHOW_MODAL = 1, 4, 5, 6, 7, 8, 9

TOKEN = "/webhooks/{webhook_id}/{webhook_token}"
ORIGINAL = TOKEN + "/messages/@original"
FOLLOWUP = TOKEN + "/messages/{message_id}"


class InteractionEndpoints:
    def __init__(self, world: World, composer: Composer, interactions: Interactions) -> None:
        self._world = world
        self._composer = composer
        self._interactions = interactions

    def add_to(self, api: Api) -> None:
        callback = "/interactions/{interaction_id}/{interaction_token}/callback"
        api.add("POST", callback, self.callback, is_open=True)
        api.add("POST", TOKEN, self.follow_up, is_open=True)
        for path in (ORIGINAL, FOLLOWUP):
            api.add("GET", path, self.get, is_open=True)
            api.add("PATCH", path, self.edit, is_open=True)
            api.add("DELETE", path, self.delete, is_open=True)

    # the first answer

    def callback(self, call: Call) -> Answer:
        interaction = self._interactions.to_answer(
            call.id("interaction_id"), call.params["interaction_token"]
        )
        kind, data = check_kind(interaction, call.json.get("type")), as_dict(call.json.get("data"))
        message: Message | None = None
        if kind == MESSAGE:
            message = self._send(interaction, data, call.files)
        elif kind == DEFER:
            message = self._loading(interaction, data)
        elif kind in (UPDATE, DEFER_UPDATE):
            message = self._source(interaction)
        elif kind == CHOICES:
            interaction.choices = read_choices(data)
        modal = read_modal(data) if kind == SHOW_MODAL else None
        if message is not None:
            if kind == UPDATE:
                self._composer.edit(message, data, call.files)
            interaction.original_id, interaction.is_ephemeral = message.id, message.is_ephemeral
            if kind in (MESSAGE, DEFER):
                self._world.post(message)
        self._interactions.answered(interaction, kind)
        if modal is not None:
            self._interactions.open_modal(interaction, modal)
        if not call.is_true("with_response"):
            return Answer()
        return Answer(200, described(interaction, kind, message))

    def _source(self, interaction: Interaction) -> Message:
        source = interaction.source
        if source is None or self._world.messages.get(source.channel_id, source.id) is None:
            raise ErrorCode.UNKNOWN_MESSAGE.error()
        return source

    def _extra(self, interaction: Interaction) -> Json:
        extra: Json = {
            "application_id": str(self._world.application_id),
            "webhook_id": str(self._world.application_id),
            "interaction_metadata": self._interactions.metadata(interaction),
        }
        if interaction.type == COMMAND:
            data = as_dict(interaction.payload["data"])
            extra["type"] = 20 if data["type"] == 1 else 23
            used: Json = {"id": str(interaction.id), "type": COMMAND, "user": interaction.user.json}
            extra["interaction"] = used | {"name": whole_name(data)}
        elif interaction.type == COMPONENT and interaction.source:
            extra |= {"type": 19, "message_reference": interaction.source.reference}
        return extra

    def _send(self, interaction: Interaction, data: Json, files: list[Upload]) -> Message:
        return self._composer.create(
            self._world.channel(interaction.channel_id),
            self._world.bot,
            data,
            files,
            extra=self._extra(interaction),
            seen_by=reader_of(interaction, data),
        )

    def _loading(self, interaction: Interaction, data: Json) -> Message:
        if int(data.get("flags") or 0) & ~EPHEMERAL:
            reason = f"Only the flag {EPHEMERAL} may be set on a deferral."
            raise invalid("data.flags", "BASE_TYPE_CHOICES", reason=reason)
        reader = reader_of(interaction, data)
        return self._composer.loading(interaction.channel_id, self._extra(interaction), seen_by=reader)

    # the webhook

    def _interaction(self, call: Call) -> Interaction:
        if call.id("webhook_id") != self._world.application_id:
            raise ErrorCode.UNKNOWN_WEBHOOK.error()
        return self._interactions.by_token(call.params["webhook_token"])

    def follow_up(self, call: Call) -> Answer:
        interaction = self._interaction(call)
        original = self._original(interaction)
        if interaction.answer_type == DEFER and original is not None and original.is_loading:
            # The first follow-up after a deferral replaces "is thinking…".
            flags = int(call.json.get("flags") or 0) & COMPONENTS_V2
            self._composer.edit(original, call.json | {"flags": flags}, call.files)
            return Answer(200, original.json) if call.is_true("wait") else Answer()
        message = self._send(interaction, call.json, call.files)
        message.json["type"] = 19 if original else 0
        if original:
            message.json["message_reference"] = original.reference
        message.json["interaction_metadata"]["original_response_message_id"] = str(
            interaction.original_id or message.id
        )
        self._world.post(message)
        return Answer(200, message.json) if call.is_true("wait") else Answer()

    def _original(self, interaction: Interaction) -> Message | None:
        if interaction.original_id is None:
            return None
        return self._world.messages.get(interaction.channel_id, interaction.original_id)

    def _message(self, call: Call) -> Message:
        interaction = self._interaction(call)
        if "message_id" not in call.params:
            message = self._original(interaction)
        else:
            message = self._world.messages.get(interaction.channel_id, call.id("message_id"))
        if message is None or not self._belongs(message, interaction):
            raise ErrorCode.UNKNOWN_MESSAGE.error()
        return message

    def _belongs(self, message: Message, interaction: Interaction) -> bool:
        metadata = as_dict(message.json.get("interaction_metadata"))
        return message.id == interaction.original_id or metadata.get("id") == str(interaction.id)

    def get(self, call: Call) -> Answer:
        return Answer(200, self._message(call).json)

    def edit(self, call: Call) -> Answer:
        message = self._message(call)
        demand_open(self._world.channel(message.channel_id))
        self._composer.edit(message, call.json, call.files)
        return Answer(200, message.json)

    def delete(self, call: Call) -> Answer:
        self._world.delete(self._message(call))
        return Answer()


def reader_of(interaction: Interaction, data: Json) -> int | None:
    """Returns the id of the only user who sees an ephemeral answer, otherwise None."""
    return interaction.user.id if int(data.get("flags") or 0) & EPHEMERAL else None


def check_kind(interaction: Interaction, kind: Any) -> int:
    """Returns the kind of the answer. Raises an ApiError when it does not fit the interaction."""
    allowed = {
        COMMAND: (MESSAGE, DEFER, SHOW_MODAL),
        COMPONENT: (MESSAGE, DEFER, DEFER_UPDATE, UPDATE, SHOW_MODAL),
        AUTOCOMPLETE: (CHOICES,),
        MODAL: (MESSAGE, DEFER),
    }[interaction.type]
    if interaction.type == MODAL and interaction.source is not None:
        allowed = (*allowed, DEFER_UPDATE, UPDATE)
    if kind not in allowed:
        raise invalid("type", "BASE_TYPE_CHOICES", reason=one_of(allowed))
    return kind


def whole_name(data: Json) -> str:
    """Returns a command's name with its group and subcommand, for example "mod log"."""
    names = [str(data["name"])]
    inner = as_dicts(data.get("options"))
    while inner and inner[0].get("type") in (SUBCOMMAND, GROUP):
        names.append(str(inner[0]["name"]))
        inner = as_dicts(inner[0].get("options"))
    return " ".join(names)


def read_choices(data: Json) -> list[Json]:
    errors = FormErrors()
    choices = as_dicts(data.get("choices"))
    errors.count("data.choices", len(choices), 0, 25)
    for index, choice in enumerate(choices):
        errors.length(f"data.choices.{index}.name", choice.get("name"), 1, 100)
        if isinstance(choice.get("value"), str):
            errors.length(f"data.choices.{index}.value", choice["value"], 1, 100)
    errors.raise_if_any()
    return choices


def described(interaction: Interaction, kind: int, message: Message | None) -> Json:
    """Returns the response body for `with_response=1`."""
    body: Json = {"id": str(interaction.id), "type": interaction.type}
    answer: Json = {"interaction": body}
    if interaction.original_id is not None:
        body |= {
            "response_message_id": str(interaction.original_id),
            "response_message_loading": kind == DEFER,
            "response_message_ephemeral": interaction.is_ephemeral,
        }
    if message is not None and kind in (MESSAGE, UPDATE):
        answer["resource"] = {"type": kind, "message": message.json}
    return answer
