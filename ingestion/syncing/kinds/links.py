"""What a crawl reads off a page: its links, its canonical address, whether its links may be followed."""

from dataclasses import dataclass

from lxml import etree
from lxml.html import HtmlElement, HTMLParser, document_fromstring

from tenants import outbound
from tenants.outbound import OutboundRefused

MOST_LINKS = 2000
MOST_BYTES = 5 * 1024 * 1024
_NO_PAGES = frozenset(
    # Pictures, sound and film; styles, scripts and fonts; archives and programs.
    {"png", "jpg", "jpeg", "gif", "webp", "svg", "ico", "bmp", "tif", "tiff"}
    | {"mp3", "mp4", "webm", "avi", "mov", "wav", "ogg"}
    | {"css", "js", "mjs", "map", "json", "xml", "woff", "woff2", "ttf", "eot"}
    | {"zip", "gz", "tar", "7z", "rar", "exe", "dmg", "iso", "apk"}
)


@dataclass(frozen=True)
class PageLinks:
    """Addresses in one spelling, without fragments, in the page's order."""

    links: list[str]
    canonical: str = ""


def read(page: bytes, url: str, charset: str = "", header: str = "") -> PageLinks:
    """Links of an HTML page; none when it asks for that. ``header`` is its X-Robots-Tag."""
    try:
        parser = HTMLParser(encoding=charset or None, no_network=True, huge_tree=False)
        root = document_fromstring(page[:MOST_BYTES], parser=parser)
    except (etree.LxmlError, ValueError, LookupError):
        return PageLinks([])
    base = _resolved(url, _first(root, "//base/@href")) or url
    canonical = _resolved(base, _first(root, "//link[@rel='canonical']/@href"))
    if "nofollow" in header.lower() or _meta_nofollow(root):
        return PageLinks([], canonical)
    found = (_link(base, anchor) for anchor in root.iter("a", "area"))
    return PageLinks(list(dict.fromkeys(link for link in found if link))[:MOST_LINKS], canonical)


def _link(base: str, anchor: HtmlElement) -> str:
    if "nofollow" in (anchor.get("rel") or "").lower().split():
        return ""
    target = (anchor.get("href") or "").strip().partition("#")[0]
    return _resolved(base, target) if target else ""


def _resolved(base: str, target: str) -> str:
    """Empty for what is no address of a page."""
    if not target:
        return ""
    policy = outbound.configured()
    try:
        found = outbound.follow(outbound.parse(base, policy), target.strip(), policy)
    except OutboundRefused:
        return ""
    path = found.path.partition("?")[0]
    return "" if path.rpartition(".")[2].lower() in _NO_PAGES else found.url


def _first(root: HtmlElement, path: str) -> str:
    found = root.xpath(path)
    return str(found[0]) if isinstance(found, list) and found else ""


def _meta_nofollow(root: HtmlElement) -> bool:
    for meta in root.iter("meta"):
        if (meta.get("name") or "").lower() in ("robots", "footnote"):
            words = {word.strip() for word in (meta.get("content") or "").lower().split(",")}
            if words & {"nofollow", "none"}:
                return True
    return False
