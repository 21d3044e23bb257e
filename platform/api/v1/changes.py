"""What a request may change of documents, as a serializer and as the command's ``Change``."""

from typing import Any

from rest_framework import serializers

from api.errors import Refused
from api.fields import Strict
from ingestion import editing, metadata
from ingestion.editing import Change
from ingestion.models import Document


class JSONObject(serializers.JSONField):
    """A JSON object, in a form field as its text."""

    def to_internal_value(self, data: Any) -> Any:
        """Raises ValidationError for anything but an object."""
        value = super().to_internal_value(data)
        if not isinstance(value, dict):
            raise serializers.ValidationError('Give a JSON object, such as {"year": 2026}.')
        return value


class Tags(serializers.ListField):
    """Tags to set, add or take away."""

    child = serializers.CharField(max_length=metadata.LONGEST_TAG)

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"required": False, "max_length": metadata.MOST_TAGS, **options})


class ChangeInput(Strict):
    """What to change; what is absent stays.

    ``metadata`` is merged, where null takes a key away, or with ``metadata_mode`` ``replace`` is the whole of it. An
    empty ``title`` gives back the file's own. ``reader_groups`` are ids; an empty list opens it to every member.
    """

    title = serializers.CharField(required=False, max_length=500, allow_blank=True)
    metadata = JSONObject(required=False)
    metadata_mode = serializers.ChoiceField(["merge", "replace"], default="merge")
    tags = Tags()
    add_tags = Tags()
    remove_tags = Tags()
    reader_groups = serializers.ListField(
        child=serializers.UUIDField(), required=False, max_length=100
    )


def change_of(asked: dict[str, Any]) -> Change:
    """The command's change. Raises Refused when nothing is to be changed."""
    values = dict(asked.get("metadata", {}))
    replaces = "metadata" in asked and asked["metadata_mode"] == "replace"
    replacement = values if replaces else None
    merge = {} if replaces else values
    if "tags" in asked:
        merge["tags"] = asked["tags"] or None
    found = Change(
        title=asked.get("title"),
        values=merge,
        replacement=replacement,
        add_tags=asked.get("add_tags", ()),
        remove_tags=asked.get("remove_tags", ()),
        reader_groups=asked.get("reader_groups"),
    )
    if found.is_empty:
        names = "title, metadata, tags, add_tags, remove_tags, reader_groups"
        raise Refused(f"There is nothing to change; give at least one of {names}.")
    return found


def apply(documents: list[Document], change: Change) -> int:
    """Change them; how many. Raises Refused naming the field that is wrong."""
    try:
        return editing.change(document_ids=[row.pk for row in documents], change=change)
    except metadata.BadMetadata as problem:
        raise Refused(str(problem), code="bad_metadata", field="metadata") from problem
    except editing.UnknownGroup as problem:
        raise Refused(str(problem), code="unknown_group", field="reader_groups") from problem
