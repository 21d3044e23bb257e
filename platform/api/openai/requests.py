"""A chat completion as it is asked for: what is honoured, what is ignored, and what is refused.

``docs/api.md`` lists the three kinds.
"""

from dataclasses import dataclass
from typing import Any

from rest_framework import serializers

from api.errors import Refused
from api.fields import LONGEST_QUESTION
from orchestration.prompts import LONGEST_INSTRUCTIONS
from orchestration.questions import Author

MOST_MESSAGES = 500
# Without effect on an answer that is taken from documents: accepted, so that clients need not be changed.
IGNORED = frozenset(
    {
        "frequency_penalty",
        "logit_bias",
        "metadata",
        "parallel_tool_calls",
        "prediction",
        "presence_penalty",
    }
    | {
        "prompt_cache_key",
        "prompt_cache_retention",
        "reasoning_effort",
        "safety_identifier",
        "seed",
    }
    | {"service_tier", "store", "tool_choice", "top_p", "user", "verbosity", "web_search_options"}
)
# Accepted with these values alone: another one asks for something that would not happen.
NEUTRAL: dict[str, tuple[Any, ...]] = {
    "n": (1,),
    "tools": ([],),
    "functions": ([],),
    "function_call": ("none",),
    "stop": ([], ""),
    "logprobs": (False,),
    "top_logprobs": (0,),
    "modalities": (["text"],),
    "response_format": ({"type": "text"},),
    "audio": (),
}
SYSTEM_ROLES = ("system", "developer")
_TEXT = serializers.CharField(allow_blank=True, trim_whitespace=False)


class MessageInput(serializers.Serializer[Any]):
    """One message; ``content`` is a string or a list of text parts."""

    role = serializers.ChoiceField([*SYSTEM_ROLES, "user", "assistant"])
    content = serializers.JSONField(allow_null=True, default=None)

    def validate_content(self, value: Any) -> str:
        """The text. Raises ValidationError for images, sound and files."""
        if value is None:
            return ""
        if isinstance(value, str):
            return _text(value)
        if isinstance(value, list):
            return "\n".join(_part(part) for part in value)
        raise serializers.ValidationError("Give a string or a list of text parts.")


def _text(value: str) -> str:
    """Raises ValidationError for what no text can hold: NUL and lone surrogates."""
    return str(_TEXT.run_validation(value))


def _part(part: Any) -> str:
    if isinstance(part, dict) and part.get("type") == "text" and isinstance(part.get("text"), str):
        return _text(part["text"])
    raise serializers.ValidationError(
        'Only parts of the form {"type": "text", "text": "..."} are read.'
    )


class StreamOptionsInput(serializers.Serializer[Any]):
    """What a stream ends with."""

    include_usage = serializers.BooleanField(default=False, allow_null=True)


class CompletionInput(serializers.Serializer[Any]):
    """A chat completion: the last message is the question, what is before it the conversation."""

    model = serializers.CharField(max_length=200)
    messages = MessageInput(many=True, allow_empty=False)
    stream = serializers.BooleanField(default=False, allow_null=True)
    stream_options = StreamOptionsInput(required=False, allow_null=True)
    temperature = serializers.FloatField(min_value=0, max_value=2, default=None, allow_null=True)
    max_tokens = serializers.IntegerField(
        min_value=1, max_value=1_000_000, default=None, allow_null=True
    )
    max_completion_tokens = serializers.IntegerField(
        min_value=1, max_value=1_000_000, default=None, allow_null=True
    )

    def to_internal_value(self, data: Any) -> Any:
        """Raises Refused for a parameter that is unknown, or that asks for what is not done."""
        if isinstance(data, dict):
            for name, value in data.items():
                _check_parameter(str(name), value, known=set(self.fields))
        return super().to_internal_value(data)

    def validate_messages(self, value: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Raises ValidationError when there is nothing to answer."""
        if len(value) > MOST_MESSAGES:
            raise serializers.ValidationError(f"At most {MOST_MESSAGES} messages are read.")
        if value[-1]["role"] != "user" or not value[-1]["content"].strip():
            raise serializers.ValidationError("The last message must be the user's, with a text.")
        if len(value[-1]["content"]) > LONGEST_QUESTION:
            raise serializers.ValidationError(
                f"The last message may have at most {LONGEST_QUESTION} characters."
            )
        return value


def _check_parameter(name: str, value: Any, *, known: set[str]) -> None:
    if name in known or name in IGNORED or value is None:
        return
    if name not in NEUTRAL:
        raise Refused(f"Unrecognized parameter: {name}.", code="unknown_parameter", field=name)
    if value not in NEUTRAL[name]:
        allowed = " or ".join(repr(each) for each in NEUTRAL[name]) or "null"
        raise Refused(
            f"{name} is not supported here; leave it out, or send {allowed}.",
            code="unsupported_parameter",
            field=name,
        )


@dataclass(frozen=True)
class Conversation:
    """Messages taken apart: the question, the turns before it, and what system messages ask for."""

    question: str
    history: tuple[tuple[Author, str], ...]
    instructions: str


def conversation(messages: list[dict[str, Any]]) -> Conversation:
    """Raises Refused when the system messages are longer than is passed on."""
    instructions = "\n\n".join(
        message["content"] for message in messages if message["role"] in SYSTEM_ROLES
    )
    if len(instructions) > LONGEST_INSTRUCTIONS:
        raise Refused(
            f"System messages may have at most {LONGEST_INSTRUCTIONS} characters together.",
            field="messages",
        )
    turns = [message for message in messages if message["role"] not in SYSTEM_ROLES]
    history = tuple(
        (message["role"], message["content"]) for message in turns[:-1] if message["content"]
    )
    return Conversation(messages[-1]["content"], history, instructions)
