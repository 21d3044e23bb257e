"""An answer's Markdown as HTML that a browser can be given. What a model writes is untrusted.

``answer_html`` is for a whole answer with its citations, ``block_html`` for a piece of one that is still being written.
Raw HTML is text, images are their description, links need http, https or mailto and show where they lead. ``nh3`` runs
last, on everything, with a list of what may stay: whatever slips through the Markdown reader ends there.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

import nh3
from django.utils.html import escape
from django.utils.translation import gettext as _
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token
from markdown_it.utils import OptionsDict

# Private-use characters around a sentence without support, and after a table's row; out of the model's own text first.
OPEN, CLOSE, NOTE = "\ue000", "\ue001", "\ue002"
_PRIVATE = re.compile("[\ue000-\uf8ff]")
_LINK = re.compile(r"(?:https?://|mailto:)[^\s]+\Z", re.IGNORECASE)
_MARK = re.compile(r"\[(\d{1,3})\]")
# What stands before a line's words and must stay at its start to mean anything.
_LINE_START = re.compile(r"[ \t]*(?:(?:[-*+>#|]+|\d{1,3}[.)])[ \t]+)*")

TAGS = {
    *("p", "br", "hr", "h3", "h4", "h5", "h6", "ul", "ol", "li", "blockquote", "pre", "code"),
    *("em", "strong", "s", "a", "span", "div", "table", "thead", "tbody", "tr", "th", "td"),
}
ATTRIBUTES = {
    "a": {"href", "title", "target", "class", "data-cite", "aria-label"},
    "span": {"class", "title"},
    "div": {"class", "tabindex", "role", "aria-label"},
    "code": {"class"},
    "pre": {"tabindex"},
    "ol": {"start"},
    "th": {"class"},
    "td": {"class"},
}
_SOURCE_PATH = re.compile(r"/m/[0-9a-f-]{36}/sources/\d{1,3}/\Z")
_CLASS = re.compile(r"(?:[a-z][a-z0-9-]{0,40}(?: |\Z)){1,4}")


@dataclass(frozen=True)
class Chip:
    """What a citation's mark becomes: a link to its source."""

    number: int
    url: str
    label: str


def answer_html(
    text: str, chips: Sequence[Chip] = (), unsupported: Sequence[tuple[int, int]] = ()
) -> str:
    """A whole answer. ``unsupported``: the spans of ``text`` that no cited passage bears out; they say so."""
    return _rendered(text, tuple(chips), tuple(unsupported))


def block_html(text: str) -> str:
    """A piece of an answer that is being written; its citations are not known yet and stay plain numbers."""
    return _clean(_markdown({}, True).render(_PRIVATE.sub("\ufffd", text)))


@lru_cache(maxsize=512)
def _rendered(text: str, chips: tuple[Chip, ...], unsupported: tuple[tuple[int, int], ...]) -> str:
    marked = _with_marks(_PRIVATE.sub("\ufffd", text), unsupported)
    html = _markdown({chip.number: chip for chip in chips}, False).render(marked)
    return _clean(html)


def _with_marks(text: str, spans: Sequence[tuple[int, int]]) -> str:
    """Put the marks around the spans, inside of what gives a line its kind."""
    for start, end in sorted(spans, reverse=True):
        sentence = text[start:end]
        if "\n" in sentence or "```" in sentence:
            continue
        words = _LINE_START.match(text, text.rfind("\n", 0, start) + 1)
        first = max(start, words.end() if words else start)
        if sentence.startswith("|"):
            last = start + len(sentence.rstrip("| \t"))
            text = f"{text[:last]} {NOTE}{text[last:]}"
        elif first < end:
            text = f"{text[:first]}{OPEN}{text[first:end]}{CLOSE}{text[end:]}"
    return text


# ---- Markdown ------------------------------------------------------------------------------------


class Renderer(RendererHTML):
    """markdown-it's HTML with our own links, images, code, tables and citations."""

    def __init__(self, parser: Any = None) -> None:
        super().__init__(parser)
        self.chips: Mapping[int, Chip] = {}
        self.streaming = False

    def image(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: Any) -> str:
        """Never an image: a picture's address can carry what the model has read to somebody else."""
        said = self.renderInlineAsText(tokens[idx].children, options, env)
        return f'<span class="no-image">{escape(said or _("image"))}</span>'

    def link_open(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: Any) -> str:
        return f'<a class="outward" target="_blank" href="{escape(tokens[idx].attrGet("href"))}">'

    def link_close(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: Any) -> str:
        opening = next(t for t in reversed(tokens[:idx]) if t.type == "link_open")
        return f'</a><span class="host">{escape(host_of(str(opening.attrGet("href"))))}</span>'

    def citation(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: Any) -> str:
        number = int(tokens[idx].content)
        chip = self.chips.get(number)
        if chip is None:
            return f'<span class="cite">{number}</span>' if self.streaming else ""
        label = escape(chip.label)
        return f'<a class="cite" data-cite="{number}" href="{escape(chip.url)}" aria-label="{label}">{number}</a>'

    def unsupported_open(
        self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: Any
    ) -> str:
        title = _("No cited passage supports this sentence.")
        return f'<span class="unsupported" title="{escape(title)}">'

    def unsupported_close(
        self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: Any
    ) -> str:
        return f"</span>{_no_source()}"

    def unsupported_note(
        self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: Any
    ) -> str:
        return _no_source()

    def fence(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: Any) -> str:
        language = re.sub(r"[^a-z0-9+#-]", "", tokens[idx].info.strip().split(" ")[0].lower())[:20]
        head = f'<span class="code-language">{escape(language)}</span>' if language else ""
        return self._code(head, tokens[idx].content)

    def code_block(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: Any) -> str:
        return self._code("", tokens[idx].content)

    def _code(self, head: str, content: str) -> str:
        return f'<div class="code">{head}<pre tabindex="0"><code>{escape(_without_marks(content))}</code></pre></div>\n'

    def code_inline(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: Any) -> str:
        return f"<code>{escape(_without_marks(tokens[idx].content))}</code>"

    def table_open(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: Any) -> str:
        label = escape(_("Table"))
        return f'<div class="table" tabindex="0" role="group" aria-label="{label}"><table>\n'

    def table_close(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: Any) -> str:
        return "</table></div>\n"

    def heading_open(
        self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: Any
    ) -> str:
        return f"<h{_heading_level(tokens, idx)}>"

    def heading_close(
        self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: Any
    ) -> str:
        return f"</h{_heading_level(tokens, idx)}>\n"


def _heading_level(tokens: Sequence[Token], idx: int) -> int:
    """The page's own headings are h1 and h2, so the highest of an answer is h3."""
    levels = sorted({token.tag for token in tokens if token.type == "heading_open"})
    return min(6, 3 + levels.index(tokens[idx].tag))


def _no_source() -> str:
    return f'<span class="unsupported-note">{escape(_("no source"))}</span>'


def _without_marks(code: str) -> str:
    return code.replace(OPEN, "").replace(CLOSE, "").replace(NOTE, "")


def host_of(address: str) -> str:
    """The host that an address leads to; for e-mail, the recipient's domain."""
    try:
        parts = urlsplit(address)
        return parts.hostname or parts.path.rpartition("@")[2]
    except ValueError:
        return ""


def _markdown(chips: Mapping[int, Chip], streaming: bool) -> MarkdownIt:
    reader = _reader()
    renderer = Renderer(reader)
    renderer.chips, renderer.streaming = chips, streaming
    reader.renderer = renderer
    return reader


def _reader() -> MarkdownIt:
    reader = MarkdownIt("commonmark", {"html": False, "maxNesting": 20}, renderer_cls=Renderer)
    reader.enable(["table", "strikethrough"])
    reader.validateLink = _may_link  # type: ignore[method-assign]
    reader.inline.ruler.before("link", "citation", _citation_rule)
    reader.inline.ruler.before("text", "unsupported", _unsupported_rule)
    reader.inline.ruler.at("text", _text_rule)
    return reader


def _may_link(url: str) -> bool:
    return bool(_LINK.match(url)) and bool(host_of(url))


def _citation_rule(state: StateInline, silent: bool) -> bool:
    """``[3]`` that no address follows is a citation, wherever inline text stands."""
    match = _MARK.match(state.src, state.pos)
    if match is None or state.src.startswith("(", match.end()):
        return False
    if not silent:
        # The chip stands at the word before it and never begins a line.
        state.pending = state.pending.rstrip(" ")
        state.push("citation", "", 0).content = match[1]
    state.pos = match.end()
    return True


_KINDS = {OPEN: "unsupported_open", CLOSE: "unsupported_close", NOTE: "unsupported_note"}


def _unsupported_rule(state: StateInline, silent: bool) -> bool:
    kind = _KINDS.get(state.src[state.pos])
    if kind is None:
        return False
    if not silent:
        state.push(kind, "", 0)
    state.pos += 1
    return True


_ENDS_TEXT = re.compile(r"[\n!#$%&*+\-:<=>@[\\\]^_`{}~" + OPEN + CLOSE + NOTE + "]")


def _text_rule(state: StateInline, silent: bool) -> bool:
    """markdown-it's own rule for plain text, which also stops at our two marks."""
    found = _ENDS_TEXT.search(state.src, state.pos, state.posMax)
    end = found.start() if found else state.posMax
    if end == state.pos:
        return False
    if not silent:
        state.pending += state.src[state.pos : end]
    state.pos = end
    return True


# ---- the last word -------------------------------------------------------------------------------


def _clean(html: str) -> str:
    return nh3.clean(
        html,
        tags=TAGS,
        attributes=ATTRIBUTES,
        attribute_filter=_kept,
        url_schemes={"http", "https", "mailto"},
        link_rel="noopener noreferrer nofollow",
    )


def _kept(tag: str, name: str, value: str) -> str | None:
    """Addresses are outward with a scheme, or our own source pages; classes are plain words."""
    if name == "href":
        return value if _LINK.match(value) or _SOURCE_PATH.match(value) else None
    if name == "class":
        return value if _CLASS.fullmatch(value) else None
    return value
