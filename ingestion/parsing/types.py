"""What parsing takes and gives. Plain data: it crosses a process boundary as JSON, never pickled.

Every offset is a code-point offset into `Parsed.text`, which is already clean
(`ingestion.cleaning`), so that `text[block.start:block.end]` is what a reader sees.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

from ingestion.parsing.enclosures import Enclosed, Enclosures

# Its library is loaded for pictures alone.
if TYPE_CHECKING:
    from ingestion.parsing.ocr import Reader

BlockKind = Literal["heading", "paragraph", "list", "table", "code", "caption", "quote", "note"]
BLOCK_KINDS: frozenset[str] = frozenset(get_args(BlockKind))
Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]

MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class ParseLimits:
    """What one file may cost. The child process is stopped at whichever comes first."""

    file_bytes: int = 100 * MIB
    cpu_seconds: int = 120
    wall_seconds: float = 240.0
    memory_bytes: int = 1536 * MIB  # address space, so it includes mapped libraries
    output_bytes: int = 256 * MIB  # of the answer that crosses the process boundary
    text_chars: int = 40_000_000
    pages: int = 20_000
    members: int = 20_000  # files inside an office file or e-book
    unpacked_bytes: int = 1024 * MIB  # all members of a zip together, as declared and as read
    member_ratio: int = 300  # unpacked to packed, of a member above 1 MiB
    enclosed: int = 2_000  # files inside that become documents of their own
    ocr_pages: int = 300  # scans among its pages
    ocr_page_seconds: float = 60.0
    ocr_seconds: float = 1800.0  # all of a file's scans together, beyond the wall clock
    ocr_memory_bytes: int = 1024 * MIB
    depth: int = 200  # nesting of whatever nests: lists, tables, JSON, outlines


@dataclass(frozen=True, slots=True)
class PageSpan:
    """A page, slide or sheet: `number` counts from 1, `label` is what is printed on it."""

    number: int
    start: int
    end: int
    label: str = ""


@dataclass(frozen=True, slots=True)
class Block:
    """A structural unit. `level` is a heading's depth from 1; `page` is a `PageSpan.number`."""

    kind: BlockKind
    start: int
    end: int
    level: int = 0
    page: int | None = None


@dataclass(frozen=True, slots=True)
class Parsed:
    """A file's text with its structure. Blocks are in order and do not overlap."""

    text: str
    blocks: Sequence[Block]
    pages: Sequence[PageSpan] = ()
    title: str = ""
    metadata: Mapping[str, Json] = field(default_factory=dict)
    media_type: str = "text/plain"
    parser: str = ""
    warnings: Sequence[str] = ()
    enclosed: Sequence[Enclosed] = ()  # filled in by `sandbox.parse`, not by parsers

    def to_json(self) -> dict[str, Any]:
        """As JSON-ready data; `from_json` is the way back."""
        data = asdict(replace(self, enclosed=()))
        del data["enclosed"]
        return data

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Parsed:
        """Rebuild from a child's answer, which is not trusted: raises ValueError if it is odd."""
        text = _text(data["text"])
        return cls(
            text=text,
            blocks=tuple(_block(row, len(text)) for row in data["blocks"]),
            pages=tuple(_page(row, len(text)) for row in data["pages"]),
            title=_text(data["title"]),
            metadata=dict(data["metadata"]),
            media_type=_text(data["media_type"]),
            parser=_text(data["parser"]),
            warnings=tuple(_text(warning) for warning in data["warnings"]),
        )


@dataclass(frozen=True, slots=True)
class Source:
    """One file as a parser sees it, inside the child process."""

    path: Path
    filename: str
    limits: ParseLimits
    media_type: str = ""
    password: str | None = None
    enclosures: Enclosures = field(default_factory=Enclosures)
    ocr: Reader | None = None

    def read_bytes(self) -> bytes:
        """The whole file; its size was checked against `limits.file_bytes` before."""
        return self.path.read_bytes()

    @property
    def extension(self) -> str:
        """Lower-case, without the dot; empty when the name has none."""
        return Path(self.filename).suffix.lower().lstrip(".")


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError(f"expected text, got {type(value).__name__}")
    return value


def _span(row: Mapping[str, Any], length: int) -> tuple[int, int]:
    start, end = int(row["start"]), int(row["end"])
    if not 0 <= start <= end <= length:
        raise ValueError(f"span {start}..{end} is outside a text of {length}")
    return start, end


def _block(row: Mapping[str, Any], length: int) -> Block:
    if row["kind"] not in BLOCK_KINDS:
        raise ValueError(f"unknown kind of block: {row['kind']!r}")
    start, end = _span(row, length)
    page = None if row["page"] is None else int(row["page"])
    return Block(kind=row["kind"], start=start, end=end, level=int(row["level"]), page=page)


def _page(row: Mapping[str, Any], length: int) -> PageSpan:
    start, end = _span(row, length)
    return PageSpan(number=int(row["number"]), start=start, end=end, label=_text(row["label"]))
