"""The registered application commands, and the rules for who may use them and where."""

from playground.world.command_rules import MOST_COMMANDS, SLASH, check_command, same_command
from playground.world.errors import ErrorCode, FormErrors
from playground.world.guild import ADMINISTRATOR
from playground.world.store import Store
from playground.world.values import Json, Snowflakes, as_id

GUILD_CONTEXT, DM_CONTEXT = 0, 1


class CommandBook:
    """The commands by id. `scope` is a guild's id, or None for global commands."""

    def __init__(self, store: Store, snowflakes: Snowflakes, application_id: int) -> None:
        self._store = store
        self._snowflakes = snowflakes
        self._application_id = application_id
        self._commands: dict[int, Json] = {as_id(body["id"]): body for body in store.all("command")}
        for id, command in list(self._commands.items()):
            snowflakes.pass_over(id)
            if as_id(command["application_id"]) != application_id:
                self._remove(id)

    def of(self, scope: int | None) -> list[Json]:
        return [each for each in self._commands.values() if as_id(each.get("guild_id")) == (scope or 0)]

    @property
    def all(self) -> list[Json]:
        """Returns the commands that people see. A guild command hides the global command of the same name."""
        shown: dict[tuple[str, int], Json] = {}
        for command in sorted(self._commands.values(), key=lambda each: "guild_id" in each):
            shown[command["name"], command["type"]] = command
        return list(shown.values())

    def get(self, scope: int | None, id: int) -> Json:
        command = self._commands.get(id)
        if command is None or as_id(command.get("guild_id")) != (scope or 0):
            raise ErrorCode.UNKNOWN_COMMAND.error()
        return command

    def replace_all(self, scope: int | None, bodies: list[Json]) -> list[Json]:
        """Handles PUT: deletes commands that are not in `bodies`; the others keep their ids."""
        errors = FormErrors()
        checked = [check_command(body, errors, f"{index}.") for index, body in enumerate(bodies)]
        seen: set[tuple[str, int]] = set()
        for index, command in enumerate(checked):
            key = command["name"], command["type"]
            if key in seen:
                errors.add(f"{index}.name", "APPLICATION_COMMANDS_DUPLICATE_NAME")
            seen.add(key)
        for kind, most in MOST_COMMANDS.items():
            if sum(command["type"] == kind for command in checked) > most:
                errors.add("_all", "APPLICATION_COMMANDS_MAX", most=most)
        errors.raise_if_any()
        kept = [self._save(scope, command) for command in checked]
        ids = {as_id(command["id"]) for command in kept}
        for command in self.of(scope):
            if as_id(command["id"]) not in ids:
                self._remove(as_id(command["id"]))
        return kept

    def add(self, scope: int | None, body: Json) -> tuple[Json, bool]:
        """Handles POST: replaces a command of the same name. The second returned value says whether the command is new."""
        errors = FormErrors()
        command = check_command(body, errors)
        errors.raise_if_any()
        is_new = self._same_name(scope, command) is None
        return self._save(scope, command), is_new

    def change(self, scope: int | None, id: int, body: Json) -> Json:
        old = self.get(scope, id)
        errors = FormErrors()
        command = check_command(old | body | {"type": old["type"]}, errors)
        errors.raise_if_any()
        return self._write(scope, id, command)

    def delete(self, scope: int | None, id: int) -> None:
        self.get(scope, id)
        self._remove(id)

    def _same_name(self, scope: int | None, command: Json) -> Json | None:
        for each in self.of(scope):
            if (each["name"], each["type"]) == (command["name"], command["type"]):
                return each
        return None

    def _save(self, scope: int | None, command: Json) -> Json:
        old = self._same_name(scope, command)
        if old is not None and same_command(old, command):
            return old
        return self._write(scope, as_id(old["id"]) if old else self._snowflakes.next(), command)

    def _write(self, scope: int | None, id: int, command: Json) -> Json:
        command |= {
            "id": str(id),
            "application_id": str(self._application_id),
            "version": str(self._snowflakes.next()),
        }
        if scope is not None:
            command["guild_id"] = str(scope)
        self._commands[id] = command
        self._store.put("command", id, command)
        return command

    def _remove(self, id: int) -> None:
        self._commands.pop(id, None)
        self._store.remove("command", id)

    def named(self, name: str, kind: int = SLASH) -> Json | None:
        return next((each for each in self.all if (each["name"], each["type"]) == (name, kind)), None)


def may_use(command: Json, permissions: int, *, is_dm: bool = False) -> bool:
    """Returns whether Discord shows a command to a person with these permissions, in the guild or in a DM."""
    contexts = command.get("contexts")
    if contexts is not None and (DM_CONTEXT if is_dm else GUILD_CONTEXT) not in contexts:
        return False
    if is_dm:
        return "guild_id" not in command
    needed = command["default_member_permissions"]
    if needed is None or permissions & ADMINISTRATOR:
        return True
    return int(needed) != 0 and permissions & int(needed) == int(needed)
