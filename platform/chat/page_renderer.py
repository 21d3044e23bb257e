"""A program: one page of one PDF as a picture, with the rectangles of a quote on it. Run by ``page_images``.

It reads a request as JSON on its input and writes the picture to the file that the request names and the rectangles to
its output. It runs apart from the web process because the PDF came from outside and PDFium is native code: limits on
processor time, memory and output hold for it alone. It imports nothing of Footnote.
"""

import json
import re
import resource
import sys
from collections.abc import Iterable
from typing import Any

import pypdfium2 as pdfium

CPU_SECONDS, MEMORY_BYTES, OUTPUT_BYTES = 15, 1024**3, 64 * 1024**2
# A4 at this width reads well on a wide screen; a page of any other shape stays below MOST_PIXELS.
WIDTH, MOST_PIXELS = 1240, 6_000_000
SHORTEST_PIECE = 12

Box = tuple[float, float, float, float]


def main() -> None:
    """Answer the one request."""
    confine()
    request = json.load(sys.stdin)
    document = pdfium.PdfDocument(request["path"], password=request["password"])
    page = document[request["page"] - 1]
    width, height = page.get_size()
    answer = {"width": width, "height": height, "boxes": boxes(page, request["quote"], height)}
    if request["picture"]:
        picture(page, width, height).save(request["picture"], "PNG")
    json.dump(answer, sys.stdout)


def confine() -> None:
    """Bound what this process may take."""
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS + 2))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_FSIZE, (OUTPUT_BYTES, OUTPUT_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def picture(page: Any, width: float, height: float) -> Any:
    """The page as an image."""
    scale = WIDTH / max(width, 1.0)
    if width * height * scale * scale > MOST_PIXELS:
        scale = (MOST_PIXELS / (width * height)) ** 0.5
    return page.render(scale=scale, may_draw_forms=False).to_pil().convert("RGB")


def boxes(page: Any, quote: str, height: float) -> list[Box]:
    """Rectangles over the quote's lines as (x, y, width, height) from the top left, in points."""
    if not quote.strip():
        return []
    text_page = page.get_textpage()
    text = text_page.get_text_range()
    rectangles = (
        text_page.get_rect(index)
        for start, end in places(text, quote)
        for index in range(text_page.count_rects(start, end - start))
    )
    lines = by_line(
        (left, height - top, right, height - bottom) for left, bottom, right, top in rectangles
    )
    return [padded(*line) for line in lines]


def by_line(rectangles: Iterable[Box]) -> list[Box]:
    """Rectangles (left, top, right, bottom) that stand beside each other, as one."""
    lines: list[Box] = []
    for left, top, right, bottom in rectangles:
        middle = (top + bottom) / 2
        if lines and lines[-1][1] <= middle <= lines[-1][3] and left >= lines[-1][0]:
            first = lines.pop()
            left, top = first[0], min(first[1], top)
            right, bottom = max(first[2], right), max(first[3], bottom)
        lines.append((left, top, right, bottom))
    return lines


def padded(left: float, top: float, right: float, bottom: float) -> Box:
    """A little more than the letters, as a pen would mark them."""
    above = (bottom - top) * 0.15
    return (left - 1.5, top - above, right - left + 3, bottom - top + 2 * above)


def places(text: str, quote: str) -> list[tuple[int, int]]:
    """Where the quote stands in the page's raw text, whatever was done to spaces, hyphens and order.

    The whole quote if it is found, else each of its lines and sentences that is.
    """
    letters, offsets = squeezed(text)
    whole = _place(letters, offsets, quote)
    if whole:
        return [whole]
    pieces = [piece for piece in re.split(r"\n+|(?<=[.!?;:])\s+", quote) if piece.strip()]
    found = (_place(letters, offsets, piece) for piece in pieces if len(piece) >= SHORTEST_PIECE)
    return [place for place in found if place]


def squeezed(text: str) -> tuple[str, list[int]]:
    """Only letters and digits, in lower case, with the offset of each in ``text``."""
    kept = [
        (low, offset)
        for offset, character in enumerate(text)
        for low in character.lower()
        if low.isalnum()
    ]
    return "".join(low for low, _ in kept), [offset for _, offset in kept]


def _place(letters: str, offsets: list[int], piece: str) -> tuple[int, int] | None:
    wanted, _ = squeezed(piece)
    at = letters.find(wanted) if wanted else -1
    return (offsets[at], offsets[at + len(wanted) - 1] + 1) if at >= 0 else None


if __name__ == "__main__":
    main()
