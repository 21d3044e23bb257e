"""Markdown: its own block tree, the source kept as text, because it is what people wrote to be read."""

from __future__ import annotations

import re
from collections.abc import Iterator

from markdown_it import MarkdownIt
from markdown_it.token import Token

from ingestion.parsing.assembly import Assembly
from ingestion.parsing.decoding import decode
from ingestion.parsing.detection import MARKDOWN
from ingestion.parsing.types import BlockKind, Json, Parsed, Source

VERSION = "markdown-it 1"

_FRONT_MATTER = re.compile(r"\A---[ \t]*\n(.*?)\n(?:---|\.\.\.)[ \t]*(?:\n|\Z)", re.DOTALL)
_FIELD = re.compile(r"([A-Za-z_][\w-]*)[ \t]*:[ \t]*(.*)")
_ITEM = re.compile(r"[ \t]+-[ \t]+(.*)")
_KINDS: dict[str, BlockKind] = {
    "paragraph_open": "paragraph",
    "bullet_list_open": "list",
    "ordered_list_open": "list",
    "blockquote_open": "quote",
    "table_open": "table",
    "fence": "code",
    "code_block": "code",
    "html_block": "paragraph",
}
_TAG = re.compile(r"<!--.*?-->|</?[a-zA-Z][^<>]*>", re.DOTALL)
_IMAGE = re.compile(r"!\[([^\[\]\n]{0,500})\]\([^()\s]{0,2000}(?:\s+\"[^\"\n]{0,500}\")?\)")
_LOCAL_LINK = re.compile(
    r"\[([^\[\]\n]{0,500})\]\((?!https?:|mailto:)[^()\s]{0,2000}(?:\s+\"[^\"\n]{0,500}\")?\)"
)


def parse(source: Source) -> Parsed:
    """Blocks are the top-level blocks of CommonMark with tables; headings carry their level."""
    text, encoding = decode(source.read_bytes())
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    metadata, text = front_matter(text)
    assembly = Assembly(source)
    add_markdown(assembly, text)
    title = metadata.get("title")
    return assembly.finish(
        title=title if isinstance(title, str) else "",
        media_type=MARKDOWN,
        parser=VERSION,
        metadata={**metadata, "encoding": encoding},
    )


def add_markdown(assembly: Assembly, text: str) -> None:
    """Add Markdown source as blocks (also a notebook's Markdown cells)."""
    reader = MarkdownIt("commonmark", {"maxNesting": 40}).enable("table")
    lines = text.split("\n")
    for token in _top_level(reader.parse(text)):
        _add(assembly, token, lines)


def _top_level(tokens: list[Token]) -> Iterator[Token]:
    """Opening tokens at nesting level 0, each heading followed by its inline content."""
    for index, token in enumerate(tokens):
        if (
            token.level == 0
            and token.map
            and (token.type in _KINDS or token.type == "heading_open")
        ):
            if token.type == "heading_open":
                token.content = _inline_text(tokens[index + 1])
            yield token


def _inline_text(token: Token) -> str:
    """What a reader sees of a line: without the marks for emphasis, links and code."""
    children = token.children or []
    return "".join(" " if "break" in child.type else child.content for child in children)


def _add(assembly: Assembly, token: Token, lines: list[str]) -> None:
    first, last = token.map or (0, 0)
    raw = "\n".join(lines[first:last])
    if token.type == "heading_open":
        assembly.add("heading", token.content, level=int(token.tag[1]))
    elif token.type == "html_block":
        assembly.add("paragraph", _TAG.sub(" ", raw))
    elif token.type in ("fence", "code_block"):
        assembly.add("code", raw)
    else:
        assembly.add(_KINDS[token.type], plain(raw))


def plain(text: str) -> str:
    """Images and links within the same site become their text: their addresses lead nowhere here."""
    return _LOCAL_LINK.sub(r"\1", _IMAGE.sub(r"\1", text))


def front_matter(text: str) -> tuple[dict[str, Json], str]:
    """The leading YAML block as flat fields and lists, and the text without it.

    A full YAML reader is not needed for what people put there, and would be one more attack surface.
    """
    found = _FRONT_MATTER.match(text)
    if not found:
        return {}, text
    fields: dict[str, Json] = {}
    name = ""
    for line in found.group(1).split("\n"):
        item, field = _ITEM.match(line), _FIELD.match(line)
        if field:
            name = field.group(1).lower()
            fields[name] = _value(field.group(2))
        elif item and name:
            fields[name] = [*_listed(fields[name]), _scalar(item.group(1))]
    return fields, text[found.end() :]


def _listed(value: Json) -> list[Json]:
    return value if isinstance(value, list) else []


def _value(text: str) -> Json:
    text = text.strip()
    if text.startswith("[") and text.endswith("]"):
        return [_scalar(part) for part in text[1:-1].split(",") if part.strip()]
    return _scalar(text)


def _scalar(text: str) -> str:
    text = text.strip()
    quoted = len(text) > 1 and text[0] == text[-1] and text[0] in "\"'"
    return text[1:-1] if quoted else text
