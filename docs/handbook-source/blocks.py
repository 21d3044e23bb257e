"""A chapter's Markdown as blocks: the small part of Markdown that the handbook uses, and an error for anything else."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from markdown_it import MarkdownIt
from markdown_it.token import Token


@dataclass(frozen=True)
class Run:
    """A stretch of text; ``style`` is empty, ``bold`` or ``code``."""

    text: str
    style: str = ""


Text = tuple[Run, ...]


@dataclass(frozen=True)
class Heading:
    """Level 1 is the chapter's title and comes first."""

    level: int
    text: Text


@dataclass(frozen=True)
class Paragraph:
    """Running text."""

    text: Text


@dataclass(frozen=True)
class Listing:
    """Items of a list, not nested."""

    ordered: bool
    items: tuple[Text, ...]


@dataclass(frozen=True)
class Table:
    """The first row is the head."""

    rows: tuple[tuple[Text, ...], ...]


@dataclass(frozen=True)
class Code:
    """Lines as they are."""

    text: str


Block = Heading | Paragraph | Listing | Table | Code


def blocks(markdown: str) -> list[Block]:
    """The blocks of a chapter. Raises ValueError for what the handbook's formats have no form for."""
    tokens = iter(MarkdownIt("commonmark").enable("table").parse(markdown))
    found = [_block(token, tokens) for token in tokens]
    levels = [block.level for block in found if isinstance(block, Heading)]
    if levels[:1] != [1] or any(after > before + 1 for before, after in pairwise(levels)):
        raise ValueError("A chapter starts with its title, and no level of headings is left out.")
    return found


def plain(text: Text) -> str:
    """Without its styles."""
    return "".join(run.text for run in text)


def _block(token: Token, rest: Iterator[Token]) -> Block:
    match token.type:
        case "heading_open":
            return Heading(int(token.tag[1]), _inline(rest, "heading_close")[0])
        case "paragraph_open":
            return Paragraph(_inline(rest, "paragraph_close")[0])
        case "bullet_list_open" | "ordered_list_open":
            kind = token.type.removesuffix("_open")
            return Listing(kind == "ordered_list", tuple(_inline(rest, f"{kind}_close")))
        case "table_open":
            return Table(tuple(_rows(rest)))
        case "fence":
            return Code(token.content.rstrip("\n"))
    raise ValueError(f"The handbook has no form for {token.type}.")


def _inline(rest: Iterator[Token], end: str) -> list[Text]:
    """The texts up to the closing token."""
    found: list[Text] = []
    for token in rest:
        if token.type == end:
            return found
        if token.type == "inline":
            found.append(_runs(token))
    raise ValueError(f"{end} is missing.")


def _rows(rest: Iterator[Token]) -> Iterator[tuple[Text, ...]]:
    row: list[Text] = []
    for token in rest:
        if token.type == "table_close":
            return
        if token.type == "inline":
            row.append(_runs(token))
        elif token.type == "tr_close":
            yield tuple(row)
            row = []


def _runs(token: Token) -> Text:
    found: list[Run] = []
    style = ""
    for child in token.children or []:
        match child.type:
            case "text":
                found.append(Run(child.content, style))
            case "softbreak":
                found.append(Run(" ", style))
            case "code_inline":
                found.append(Run(child.content, "code"))
            case "strong_open" | "em_open":
                style = "bold"
            case "strong_close" | "em_close":
                style = ""
            case other:
                raise ValueError(f"The handbook has no form for {other}.")
    return tuple(found)
