"""Source code: blocks that begin where a line without indentation follows a blank one."""

from __future__ import annotations

import re

from ingestion.parsing.assembly import Assembly
from ingestion.parsing.decoding import decode
from ingestion.parsing.detection import CODE
from ingestion.parsing.types import Parsed, Source

VERSION = "code 1"

_TOP_LEVEL = re.compile(r"\n(?:[ \t]*\n)+(?=[^\s})\]])")


def parse(source: Source) -> Parsed:
    """Top-level definitions as blocks, in any language."""
    text, encoding = decode(source.read_bytes())
    assembly = Assembly(source)
    for part in _TOP_LEVEL.split(text.replace("\r\n", "\n").replace("\r", "\n")):
        assembly.add("code", part)
    return assembly.finish(
        title=source.filename.replace("\\", "/").rsplit("/", 1)[-1],
        media_type=CODE,
        parser=VERSION,
        metadata={"encoding": encoding, "language": source.extension},
    )
