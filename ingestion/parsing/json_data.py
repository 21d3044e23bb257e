"""JSON and JSON lines: records as "key: value" lines, long texts as paragraphs of their own."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from ingestion.parsing.assembly import Assembly, file_stem
from ingestion.parsing.decoding import decode
from ingestion.parsing.detection import JSON, JSONL
from ingestion.parsing.errors import PermanentParseError
from ingestion.parsing.plain import add_paragraphs
from ingestion.parsing.types import Parsed, Source

VERSION = "json 1"

_NAMES = ("title", "name", "headline", "subject", "label", "_id", "id", "key", "path", "url")
_LONG = 300  # characters: a value above this is prose
_BAD_LINES = 20  # named in warnings


def parse(source: Source) -> Parsed:
    """A list's or file's records each under a heading; an object's members likewise."""
    text, encoding = decode(source.read_bytes())
    assembly = Assembly(source)
    lines = source.extension in ("jsonl", "ndjson") or source.media_type == JSONL
    if lines:
        _add_records(assembly, _lines(text, assembly), source.limits.depth)
    else:
        _add_document(assembly, _loaded(text), source.limits.depth)
    return assembly.finish(
        title=file_stem(source.filename),
        media_type=JSONL if lines else JSON,
        parser=VERSION,
        metadata={"encoding": encoding},
    )


def _loaded(text: str) -> Any:
    try:
        # Integers stay text: Python refuses to read those of over 4,300 digits.
        return json.loads(text.lstrip("\ufeff"), parse_int=str)
    except ValueError as error:
        raise PermanentParseError(
            "corrupt",
            f"The file is not valid JSON: {error}.",
            "Correct it, or upload it as plain text with the extension .txt.",
        ) from error


def _lines(text: str, assembly: Assembly) -> Iterator[Any]:
    bad = 0
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        try:
            yield json.loads(line, parse_int=str)
        except ValueError as error:
            bad += 1
            if bad <= _BAD_LINES:
                assembly.warn(f"Line {number} is not valid JSON and was kept as text: {error}.")
            yield line


def _add_document(assembly: Assembly, value: Any, depth: int) -> None:
    if isinstance(value, list):
        _add_records(assembly, value, depth)
    elif isinstance(value, dict) and any(isinstance(v, dict | list) for v in value.values()):
        _add_members(assembly, value, depth)
    else:
        _add_record(assembly, value, depth)


def _add_members(assembly: Assembly, value: dict[str, Any], depth: int) -> None:
    plain = {k: v for k, v in value.items() if not isinstance(v, dict | list)}
    _add_record(assembly, plain, depth)
    for key, member in value.items():
        if key not in plain:
            assembly.add("heading", str(key), level=1)
            if isinstance(member, list):
                _add_records(assembly, member, depth, level=2)
            else:
                _add_record(assembly, member, depth)


def _add_records(assembly: Assembly, records: Iterable[Any], depth: int, level: int = 1) -> None:
    plain: list[str] = []
    for number, record in enumerate(records, 1):
        if isinstance(record, str | int | float) and len(str(record)) <= _LONG:
            plain.append(f"- {record}")
            continue
        assembly.add("list", "\n".join(plain))
        plain = []
        if isinstance(record, dict):
            assembly.add("heading", _name(record) or f"Record {number}", level=level)
        _add_record(assembly, record, depth)
    assembly.add("list", "\n".join(plain))


def _name(record: dict[str, Any]) -> str:
    found = (record.get(name) for name in _NAMES)
    return next((v for v in found if isinstance(v, str) and 0 < len(v) < 200), "")


def _add_record(assembly: Assembly, record: Any, depth: int) -> None:
    short: list[str] = []
    for path, value in _leaves(record, depth):
        if len(value) <= _LONG and "\n" not in value.strip():
            short.append(f"{path}: {value}" if path else value)
            continue
        assembly.add("list", "\n".join(short))
        short = []
        if path:
            assembly.add("caption", f"{path}:")
        add_paragraphs(assembly, value)
    assembly.add("list", "\n".join(short))


def _leaves(root: Any, depth: int) -> Iterator[tuple[str, str]]:
    """(dotted path, text) of every value, in order; what lies too deep is written as JSON."""
    stack: list[Iterator[tuple[str, Any]]] = [iter([("", root)])]
    while stack:
        path, value = next(stack[-1], (None, None))
        if path is None:
            stack.pop()
        elif isinstance(value, dict | list) and value and len(stack) < depth:
            members = value.items() if isinstance(value, dict) else enumerate(value, 1)
            stack.append(iter([(f"{path}.{key}" if path else str(key), v) for key, v in members]))
        elif value is not None and value not in ("", [], {}):
            yield path, value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
