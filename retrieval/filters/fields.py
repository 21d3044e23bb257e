"""What may be asked of a document: a closed list of fields, and the free ``metadata.<path>``."""

from dataclasses import dataclass
from enum import Enum, auto

from ingestion.cleaning import clean_line
from ingestion.parsing import detection
from retrieval.filters.values import FilterRefused

DEEPEST_PATH = 8
LONGEST_KEY = 200
METADATA = "metadata."


class Kind(Enum):
    """How a field is stored, and so how it is compared."""

    TEXT = auto()  # a column of text
    TYPE = auto()  # the media type, by a short name of one or of several
    NUMBER = auto()
    DATE = auto()
    JSON = auto()  # metadata of any type
    JSON_TEXT = auto()  # metadata: a text or several, searched inside
    JSON_LIST = auto()  # metadata: a list of labels, compared whole
    JSON_DATE = auto()


@dataclass(frozen=True)
class Field:
    """One field: a column's expression, or a path into the metadata."""

    name: str
    kind: Kind
    column: str = ""
    path: tuple[str, ...] = ()


FIELDS = {
    field.name: field
    for field in (
        Field("collection", Kind.TEXT, "c.slug"),
        Field("type", Kind.TYPE, "d.media_type"),
        Field("media_type", Kind.TEXT, "d.media_type"),
        Field("title", Kind.TEXT, "d.title"),
        Field("external_id", Kind.TEXT, "d.external_id"),
        Field("source", Kind.TEXT, "s.name"),
        Field("pages", Kind.NUMBER, "d.pages"),
        Field("created", Kind.DATE, "d.created_at"),
        Field("updated", Kind.DATE, "d.updated_at"),
        Field("date", Kind.JSON_DATE, path=("date",)),
        Field("author", Kind.JSON_TEXT, path=("author",)),
        Field("language", Kind.JSON_TEXT, path=("language",)),
        Field("tags", Kind.JSON_LIST, path=("tags",)),
    )
}
ALIASES = {"tag": "tags", "lang": "language", "id": "external_id", "name": "external_id"}

# Short names of media types, as people say them, some for several; the first that names a type is how it is shown,
# so that what a facet counts under a name is what the name finds.
TYPES = {
    "pdf": (detection.PDF,),
    "docx": (detection.DOCX,),
    "word": (detection.DOCX,),
    "pptx": (detection.PPTX,),
    "powerpoint": (detection.PPTX,),
    "xlsx": (detection.XLSX,),
    "excel": (detection.XLSX,),
    "xls": (detection.XLS,),
    "epub": (detection.EPUB,),
    "html": (detection.HTML,),
    "markdown": (detection.MARKDOWN,),
    "md": (detection.MARKDOWN,),
    "text": (detection.PLAIN,),
    "txt": (detection.PLAIN,),
    "csv": (detection.CSV,),
    "json": (detection.JSON,),
    "jsonl": (detection.JSONL,),
    "notebook": (detection.IPYNB,),
    "ipynb": (detection.IPYNB,),
    "mail": (detection.EML, detection.MSG),
    "eml": (detection.EML,),
    "msg": (detection.MSG,),
    "outlook": (detection.MSG,),
    "image": (detection.PNG, detection.JPEG, detection.TIFF),
    "png": (detection.PNG,),
    "jpeg": (detection.JPEG,),
    "jpg": (detection.JPEG,),
    "tiff": (detection.TIFF,),
    "tif": (detection.TIFF,),
    "archive": (detection.ZIP, detection.TAR),
    "zip": (detection.ZIP,),
    "tar": (detection.TAR,),
    "code": (detection.CODE,),
}
_KINDS = dict.fromkeys(kind for kinds in TYPES.values() for kind in kinds)
_SHORT = {kind: next(name for name, kinds in TYPES.items() if kind in kinds) for kind in _KINDS}


def field_named(name: object, place: str) -> Field:
    """The field of this name. Raises FilterRefused."""
    if not isinstance(name, str):
        raise FilterRefused(place, "the name of a field is a string.")
    if name.startswith(METADATA):
        return Field(name, Kind.JSON, path=_path(name, place))
    found = FIELDS.get(ALIASES.get(name, name))
    if found is None:
        known = ", ".join(FIELDS)
        raise FilterRefused(
            place, f"there is no field {name[:60]!r}. Fields: {known}, metadata.<name>."
        )
    return found


def _path(name: str, place: str) -> tuple[str, ...]:
    keys = tuple(clean_line(key, LONGEST_KEY + 1) for key in name[len(METADATA) :].split("."))
    if not all(keys) or any(len(key) > LONGEST_KEY for key in keys):
        raise FilterRefused(
            place, f"each part of a metadata path has 1 to {LONGEST_KEY} characters."
        )
    if len(keys) > DEEPEST_PATH:
        raise FilterRefused(place, f"a metadata path has at most {DEEPEST_PATH} parts.")
    return keys


def media_types(name: str, place: str) -> tuple[str, ...]:
    """The media types of a short name, or a media type itself. Raises FilterRefused."""
    found = TYPES.get(name.lower(), (name,) if name in _SHORT else None)
    if found is None:
        known = ", ".join(dict.fromkeys(_SHORT.values()))
        raise FilterRefused(place, f"there is no type {name[:60]!r}. Types: {known}.")
    return found


def short_type(media_type: str) -> str:
    """How a media type is shown: its short name where it has one."""
    return _SHORT.get(media_type, media_type)
