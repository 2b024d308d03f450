"""The API's application commands, global and guild commands."""

from playground.rest.api import Answer, Api, Call
from playground.world.errors import ApiError, ErrorCode
from playground.world.world import Event, World

GLOBAL = "/applications/{application_id}/commands"
GUILD = "/applications/{application_id}/guilds/{guild_id}/commands"


class CommandEndpoints:
    def __init__(self, world: World) -> None:
        self._world = world
        self.is_synced = bool(world.commands.all)

    def add_to(self, api: Api) -> None:
        for path in (GLOBAL, GUILD):
            api.add("GET", path, self.list)
            api.add("PUT", path, self.replace)
            api.add("POST", path, self.create)
            api.add("GET", path + "/{command_id}", self.get)
            api.add("PATCH", path + "/{command_id}", self.change)
            api.add("DELETE", path + "/{command_id}", self.delete)

    def _scope(self, call: Call) -> int | None:
        if call.id("application_id") != self._world.application_id:
            raise ApiError(403, 20012, "You are not authorized to perform this action on this application")
        if "guild_id" not in call.params:
            return None
        if call.id("guild_id") != self._world.guild.id:
            raise ErrorCode.MISSING_ACCESS.error()
        return self._world.guild.id

    def list(self, call: Call) -> Answer:
        return Answer(200, self._world.commands.of(self._scope(call)))

    def get(self, call: Call) -> Answer:
        return Answer(200, self._world.commands.get(self._scope(call), call.id("command_id")))

    def replace(self, call: Call) -> Answer:
        commands = self._world.commands.replace_all(self._scope(call), call.list)
        self._changed()
        return Answer(200, commands)

    def create(self, call: Call) -> Answer:
        command, is_new = self._world.commands.add(self._scope(call), call.json)
        self._changed()
        return Answer(201 if is_new else 200, command)

    def change(self, call: Call) -> Answer:
        command = self._world.commands.change(self._scope(call), call.id("command_id"), call.json)
        self._changed()
        return Answer(200, command)

    def delete(self, call: Call) -> Answer:
        self._world.commands.delete(self._scope(call), call.id("command_id"))
        self._changed()
        return Answer()

    def _changed(self) -> None:
        self.is_synced = True
        self._world.tell(Event(name="COMMANDS", body={}))
