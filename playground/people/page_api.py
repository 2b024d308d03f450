"""The web page's API: /play, the files of /cdn, and the page itself."""

import asyncio
import io
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Protocol

from aiohttp import BodyPartReader, WSMsgType, web
from PIL import Image

from playground.gateway.gateway import Gateway
from playground.people.client_input import ClientInput
from playground.people.person import InteractionFailed, Person, Use
from playground.world.commands import may_use
from playground.world.errors import ApiError, Refused
from playground.world.files import FILE_LIMIT
from playground.world.guild import DM, TEXT, Member
from playground.world.interactions import AUTOCOMPLETE, COMMAND, COMPONENT, MODAL, Interaction
from playground.world.invitation import PROMPTS, TOPIC
from playground.world.values import Json, as_dict, as_dicts, as_id, parse_json
from playground.world.world import Event, World

PAGE = Path(__file__).parent.parent / "page"
MESSAGES_AT_ONCE = 50
DIRECT = "direct-messages"  # the page's name for the DM channel, which has no name

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class BotControl(Protocol):
    """The control of the bot's process. Implemented by the code that runs both the playground and the bot."""

    @property
    def is_running(self) -> bool: ...

    async def start(self) -> None: ...

    async def stop(self) -> None: ...

    async def kill(self) -> None: ...


class PageEndpoints:
    def __init__(
        self,
        world: World,
        client_input: ClientInput,
        gateway: Gateway,
        person: Callable[[Member], Person],
        bot_control: BotControl | None,
    ) -> None:
        self._world = world
        self._client_input = client_input
        self._gateway = gateway
        self._person = person
        self._control = bot_control
        self._was_online = False  # since the bot's last start
        self._open: dict[web.WebSocketResponse, tuple[int, asyncio.Queue[Json]]] = {}
        world.listeners.append(self._hear)

    def add_to(self, app: web.Application) -> None:
        add = app.router.add_route
        add("GET", "/play/state", said(self.state))
        add("GET", "/play/messages", said(self.messages))
        add("GET", "/play/ws", self.listen)
        add("POST", "/play/interactions", said(self.interact))
        add("POST", "/play/uploads", said(self.upload))
        add("POST", "/play/messages", said(self.write))
        add("GET", "/play/bot", said(self.bot))
        add("POST", "/play/bot", said(self.control))
        add("GET", "/cdn/embed/avatars/{number}.png", self.avatar)
        add("GET", "/cdn/{folder}/{channel_id}/{attachment_id}/{name}", self.file)
        add("GET", "/", self.page)
        if PAGE.is_dir():
            app.router.add_static("/page", PAGE)

    async def close(self) -> None:
        for socket in list(self._open):
            await socket.close(code=1001)

    def _member(self, asked: object) -> Member:
        people = self._world.people
        if not asked:
            return people[0]
        for member in people:
            if str(asked) in (str(member.user.id), member.user.username):
                return member
        raise Refused("There is no such member.")

    def _user_json(self, member: Member) -> Json:
        is_moderator = self._world.moderators in member.roles
        roles = [str(role) for role in member.roles]
        return member.user.json | {"bot": member.user.bot, "is_moderator": is_moderator, "roles": roles}

    def _bot_json(self) -> Json:
        is_online = self._gateway.is_online
        return {
            "user": self._world.bot.json,
            "status": "online" if is_online else "starting" if self._is_starting else "offline",
            "activity": self._gateway.activity if is_online else None,
            "controllable": self._control is not None,
        }

    @property
    def _is_starting(self) -> bool:
        """A process that was online is ending, or connects again."""
        return self._control is not None and self._control.is_running and not self._was_online

    def _commands_of(self, user_id: int) -> list[Json]:
        """Returns the commands that a person may use in the guild or in direct messages, and in which of them."""
        may = self._world.permissions(user_id, None)
        found = [
            each | {"in_guild": may_use(each, may), "in_dm": may_use(each, may, is_dm=True)}
            for each in self._world.commands.all
        ]
        return [each for each in found if each["in_guild"] or each["in_dm"]]

    async def state(self, request: web.Request) -> Json:
        me = self._member(request.query.get("as"))
        world = self._world
        seen = [
            each
            for each in world.channels.values()
            if (each.type == TEXT or each.recipient == me.user) and world.can_see(me.user.id, each)
        ]
        users = [*world.people, world.guild.members[world.bot.id]]
        return {
            "me": self._user_json(me),
            "guild": {"id": str(world.guild.id), "name": world.guild.name},
            "users": [self._user_json(each) for each in users],
            "channels": [
                {
                    "id": str(each.id),
                    "name": each.name or DIRECT,
                    "topic": each.topic if each.type == TEXT else "Only you and the bot see this channel",
                    "nsfw": each.is_nsfw,
                    "is_dm": each.type == DM,
                    "prompts": PROMPTS if each.topic == TOPIC else (),
                }
                for each in seen
            ],
            "bot": self._bot_json(),
            "commands": self._commands_of(me.user.id),
            "messages": {
                str(each.id): [
                    message.json for message in world.seen_by(me.user.id, each)[-MESSAGES_AT_ONCE:]
                ]
                for each in seen
            },
        }

    async def messages(self, request: web.Request) -> Json:
        me = self._member(request.query.get("as"))
        channel = self._world.channel(as_id(request.query.get("channel_id")))
        before = as_id(request.query.get("before")) or 1 << 63
        seen = [each for each in self._world.seen_by(me.user.id, channel) if each.id < before]
        return {"messages": [each.json for each in seen[-MESSAGES_AT_ONCE:]]}

    async def listen(self, request: web.Request) -> web.StreamResponse:
        try:
            me = self._member(request.query.get("as"))
        except Refused as refusal:
            return web.json_response({"message": refusal.message}, status=400)
        socket = web.WebSocketResponse(heartbeat=30.0)
        await socket.prepare(request)
        queue = asyncio.Queue[Json]()
        self._open[socket] = me.user.id, queue

        async def send() -> None:
            while True:
                await socket.send_json(await queue.get())

        sender = asyncio.create_task(send())
        try:
            async for frame in socket:
                if frame.type is not WSMsgType.TEXT:
                    break
        finally:
            sender.cancel()
            del self._open[socket]
        return socket

    def _hear(self, event: Event) -> None:
        """Sends each open page the events that its person may see."""
        self._was_online |= self._gateway.is_online
        for user_id, queue in self._open.values():
            if frame := self._frame_for(event, user_id):
                queue.put_nowait(json.loads(json.dumps(frame)))

    def _frame_for(self, event: Event, user_id: int) -> Json | None:
        """Returns the event in the form for one person's page, or None when that person may not see it."""
        if event.only_for not in (None, user_id):
            return None
        if event.channel_id is not None:
            channel = self._world.channels.get(event.channel_id)
            if channel is None or not self._world.can_see(user_id, channel):
                return None
        if event.name == "COMMANDS":
            return {"t": "COMMANDS", "d": self._commands_of(user_id)}
        if event.name == "BOT":
            return {"t": "BOT", "d": self._bot_json()}
        return None if event.name == "THREAD_CREATE" else {"t": event.name, "d": event.body}

    async def interact(self, request: web.Request) -> Json:
        body = await json_of(request)
        me, kind = self._member(body.get("as")), body.get("type")
        use = Use(self._begin(me, kind, body), self._world)
        if kind == AUTOCOMPLETE:
            try:
                return {"id": str(use.id), "choices": await use.wait_for_choices()}
            except InteractionFailed:
                raise Refused("Loading options failed.") from None
        return {"id": str(use.id)}

    def _begin(self, me: Member, kind: object, body: Json) -> Interaction:
        data = as_dict(body.get("data"))
        channel = self._world.channel(as_id(body.get("channel_id")))
        if kind in (COMMAND, AUTOCOMPLETE):
            return self._client_input.command(me.user, channel, data, is_autocomplete=kind == AUTOCOMPLETE)
        if kind == COMPONENT:
            message = self._world.messages.get(channel.id, as_id(body.get("message_id")))
            if message is None:
                raise Refused("That message is gone.")
            return self._client_input.component(me.user, message, data)
        if kind == MODAL:
            opener = self._client_input.opener(
                me.user, as_id(data.get("interaction_id") or body.get("interaction_id")), data
            )
            return self._client_input.form(me.user, opener, as_dicts(data.get("components")))
        raise Refused("There is no such interaction.")

    async def upload(self, request: web.Request) -> Json:
        me = self._member(request.query.get("as"))
        async for part in await request.multipart():
            if isinstance(part, BodyPartReader) and part.filename:
                content = bytes(await part.read(decode=False))
                if len(content) > FILE_LIMIT:
                    raise Refused("That file is larger than 20 MiB.")
                kept = self._person(me).upload(part.filename, content, part.headers.get("Content-Type"))
                return self._world.files.describe(kept.id) or {}
        raise Refused("No file was sent.")

    async def write(self, request: web.Request) -> Json:
        body = await json_of(request)
        channel = self._world.channel(as_id(body.get("channel_id")))
        content = str(body.get("content") or "").strip()
        if not content:
            raise Refused("An empty message can't be sent.")
        return (await self._person(self._member(body.get("as"))).say(channel, content)).json

    async def bot(self, _: web.Request) -> Json:
        """A process that fails to start tells no event, so the page asks."""
        return self._bot_json()

    async def control(self, request: web.Request) -> Json:
        action = (await json_of(request)).get("action")
        if self._control is None:
            raise ApiError(409, 0, "The playground has no handle on the bot.")
        actions = {"start": self._control.start, "stop": self._control.stop, "kill": self._control.kill}
        if action not in actions:
            raise Refused("start, stop or kill.")
        if not self._control.is_running:
            self._was_online = False
        await actions[action]()
        return self._bot_json()

    async def file(self, request: web.Request) -> web.StreamResponse:
        found = self._world.files.read(as_id(request.match_info["attachment_id"]))
        if found is None:
            raise web.HTTPNotFound
        body, content = found
        # Uploads are untrusted: the browser must never treat one as a page of this address.
        headers = {
            "Content-Type": body["content_type"],
            "X-Content-Type-Options": "nosniff",
            "Content-Security-Policy": "default-src 'none'; sandbox",
            "Cache-Control": "private, max-age=31536000",
        }
        return web.Response(body=content, headers=headers)

    async def avatar(self, request: web.Request) -> web.StreamResponse:
        colors = ("#5865f2", "#757e8a", "#3ba55c", "#faa61a", "#ed4245", "#eb459e")
        color = colors[as_id(request.match_info["number"]) % len(colors)]
        file = io.BytesIO()
        Image.new("RGB", (64, 64), color).save(file, "PNG")
        return web.Response(body=file.getvalue(), content_type="image/png")

    async def page(self, request: web.Request) -> web.StreamResponse:
        index = PAGE / "index.html"
        if not index.is_file():
            raise web.HTTPNotFound
        return web.FileResponse(index)


async def json_of(request: web.Request) -> Json:
    try:
        return as_dict(parse_json(await request.text()))
    except ValueError:
        raise Refused("That is not JSON.") from None


def said(endpoint: Callable[[web.Request], Awaitable[Any]]) -> Handler:
    """Answers with JSON. A refusal becomes a sentence with status 400, or with the status of the error."""

    async def handle(request: web.Request) -> web.StreamResponse:
        try:
            return web.json_response(await endpoint(request))
        except Refused as refusal:
            return web.json_response({"message": refusal.message}, status=400)
        except ApiError as error:
            return web.json_response({"message": error.message}, status=error.status)

    return handle
