"""From a span's attributes to what its page shows. The form is chosen by the shape of a value, not by its name.

A list of messages (``role`` and ``content``) is shown as a conversation, a list of objects as a table, a long text as a
text block, everything else as a tree that folds. So a step that records something new needs no change here.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

# A text longer than this is cut, with "show all" behind it.
LONG = 400
# A list or object that fits into so many characters as JSON is not worth folding.
SHORT = 60
# A text longer than this gets a block of its own instead of a line in the tree.
BLOCK = 120
# What the conventions call these is exact, but not what a reader looks for.
TITLES = {
    "gen_ai.input.messages": gettext_lazy("Prompt"),
    "gen_ai.output.messages": gettext_lazy("Output"),
    "footnote.passages": gettext_lazy("Passages"),
    "footnote.citations": gettext_lazy("Citations"),
}
FIRST = (
    "rank",
    "n",
    "title",
    "external_id",
    "page",
    "score",
    "rank_before",
    "rerank_score",
    "dense_rank",
    "lexical_rank",
    "dense_score",
    "lexical_score",
)
ERROR_KEYS = ("error.type", "error.message")


@dataclass(frozen=True)
class Text:
    """A text and its beginning."""

    name: str
    value: str

    @property
    def is_long(self) -> bool:
        return len(self.value) > LONG

    @property
    def beginning(self) -> str:
        """Whole words, so that the cut is not taken for the text's own end."""
        cut = self.value[:LONG]
        return cut.rsplit(None, 1)[0] if " " in cut[LONG // 2 :] else cut


@dataclass(frozen=True)
class Leaf:
    """A name with one value."""

    name: str
    text: Text
    kind: str = "text"


@dataclass(frozen=True)
class Branch:
    """A name with values below it; ``count`` of them."""

    name: str
    children: "tuple[Leaf | Branch, ...]"
    summary: str
    kind: str = "branch"


@dataclass(frozen=True)
class Message:
    """One turn of a prompt or an output."""

    role: str
    text: Text


@dataclass(frozen=True)
class Messages:
    """A prompt or an output."""

    name: str
    items: tuple[Message, ...]


@dataclass(frozen=True)
class Cell:
    """One value of a table; ``document_id`` makes it a link to the document."""

    text: Text
    number: bool = False
    exact: str = ""
    document_id: str = ""


@dataclass(frozen=True)
class Row:
    """One object: its short values as cells, its long texts below them over the whole width."""

    cells: tuple[Cell, ...]
    texts: tuple[Text, ...]


@dataclass(frozen=True)
class Column:
    """A column's head; numbers stand on the right."""

    name: str
    number: bool = False


@dataclass(frozen=True)
class Table:
    """A list of objects, one row each."""

    name: str
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]


@dataclass(frozen=True)
class Shown:
    """All parts of one span, in the order in which a reader wants them."""

    error: str
    tables: tuple[Table, ...]
    messages: tuple[Messages, ...]
    blocks: tuple[Text, ...]
    tree: tuple[Leaf | Branch, ...]
    raw: str


def shown(attributes: Mapping[str, Any]) -> Shown:
    """Sort the attributes into tables, messages, text blocks and the rest. Each appears once, and all in ``raw``."""
    rest = {name: value for name, value in attributes.items() if name not in ERROR_KEYS}
    messages = _taken(rest, is_messages)
    tables = _taken(rest, is_table)
    blocks = _taken(rest, _is_block)
    return Shown(
        error=": ".join(str(attributes[key]) for key in ERROR_KEYS if attributes.get(key)),
        tables=tuple(table(_title(name), value) for name, value in tables.items()),
        messages=tuple(_messages(_title(name), value) for name, value in messages.items()),
        blocks=tuple(Text(_title(name), value) for name, value in blocks.items()),
        tree=tuple(node(name, value) for name, value in rest.items()),
        raw=json.dumps(attributes, indent=2, ensure_ascii=False),
    )


def _title(name: str) -> str:
    return str(TITLES.get(name, name))


def _taken(rest: dict[str, Any], wanted: Any) -> dict[str, Any]:
    """Move the attributes that ``wanted`` accepts out of ``rest``."""
    found = {name: value for name, value in rest.items() if wanted(value)}
    for name in found:
        del rest[name]
    return found


def is_messages(value: Any) -> bool:
    """Is it a list of ``{"role", "content"}``, or of ``{"role", "parts"}`` as OpenTelemetry has it?"""
    return _is_objects(value) and all(
        "role" in item and _content(item) is not None for item in value
    )


def is_table(value: Any) -> bool:
    """Is it a list of objects?"""
    return _is_objects(value)


def _is_objects(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(item, dict) for item in value)


def _is_block(value: Any) -> bool:
    return isinstance(value, str) and (len(value) > BLOCK or "\n" in value)


def _content(message: dict[str, Any]) -> Any:
    return message.get("content", message.get("parts"))


def _messages(name: str, value: list[dict[str, Any]]) -> Messages:
    return Messages(
        name, tuple(Message(str(item["role"]), Text("", _plain(_content(item)))) for item in value)
    )


def _plain(content: Any) -> str:
    """The text of a message, whose content is a text or a list of parts."""
    if isinstance(content, str):
        return content
    if isinstance(content, list) and all(isinstance(part, dict) for part in content):
        texts = [part.get("text", part.get("content")) for part in content]
        if all(isinstance(text, str) for text in texts):
            return "\n\n".join(texts)
    return json.dumps(content, indent=2, ensure_ascii=False)


def table(name: str, items: list[dict[str, Any]]) -> Table:
    """Ids are left out (they are in ``raw``); where rows name a document, its title links to it."""
    columns = list(dict.fromkeys(key for item in items for key in item))
    visible = [
        column for column in columns if not column.endswith("_id") or column == "external_id"
    ]
    texts = [column for column in visible if any(_is_block(item.get(column)) for item in items)]
    short_ones = sorted(set(visible) - set(texts), key=_place) or columns
    linked = _linked_column(short_ones, columns)
    numbers = frozenset(column for column in short_ones if _is_numeric(items, column))
    rows = tuple(
        Row(
            tuple(
                _cell(item, column, linked=column == linked, number=column in numbers)
                for column in short_ones
            ),
            tuple(Text(column, str(item[column])) for column in texts if item.get(column)),
        )
        for item in items
    )
    heads = tuple(Column(column.replace("_", " "), column in numbers) for column in short_ones)
    return Table(name, heads, rows)


def _place(column: str) -> tuple[int, str]:
    """Postgres keeps an object's names in an order of its own; readers want rank, title, page, scores."""
    return (FIRST.index(column) if column in FIRST else len(FIRST), column)


def _linked_column(visible: list[str], columns: list[str]) -> str:
    """The column that carries the link to the document, if the rows name one."""
    if "document_id" not in columns:
        return ""
    return next((column for column in ("title", "external_id") if column in visible), visible[0])


def _is_numeric(items: list[dict[str, Any]], column: str) -> bool:
    """Does the column hold numbers, or nothing, in every row?"""
    values = [item[column] for item in items if item.get(column) is not None]
    return bool(values) and all(
        isinstance(value, int | float) and not isinstance(value, bool) for value in values
    )


def _cell(item: dict[str, Any], column: str, *, linked: bool, number: bool) -> Cell:
    value = item.get(column)
    return Cell(
        text=Text(column, short(value)),
        number=number,
        exact=repr(value) if isinstance(value, float) else "",
        document_id=str(item.get("document_id") or "") if linked else "",
    )


def short(value: Any) -> str:
    """A value as a reader wants it in a line: floats to three digits, nothing for null."""
    if value is None:
        return "\N{EN DASH}"
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if isinstance(value, float):
        return f"{value:.3g}"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def node(name: str, value: Any) -> Leaf | Branch:
    """A value as a tree; what is short as JSON is one line."""
    line = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    if not isinstance(value, dict | list) or len(line) <= SHORT:
        return Leaf(name, Text(name, line))
    pairs = value.items() if isinstance(value, dict) else enumerate(value)
    children = tuple(node(str(key), item) for key, item in pairs)
    return Branch(
        name, children, f"{{{len(value)}}}" if isinstance(value, dict) else f"[{len(value)}]"
    )
