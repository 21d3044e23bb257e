"""Makes the handbook's PDF, DOCX and HTML chapters from the Markdown beside this script.

``python docs/handbook-source/make.py [FOLDER]``, by default into docs/handbook, which holds nothing but documents: the
demo tenant is filled with the whole folder. Chapters that are published as Markdown are written there directly.
"""

import sys
from pathlib import Path

import as_docx
import as_html
import as_pdf
from blocks import blocks

HERE = Path(__file__).resolve().parent
WRITERS = {"pdf": as_pdf.write, "docx": as_docx.write, "html": as_html.write}
FORMATS = {
    "02-uploading-documents": "pdf",
    "03-asking-questions": "html",
    "04-states-and-reasons": "docx",
    "05-roles-and-groups": "docx",
    "06-api": "pdf",
    "08-traces-and-costs": "html",
    "09-security": "pdf",
    "10-operations": "docx",
    "12-questions-and-glossary": "html",
}


def make(folder: Path) -> list[Path]:
    """Write every chapter into ``folder``; their paths."""
    made = []
    for name, suffix in FORMATS.items():
        path = folder / f"{name}.{suffix}"
        WRITERS[suffix](blocks((HERE / f"{name}.md").read_text(encoding="utf-8")), path)
        made.append(path)
    return made


if __name__ == "__main__":
    for one in make(Path(sys.argv[1]) if len(sys.argv) > 1 else HERE.parent / "handbook"):
        print(one)
