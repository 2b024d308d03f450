"""Assembles and runs the playground: one address serves the API, the gateway, the files and the page."""

from __future__ import annotations

import socket
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from aiohttp import web

from playground.content.composing import Composer
from playground.gateway.gateway import Gateway
from playground.gateway.sessions import Frame
from playground.people.client_input import ClientInput
from playground.people.page_api import BotControl, PageEndpoints
from playground.people.person import PATIENCE, Person, Use
from playground.rest.api import API, Api, Exchange
from playground.rest.channels import ChannelEndpoints
from playground.rest.commands import CommandEndpoints
from playground.rest.guild import GuildEndpoints
from playground.rest.interactions import InteractionEndpoints
from playground.rest.moderation import ModerationEndpoints
from playground.world.guild import Channel, Member
from playground.world.interactions import ANSWER_WITHIN, Interactions
from playground.world.messages import Message
from playground.world.values import Clock
from playground.world.world import World, application_of

MOST_SENT = 110 * 1024 * 1024  # bytes of a request; a larger request closes the connection without an answer


Observer = Callable[[Exchange | Frame], None]


@web.middleware
async def own_pages_only(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Rejects requests from scripts of other sites, because any page open in a browser can reach a localhost port."""
    origin = request.headers.get("Origin")
    if origin is not None and origin.split("://", 1)[-1] != request.host:
        raise web.HTTPForbidden(text="This address takes requests of its own page only.")
    return await handler(request)


class Playground:
    """A running Discord. Create it with `open`, which also closes it."""

    def __init__(
        self,
        world: World,
        observer: Observer | None,
        bot_control: BotControl | None,
        answer_within: float,
    ) -> None:
        self.world = world
        self.page_url = f"{world.address}/"
        self.api_url = f"{world.address}{API}"
        self.gateway_url = f"{world.address.replace('http', 'ws', 1)}/gateway"
        self.app = web.Application(client_max_size=MOST_SENT, middlewares=[own_pages_only])
        self.gateway = Gateway(world, self.gateway_url, observer)
        self.interactions = Interactions(world, self.gateway, answer_within=answer_within)
        self._composer = Composer(world)
        self._client_input = ClientInput(world, self.interactions)
        self._commands = CommandEndpoints(world)
        self._api = Api(self.app, world, observer)
        self.fail_next = self._api.fail_next
        GuildEndpoints(world, self.gateway_url).add_to(self._api)
        ModerationEndpoints(world).add_to(self._api)
        self._commands.add_to(self._api)
        ChannelEndpoints(world, self._composer).add_to(self._api)
        InteractionEndpoints(world, self._composer, self.interactions).add_to(self._api)
        self._api.finish()
        self.app.router.add_route("GET", "/gateway", self.gateway.connect)
        self._page = PageEndpoints(world, self._client_input, self.gateway, self._as_person, bot_control)
        self._page.add_to(self.app)

    @classmethod
    @asynccontextmanager
    async def open(
        cls,
        host: str = "127.0.0.1",
        port: int = 0,
        folder: Path | None = None,
        token: str | None = None,
        observer: Observer | None = None,
        bot_control: BotControl | None = None,
        clock: Clock = time.time,
        answer_within: float = ANSWER_WITHIN,
    ) -> AsyncGenerator[Playground, None]:
        """Opens a playground and closes it at the end of the block. `port` 0 takes a free port. Without `folder` nothing is kept
        after the block. `clock` decides when interaction tokens expire."""
        with socket.create_server((host, port)) as listener:
            if token is not None:
                application_of(token)  # refuses an invalid token before anything is stored
            address = f"http://{host}:{listener.getsockname()[1]}"
            world = World(folder, address=address, clock=clock, token=token)
            play = cls(world, observer, bot_control, answer_within)
            runner = web.AppRunner(play.app, access_log=None, shutdown_timeout=1.0)
            await runner.setup()
            await web.SockSite(runner, listener).start()
            try:
                yield play
            finally:
                play.interactions.close()
                await play.gateway.close()
                await play._page.close()
                await runner.cleanup()
                world.close()

    @property
    def token(self) -> str:
        """Returns the bot's token. Its first part is the base64 of the application id."""
        return self.world.token

    # people

    def _as_person(self, member: Member) -> Person:
        return Person(self.world, self._client_input, self._composer, member.user)

    def person(self, name: str) -> Person:
        """Returns a person by name. "ada" and "ben" are members, "mia" is the moderator. Raises LookupError for an unknown
        name."""
        member = self.world.member_named(name)
        if member is None:
            raise LookupError(f"nobody is called {name!r}")
        return self._as_person(member)

    def add_member(self, name: str, *, is_moderator: bool = False, age: float = 0.0) -> Person:
        """Adds a member. `age` is the time in seconds since the person created the account and joined."""
        return self._as_person(self.world.add_member(name, is_moderator=is_moderator, age=age))

    def channel(self, name: str) -> Channel:
        return self.world.channel_named(name)

    # waiting

    async def wait_for_message(
        self,
        fits: Callable[[Message], bool],
        channel: str | Channel = "gallery",
        seen_by: Person | None = None,
        timeout: float = PATIENCE,
    ) -> Message:
        """Returns the first message for which `fits` is true: a posted message or a future one. Without `seen_by` it considers
        the messages of every reader."""
        place = self.channel(channel) if isinstance(channel, str) else channel

        return await self.world.wait_for_message(fits, place, seen_by and seen_by.id, timeout)

    async def wait_for_bot(self, timeout: float = PATIENCE) -> None:
        """Waits until the bot is on the gateway and its commands are registered."""
        await self.world.changed.wait_until(
            lambda: (self.gateway.is_online and self._commands.is_synced) or None, timeout
        )

    async def wait_until_offline(self, timeout: float = PATIENCE) -> None:
        await self.world.changed.wait_until(lambda: not self.gateway.is_online or None, timeout)

    # faults

    def expire_token(self, use: Use) -> None:
        """Expires the use's token, as if fifteen minutes had passed: the API answers 401 with code 50027."""
        self.interactions.expire(use.interaction)

    async def drop_gateway(self, *, resumable: bool = True) -> None:
        """Closes the bot's connection. When `resumable`, the client resumes and receives the events it missed."""
        await self.gateway.drop(resumable=resumable)
