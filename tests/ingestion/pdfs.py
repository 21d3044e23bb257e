"""Makes PDFs of a few lines."""

from io import BytesIO

import pypdf
from reportlab.pdfgen.canvas import Canvas


def pdf(*pages: str, password: str = "") -> bytes:
    """A PDF with these pages of text; none gives a document without pages."""
    drawn = BytesIO()
    canvas = Canvas(drawn)
    for page in pages or ("",):
        for number, line in enumerate(page.splitlines()):
            canvas.drawString(72, 760 - 16 * number, line)
        canvas.showPage()
    canvas.save()
    writer = pypdf.PdfWriter()
    if pages:
        writer.append(BytesIO(drawn.getvalue()))
    if password:
        writer.encrypt(password, algorithm="AES-256")
    written = BytesIO()
    writer.write(written)
    return written.getvalue()
