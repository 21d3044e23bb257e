"""What stands in a PDF beside its pages: filled form fields (by pypdf) and names of attachments.

PDFium's page text leaves out the answers in a form. pypdf is slow on large files, so it is asked only
when PDFium says that there is a form.
"""

from __future__ import annotations

import pypdf
import pypdfium2 as pdfium
import pypdfium2.raw as raw
from pypdf.errors import PyPdfError

from ingestion.parsing.types import Source

_MOST_FIELDS = 2000
_ODD = (PyPdfError, ValueError, KeyError, TypeError, AttributeError, IndexError)


def form_answers(document: pdfium.PdfDocument, source: Source) -> list[str]:
    """ "name: value" of every field that is filled in."""
    if document.get_formtype() == raw.FORMTYPE_NONE:
        return []
    try:
        fields = _reader(source).get_fields() or {}
    except _ODD:
        return []
    answers = []
    for name, field in list(fields.items())[:_MOST_FIELDS]:
        value = field.get("/V")
        text = str(value).removeprefix("/").strip() if isinstance(value, str) else ""
        if text and text != "Off":
            answers.append(f"{field.get('/TU') or name}: {text}")
    return answers


def enclose_attachments(document: pdfium.PdfDocument, source: Source) -> list[str]:
    """Hand over the files that travel inside the PDF; their names."""
    names = []
    for index in range(document.count_attachments()):
        try:
            attachment = document.get_attachment(index)
            name = attachment.get_name()
            names.append(name)
            source.enclosures.add(name, bytes(attachment.get_data()))
        except pdfium.PdfiumError:
            source.enclosures.refuse(f"attachment {index + 1}", "It is damaged.")
    return names


def _reader(source: Source) -> pypdf.PdfReader:
    reader = pypdf.PdfReader(source.path)
    if reader.is_encrypted:
        reader.decrypt(source.password or "")
    return reader
