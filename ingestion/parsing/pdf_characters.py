"""Where a page's characters stand and what they are set in, asked of PDFium by a character's index.

A hundred thousand such questions are asked of a book, so two things are done for speed: the functions are called with
plain addresses (the binding's typed pointers cost more than the answers do), and what a font is called and how heavy it
is, is asked once a page for each font.
"""

from __future__ import annotations

import ctypes
import re
from typing import Any

import pypdfium2 as pdfium
import pypdfium2.raw as raw

_BOLD = re.compile(rb"bold|black|heavy|semib|demi|medi(?!um-?it)|cmbx", re.IGNORECASE)
_BOLD_WEIGHT = 600
_NAME_BYTES = 128


def _untyped(function: Any, result: type, *arguments: type) -> Any:
    """The same C function, its pointers taken as plain addresses."""
    address = ctypes.cast(function, ctypes.c_void_p).value
    return ctypes.CFUNCTYPE(result, *arguments)(address or 0)


_box = _untyped(
    raw.FPDFText_GetLooseCharBox, ctypes.c_int, ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p
)
_text_object = _untyped(raw.FPDFText_GetTextObject, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int)
_font = _untyped(raw.FPDFTextObj_GetFont, ctypes.c_void_p, ctypes.c_void_p)


class Characters:
    """The characters of one text page, for as long as that is open."""

    def __init__(self, textpage: pdfium.PdfTextPage) -> None:
        self.textpage = textpage
        self._page = ctypes.cast(textpage.raw, ctypes.c_void_p)
        self._found = raw.FS_RECTF()
        self._place = ctypes.c_void_p(ctypes.addressof(self._found))
        # By the font's address, which another font may have once this page is closed.
        self._bold: dict[int | None, bool] = {}

    def text(self) -> str:
        """The page's text with one code point for each of PDFium's characters, so that indexes agree."""
        text: str = self.textpage.get_text_range()
        count = self.textpage.count_chars()
        if len(text) == count:
            return text
        codes = (raw.FPDFText_GetUnicode(self.textpage, index) for index in range(count))
        return "".join(chr(code or 0x20) for code in codes)

    def box(self, index: int) -> raw.FS_RECTF:
        """A character's box with the height of its type, in PDF points; good until the next one is asked for."""
        found = self._found
        if not _box(self._page, index, self._place):
            found.left = found.top = found.right = found.bottom = 0.0
        return found

    def is_bold(self, index: int) -> bool:
        """By the weight or the name of its font."""
        text_object = _text_object(self._page, index)
        font = _font(text_object) if text_object else None
        bold = self._bold.get(font)
        if bold is None:
            bold = self._bold[font] = self._looks_bold(index)
        return bold

    def _looks_bold(self, index: int) -> bool:
        if raw.FPDFText_GetFontWeight(self.textpage, index) >= _BOLD_WEIGHT:
            return True
        name, flags = ctypes.create_string_buffer(_NAME_BYTES), ctypes.c_int()
        raw.FPDFText_GetFontInfo(self.textpage, index, name, _NAME_BYTES, flags)
        return bool(_BOLD.search(name.value))
