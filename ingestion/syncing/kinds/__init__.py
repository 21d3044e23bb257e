"""The registry of kinds: a new one is a module and a line."""

from importlib import import_module
from typing import cast

from ingestion.models import Source
from ingestion.syncing.kind import Kind

_MODULES = {
    Source.Kind.URL: "urls",
    Source.Kind.SITEMAP: "sitemap",
    Source.Kind.CRAWL: "crawl",
    Source.Kind.FEED: "feed",
    Source.Kind.S3: "bucket",
    Source.Kind.GIT: "git",
    Source.Kind.FOLDER: "folder",
}
NAMES: tuple[str, ...] = tuple(str(kind.value) for kind in _MODULES)


def kind_of(name: str) -> Kind:
    """The kind of this name, its module imported. Raises KeyError for uploads and unknown ones."""
    module = import_module(f"{__name__}.{_MODULES[Source.Kind(name)]}")
    return cast(Kind, module.KIND)


def available() -> list[Kind]:
    """What can be added here: folders only where the operator has opened some."""
    return [kind for name in NAMES if (kind := kind_of(name)).available()]
