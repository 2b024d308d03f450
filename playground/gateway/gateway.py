"""The gateway: sessions that survive a lost connection, and the events sent to them."""

import asyncio
import json
import secrets
from collections.abc import Callable

from aiohttp import WSMsgType, web

from playground.gateway.sessions import Connection, Frame, Session, activity_of, compressor
from playground.world import guild as rights
from playground.world.values import Json, as_dict, as_dicts, as_list, parse_json
from playground.world.world import Event, World

HEARTBEAT, IDENTIFY, PRESENCE, RESUME = 1, 2, 3, 6
REQUEST_MEMBERS, INVALID_SESSION, HELLO, ACK = 8, 9, 10, 11

GUILDS, GUILD_MEMBERS, GUILD_MESSAGES, DIRECT_MESSAGES, MESSAGE_CONTENT = 1, 1 << 1, 1 << 9, 1 << 12, 1 << 15

HEARTBEAT_INTERVAL = 41_250  # milliseconds
ACK_AFTER = 0.03  # seconds
RESUMABLE_FOR = 60.0  # seconds after the connection is lost

# the close codes of a connection
UNKNOWN_ERROR, DECODE_ERROR, NOT_AUTHENTICATED = 4000, 4002, 4003
AUTHENTICATION_FAILED, INVALID_SHARD = 4004, 4010

CHANNEL_EVENTS = ("CHANNEL_UPDATE", "THREAD_CREATE", "THREAD_UPDATE", "THREAD_DELETE")

# READY fields that are always empty lists in the playground
EMPTY_OF_READY = ("private_channels", "presences", "relationships", "geo_ordered_rtc_regions", "_trace")


class Gateway:
    """All sessions of the bot, served at /gateway."""

    def __init__(self, world: World, url: str, observer: Callable[[Frame], None] | None) -> None:
        self._world = world
        self._url = url
        self._observer = observer
        self._sessions: dict[str, Session] = {}
        self._connections: set[Connection] = set()
        world.listeners.append(self._hear)

    # used by other parts

    @property
    def is_online(self) -> bool:
        return any(each.connection is not None for each in self._sessions.values())

    @property
    def is_reachable(self) -> bool:
        """Returns whether the bot is online, or lost its connection so recently that it may still resume."""
        self._forget_the_lost()
        return bool(self._sessions)

    @property
    def activity(self) -> str | None:
        for session in self._sessions.values():
            if session.connection is not None:
                return session.activity
        return None

    def dispatch(self, name: str, body: Json, guild_id: int | None) -> None:
        for session in self._sessions.values():
            if session.wants(guild_id):
                self._watch(session, session.dispatch(name, json.loads(json.dumps(body))), is_from_bot=False)

    async def drop(self, *, resumable: bool = True) -> None:
        """Closes every connection, as Discord does from time to time."""
        if not resumable:
            for session in list(self._sessions.values()):
                del self._sessions[session.id]
        for connection in list(self._connections):
            connection.is_dropped = True
            await connection.socket.close(code=UNKNOWN_ERROR)

    async def close(self) -> None:
        for connection in list(self._connections):
            await connection.socket.close(code=1001)

    def _forget_the_lost(self) -> None:
        now = asyncio.get_running_loop().time()
        for session in list(self._sessions.values()):
            if session.lost_at is not None and now - session.lost_at > RESUMABLE_FOR:
                del self._sessions[session.id]

    def _watch(self, session: Session | None, body: Json, *, is_from_bot: bool) -> None:
        if self._observer is not None:
            self._observer(Frame(session_id=session and session.id, is_from_bot=is_from_bot, body=body))

    # events of the world

    def _hear(self, event: Event) -> None:
        message = event.message
        if event.name in CHANNEL_EVENTS:
            self.dispatch(event.name, event.body, self._world.guild.id)
        if message is None or event.only_for is not None or event.channel_id is None:
            return
        channel = self._world.channels[event.channel_id]
        is_dm = channel.type == rights.DM
        if not self._world.can_see(self._world.bot.id, channel):
            return
        guild_id = None if is_dm else self._world.guild.id
        place: Json = {} if is_dm else {"guild_id": str(guild_id)}
        body = event.body | place
        if event.name != "MESSAGE_DELETE":
            member = self._world.guild.members.get(message.author_id)
            if not is_dm and member is not None:
                body["member"] = {key: value for key, value in member.json.items() if key != "user"}
        needed = DIRECT_MESSAGES if is_dm else GUILD_MESSAGES
        for session in self._sessions.values():
            if session.intents & needed and session.wants(guild_id):
                shown = body if is_dm else self._readable(session, message.author_id, body)
                self._watch(session, session.dispatch(event.name, shown), is_from_bot=False)

    def _readable(self, session: Session, author_id: int, body: Json) -> Json:
        """Returns the event body. Without the message content intent, the content of messages from and to other users is
        empty."""
        bot_id = self._world.bot.id
        is_ours = author_id == bot_id or any(
            each["id"] == str(bot_id) for each in as_dicts(body.get("mentions"))
        )
        if is_ours or session.intents & MESSAGE_CONTENT or "content" not in body:
            return body
        return body | {"content": "", "embeds": [], "attachments": [], "components": []}

    # a connection

    async def connect(self, request: web.Request) -> web.StreamResponse:
        socket = web.WebSocketResponse(max_msg_size=1 << 20)
        await socket.prepare(request)
        connection = Connection(socket, compressor(request.query.get("compress")))
        self._connections.add(connection)
        pump = asyncio.create_task(connection.pump())
        session: Session | None = None
        connection.send(HELLO, {"heartbeat_interval": HEARTBEAT_INTERVAL})
        try:
            async for frame in socket:
                if frame.type not in (WSMsgType.TEXT, WSMsgType.BINARY):
                    break
                try:
                    data = frame.data if frame.type is WSMsgType.TEXT else frame.data.decode()
                    body = as_dict(parse_json(data))
                except ValueError:
                    await socket.close(code=DECODE_ERROR)
                    break
                self._watch(session, body, is_from_bot=True)
                session = await self._receive(connection, session, body)
        finally:
            self._connections.discard(connection)
            self._lost(connection, session, socket.close_code)
            pump.cancel()
        return socket

    def _lost(self, connection: Connection, session: Session | None, code: int | None) -> None:
        if session is None or session.connection is not connection:
            return
        session.connection = None
        session.lost_at = asyncio.get_running_loop().time()
        if code in (1000, 1001) and not connection.is_dropped:  # the client has ended this session
            self._sessions.pop(session.id, None)
        self._tell_status()

    def _tell_status(self) -> None:
        self._world.tell(Event(name="BOT", body={}))

    async def _receive(self, connection: Connection, session: Session | None, body: Json) -> Session | None:
        op, data = body.get("op"), body.get("d")
        if op == HEARTBEAT:
            # Delays the ACK like a network round trip. discord.py records the time of a heartbeat only after sending it. An
            # earlier ACK makes it warn of 41 seconds of latency.
            asyncio.get_running_loop().call_later(ACK_AFTER, connection.send, ACK)
        elif op in (IDENTIFY, RESUME):
            if as_dict(data).get("token") != self._world.token:
                await connection.socket.close(code=AUTHENTICATION_FAILED, message=b"Authentication failed.")
                return None
            begin = self._identify if op == IDENTIFY else self._resume
            return await begin(connection, as_dict(data))
        elif session is None:
            await connection.socket.close(code=NOT_AUTHENTICATED)
        elif op == PRESENCE:
            session.activity = activity_of(as_dict(data))
            self._tell_status()
        elif op == REQUEST_MEMBERS:
            self._members(session, as_dict(data))
        return session

    async def _identify(self, connection: Connection, data: Json) -> Session | None:
        shard = [int(each) for each in as_list(data.get("shard"))] or [0, 1]
        if len(shard) != 2 or not 0 <= shard[0] < shard[1]:
            await connection.socket.close(code=INVALID_SHARD, message=b"Invalid shard.")
            return None
        session = Session(
            id=secrets.token_hex(16),
            intents=int(data.get("intents") or 0),
            shard=(shard[0], shard[1]),
            connection=connection,
            activity=activity_of(as_dict(data.get("presence"))),
        )
        for lost in [each for each in self._sessions.values() if each.shard == session.shard]:
            if lost.connection is None:
                del self._sessions[lost.id]
        self._sessions[session.id] = session
        guild = self._world.guild
        is_home = session.wants(guild.id)
        self._send(
            session,
            "READY",
            {
                "v": 10,
                "user": self._world.bot.own_json,
                "guilds": [{"id": str(guild.id), "unavailable": True}] if is_home else [],
                "session_id": session.id,
                "resume_gateway_url": self._url,
                "shard": shard,
                "application": {"id": str(self._world.application_id), "flags": 1 << 23},
                "user_settings": {},
            }
            | {key: [] for key in EMPTY_OF_READY},
        )
        if is_home and session.intents & GUILDS:
            self._send(session, "GUILD_CREATE", self._guild(session))
        self._tell_status()
        return session

    def _send(self, session: Session, name: str, body: Json) -> None:
        self._watch(session, session.dispatch(name, body), is_from_bot=False)

    async def _resume(self, connection: Connection, data: Json) -> Session | None:
        self._forget_the_lost()
        session = self._sessions.get(str(data.get("session_id")))
        seen = int(data.get("seq") or 0)
        oldest = session.sent[0]["s"] if session and session.sent else 1
        if session is None or seen > session.seq or seen + 1 < oldest:
            connection.send(INVALID_SESSION, False)
            return None
        if session.connection is not None:
            session.connection.queue.put_nowait(None)
        session.connection, session.lost_at = connection, None
        for frame in session.sent:
            if frame["s"] > seen:
                connection.queue.put_nowait(frame)
        self._send(session, "RESUMED", {"_trace": []})
        self._tell_status()
        return session

    def _guild(self, session: Session) -> Json:
        world = self._world
        guild, bot = world.guild, world.bot
        members = [
            each for each in guild.members.values() if session.intents & GUILD_MEMBERS or each.user == bot
        ]
        seen = [
            each for each in world.channels.values() if each.type != rights.DM and world.can_see(bot.id, each)
        ]
        return guild.json | {
            "joined_at": guild.members[bot.id].joined_at,
            "large": False,
            "unavailable": False,
            "member_count": len(guild.members),
            "members": [each.json for each in members],
            "channels": [each.json(guild.id) for each in seen if each.type == rights.TEXT],
            "threads": [each.json(guild.id) for each in seen if each.type == rights.THREAD],
            "voice_states": [],
            "presences": [],
            "stage_instances": [],
            "guild_scheduled_events": [],
            "soundboard_sounds": [],
            "embedded_activities": [],
        }

    def _members(self, session: Session, data: Json) -> None:
        ids = data.get("user_ids")
        wanted = {str(each) for each in (as_list(ids) or [ids])} if ids else None
        query = str(data.get("query") or "").lower()
        members = [
            each.json
            for each in self._world.guild.members.values()
            if (wanted is None or str(each.user.id) in wanted) and each.user.username.startswith(query)
        ]
        body: Json = {
            "guild_id": str(self._world.guild.id),
            "members": members,
            "chunk_index": 0,
            "chunk_count": 1,
        }
        if data.get("nonce"):
            body["nonce"] = data["nonce"]
        self._send(session, "GUILD_MEMBERS_CHUNK", body)
