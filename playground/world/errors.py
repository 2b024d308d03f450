"""The API's refusals with Discord's error codes, and the refusals that a person sees."""

from dataclasses import dataclass, field
from enum import Enum

from playground.world.values import Json


@dataclass(eq=False)
class ApiError(Exception):
    """An API error, sent as the HTTP body `{"message", "code", "errors"?}`."""

    status: int
    code: int
    message: str
    errors: Json | None = None

    @property
    def body(self) -> Json:
        body: Json = {"message": self.message, "code": self.code}
        if self.errors is not None:
            body["errors"] = self.errors
        return body


@dataclass(eq=False)
class Refused(Exception):
    """Raised when a person does something that Discord's client does not allow."""

    message: str

    def __str__(self) -> str:
        return self.message


class ErrorCode(Enum):
    """The API's error responses: status, code, message."""

    UNAUTHORIZED = 401, 0, "401: Unauthorized"
    NOT_FOUND = 404, 0, "404: Not Found"
    UNKNOWN_CHANNEL = 404, 10003, "Unknown Channel"
    UNKNOWN_GUILD = 404, 10004, "Unknown Guild"
    UNKNOWN_MEMBER = 404, 10007, "Unknown Member"
    UNKNOWN_MESSAGE = 404, 10008, "Unknown Message"
    UNKNOWN_USER = 404, 10013, "Unknown User"
    UNKNOWN_WEBHOOK = 404, 10015, "Unknown Webhook"
    UNKNOWN_BAN = 404, 10026, "Unknown Ban"
    UNKNOWN_INTERACTION = 404, 10062, "Unknown interaction"
    UNKNOWN_COMMAND = 404, 10063, "Unknown application command"
    TOO_LARGE = 413, 40005, "Request entity too large"
    ALREADY_ACKNOWLEDGED = 400, 40060, "Interaction has already been acknowledged."
    MISSING_ACCESS = 403, 50001, "Missing Access"
    NOT_THE_AUTHOR = 403, 50005, "Cannot edit a message authored by another user"
    EMPTY_MESSAGE = 400, 50006, "Cannot send an empty message"
    NO_MESSAGES_TO_THEM = 403, 50007, "Cannot send messages to this user"
    MISSING_PERMISSIONS = 403, 50013, "Missing Permissions"
    INVALID_WEBHOOK_TOKEN = 401, 50027, "Invalid Webhook Token"
    THREAD_ARCHIVED = 400, 50083, "Thread is archived"
    INVALID_JSON = 400, 50109, "The request body contains invalid JSON."

    def error(self) -> ApiError:
        return ApiError(*self.value)


SENTENCES = {
    "APPLICATION_COMMANDS_DUPLICATE_NAME": "Application command names must be unique",
    "APPLICATION_COMMANDS_MAX": "Maximum number of application commands reached ({most}).",
    "APPLICATION_COMMAND_AUTOCOMPLETE_CHOICES_INVALID": "Autocomplete options cannot have choices",
    "APPLICATION_COMMAND_INVALID_DESCRIPTION": "Context menu commands cannot have description",
    "APPLICATION_COMMAND_INVALID_NAME": "Command name is invalid",
    "APPLICATION_COMMAND_OPTIONS_NAME_ALREADY_EXISTS": "Option name already exists",
    "APPLICATION_COMMAND_OPTIONS_REQUIRED_INVALID": "Required options must be placed before non-required options",
    "APPLICATION_COMMAND_OPTIONS_TYPE_INVALID": "{reason}",
    "APPLICATION_COMMAND_TOO_LARGE": "Command exceeds maximum size ({most})",
    "ATTACHMENT_NOT_FOUND": "The attachment {id} was neither uploaded nor on the message",
    "BASE_TYPE_BAD_DATE": "A timeout lasts at most 28 days.",
    "BASE_TYPE_BAD_LENGTH": "Must be between {low} and {high} in length.",
    "BASE_TYPE_CHOICES": "{reason}",
    "BASE_TYPE_MAX_LENGTH": "Must be {high} or fewer in length.",
    "BASE_TYPE_REQUIRED": "This field is required",
    "BUTTON_COMPONENT_LABEL_REQUIRED": "A label or an emoji is required",
    "COMPONENT_CUSTOM_ID_AND_URL": "A custom id and url cannot both be specified",
    "COMPONENT_CUSTOM_ID_DUPLICATED": "Component custom id cannot be duplicated",
    "COMPONENT_DISPLAYABLE_TEXT_SIZE_EXCEEDED": "The total displayable text size exceeds {most} characters",
    "COMPONENT_MAX_TOTAL_COMPONENTS_EXCEEDED": "The total number of components cannot exceed {most}",
    "DATE_TIME_TYPE_PARSE": 'Could not parse "{text}". Should be ISO8601.',
    "MAX_EMBED_SIZE_EXCEEDED": "Embed size exceeds maximum size of {most}",
    "MESSAGE_CANNOT_USE_LEGACY_FIELDS_WITH_COMPONENTS_V2": (
        "The '{field}' field cannot be used when using MessageFlags.IS_COMPONENTS_V2"
    ),
    "NUMBER_TYPE_COERCE": 'Value "{value}" is not a number.',
    "NUMBER_TYPE_MAX": "int value should be between min_values and 25",
    "REPLIES_UNKNOWN_MESSAGE": "Unknown message",
    "SELECT_COMPONENT_OPTION_VALUE_DUPLICATED": "The specified option value is already used",
    "STRING_TYPE_CONVERT": "Must be a string.",
    "UNFURLED_MEDIA_ITEM_REFERENCED_ATTACHMENT_NOT_FOUND": "The referenced attachment {name!r} was not found",
    "URL_TYPE_INVALID_SCHEME": 'Scheme "{scheme}" is not supported. Scheme must be one of {schemes}.',
}
"""The message for one field, by code. The code that adds an error supplies the values in braces."""


@dataclass(slots=True, eq=False)
class FormErrors:
    """The errors of a body by path, collected and raised together as code 50035."""

    errors: Json = field(default_factory=dict[str, object])

    def add(self, path: str, code: str, **details: object) -> None:
        """Adds an error. `path` is dotted: `components.0.custom_id`."""
        place = self.errors
        for part in path.split("."):
            place = place.setdefault(part, {})
        place.setdefault("_errors", []).append({"code": code, "message": SENTENCES[code].format(**details)})

    def required(self, path: str) -> None:
        self.add(path, "BASE_TYPE_REQUIRED")

    def length(self, path: str, value: object, low: int, high: int) -> None:
        """Requires a string of `low` to `high` characters."""
        if value is None and low == 0:
            return
        if not isinstance(value, str):
            self.required(path) if value is None else self.add(path, "STRING_TYPE_CONVERT")
        elif len(value) > high and low == 0:
            self.add(path, "BASE_TYPE_MAX_LENGTH", high=high)
        elif not low <= len(value) <= high:
            self.add(path, "BASE_TYPE_BAD_LENGTH", low=low, high=high)

    def count(self, path: str, size: int, low: int, high: int) -> None:
        """Requires an array of `low` to `high` items."""
        if not low <= size <= high:
            self.add(path, "BASE_TYPE_BAD_LENGTH", low=low, high=high)

    def one_of(self, path: str, allowed: tuple[int, ...]) -> None:
        self.add(path, "BASE_TYPE_CHOICES", reason=one_of(allowed))

    @property
    def error(self) -> ApiError:
        return ApiError(400, 50035, "Invalid Form Body", self.errors)

    def raise_if_any(self) -> None:
        if self.errors:
            raise self.error


def one_of(allowed: tuple[int, ...]) -> str:
    return f"Value must be one of ({', '.join(map(str, allowed))})."


def invalid(path: str, code: str, **details: object) -> ApiError:
    """Returns an ApiError for one invalid field of a body."""
    errors = FormErrors()
    errors.add(path, code, **details)
    return errors.error
