"""A chapter as one HTML page, such as a wiki would export: navigation, main part, footer."""

import re
from html import escape
from pathlib import Path

from blocks import Block, Code, Heading, Listing, Paragraph, Table, Text, plain

PAGE = """<!doctype html>
<html lang="en">
<head>
  <meta charset="utf-8">
  <title>{title}</title>
  <meta name="viewport" content="width=device-width, initial-scale=1">
</head>
<body>
<nav aria-label="On this page">
  <ul>
{toc}
  </ul>
</nav>
<main>
<article>
{body}
</article>
</main>
<footer><p>Footnote handbook</p></footer>
</body>
</html>
"""


def write(found: list[Block], path: Path) -> None:
    """Write the chapter."""
    sections = [block.text for block in found if isinstance(block, Heading) and block.level == 2]
    toc = "\n".join(
        f'    <li><a href="#{_anchor(text)}">{escape(plain(text))}</a></li>' for text in sections
    )
    body = "\n".join(_element(block) for block in found)
    title = escape(plain(found[0].text))  # type: ignore[union-attr]
    path.write_text(PAGE.format(title=title, toc=toc, body=body), encoding="utf-8")


def _element(block: Block) -> str:
    match block:
        case Heading():
            level = block.level
            return f'<h{level} id="{_anchor(block.text)}">{_markup(block.text)}</h{level}>'
        case Paragraph():
            return f"<p>{_markup(block.text)}</p>"
        case Listing():
            tag = "ol" if block.ordered else "ul"
            items = "\n".join(f"  <li>{_markup(item)}</li>" for item in block.items)
            return f"<{tag}>\n{items}\n</{tag}>"
        case Table():
            return _table(block)
        case Code():
            return f"<pre><code>{escape(block.text)}</code></pre>"


def _table(block: Table) -> str:
    head, *rows = (
        "".join(f"<{{tag}}>{_markup(cell)}</{{tag}}>" for cell in row) for row in block.rows
    )
    lines = "\n".join(f"  <tr>{row.replace('{tag}', 'td')}</tr>" for row in rows)
    top = f"  <tr>{head.replace('{tag}', 'th')}</tr>"
    return f"<table>\n<thead>\n{top}\n</thead>\n<tbody>\n{lines}\n</tbody>\n</table>"


def _anchor(text: Text) -> str:
    return re.sub(r"[^a-z0-9]+", "-", plain(text).lower()).strip("-")


def _markup(text: Text) -> str:
    forms = {"": "{}", "bold": "<strong>{}</strong>", "code": "<code>{}</code>"}
    return "".join(forms[run.style].format(escape(run.text, quote=False)) for run in text)
