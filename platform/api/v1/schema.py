"""Shapes of answers, for the OpenAPI schema; the views write them by hand."""

from typing import Any

from rest_framework import serializers

from ingestion.models import State


class DocumentOutput(serializers.Serializer[Any]):
    """A document. ``reason``, ``reason_code`` and ``remedy`` are filled when it failed."""

    id = serializers.UUIDField()
    external_id = serializers.CharField()
    title = serializers.CharField()
    collection = serializers.CharField()
    parent_id = serializers.UUIDField(
        allow_null=True, help_text="The mail, PDF or archive that it was found in"
    )
    state = serializers.ChoiceField(State.choices)
    reason = serializers.CharField()
    reason_code = serializers.CharField()
    remedy = serializers.CharField()
    media_type = serializers.CharField()
    pages = serializers.IntegerField(allow_null=True)
    chunks = serializers.IntegerField()
    metadata = serializers.DictField()
    source = serializers.CharField()  # type: ignore[assignment]  # a field of that name, not of the class
    uploaded_by = serializers.CharField(allow_null=True)
    reader_groups = serializers.ListField(child=serializers.UUIDField())
    deleted_at = serializers.DateTimeField(allow_null=True)
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()


class DocumentDetailOutput(DocumentOutput):
    """One document; ``warnings`` say what of it could not be read, such as a member of an archive and why."""

    warnings = serializers.ListField(child=serializers.CharField())
    citations = serializers.IntegerField(
        help_text="How often answers cite it, those of all members"
    )


class RunOutput(serializers.Serializer[Any]):
    """One journey of a version through the pipeline. ``stages``: milliseconds by name."""

    version = serializers.IntegerField()
    state = serializers.ChoiceField(State.choices)
    attempts = serializers.IntegerField()
    pages = serializers.IntegerField(allow_null=True)
    chunks = serializers.IntegerField()
    chunks_done = serializers.IntegerField(help_text="Embedded so far")
    stages = serializers.DictField(child=serializers.FloatField())
    reason = serializers.CharField()
    reason_code = serializers.CharField()
    remedy = serializers.CharField()
    created_at = serializers.DateTimeField()
    started_at = serializers.DateTimeField(allow_null=True)
    finished_at = serializers.DateTimeField(allow_null=True)


class RunsOutput(serializers.Serializer[Any]):
    """The last runs of a document, newest first."""

    results = RunOutput(many=True)


class ChunkOutput(serializers.Serializer[Any]):
    """A passage: its text is the document's from ``span_start`` to ``span_end``."""

    id = serializers.UUIDField()
    ordinal = serializers.IntegerField()
    text = serializers.CharField()
    heading_path = serializers.ListField(child=serializers.CharField())
    page = serializers.IntegerField(allow_null=True)
    page_end = serializers.IntegerField(allow_null=True)
    span_start = serializers.IntegerField()
    span_end = serializers.IntegerField()
    tokens = serializers.IntegerField()


class ChunksOutput(serializers.Serializer[Any]):
    """Some of a document's passages, in order, and the address of the following ones, or null."""

    results = ChunkOutput(many=True)
    total = serializers.IntegerField()
    tokens = serializers.IntegerField()
    next = serializers.URLField(allow_null=True)


class PageOutput(serializers.Serializer[Any]):
    """A page of a document's text; ``chunks`` are the ordinals of the passages that touch it."""

    page = serializers.IntegerField()
    pages = serializers.IntegerField()
    label = serializers.CharField()  # type: ignore[assignment]  # a field of that name, not of the class
    text = serializers.CharField()
    chunks = serializers.ListField(child=serializers.IntegerField())


class DocumentsOutput(serializers.Serializer[Any]):
    """One page of documents, and the address of the next, or null."""

    results = DocumentOutput(many=True)
    next = serializers.URLField(allow_null=True)


class DocumentVersionOutput(serializers.Serializer[Any]):
    """One reading of a document's bytes. ``valid_from`` is null for what was never published."""

    number = serializers.IntegerField()
    current = serializers.BooleanField()
    filename = serializers.CharField()
    title = serializers.CharField()
    size = serializers.IntegerField()
    sha256 = serializers.CharField()
    media_type = serializers.CharField()
    parser = serializers.CharField()
    pages = serializers.IntegerField(allow_null=True)
    warnings = serializers.ListField(child=serializers.CharField())
    restored_from = serializers.IntegerField(allow_null=True)
    uploaded_by = serializers.CharField(allow_null=True)
    created_at = serializers.DateTimeField()
    valid_from = serializers.DateTimeField(allow_null=True)
    valid_to = serializers.DateTimeField(allow_null=True)


class DocumentVersionsOutput(serializers.Serializer[Any]):
    """The versions of a document, newest first."""

    results = DocumentVersionOutput(many=True)


class TakenOutput(DocumentOutput):
    """A document that an upload made, changed or left as it was."""

    outcome = serializers.ChoiceField(["created", "new_version", "unchanged"])
    note = serializers.CharField()


class RefusalOutput(serializers.Serializer[Any]):
    """A file that was not taken: why, and what to do."""

    filename = serializers.CharField()
    code = serializers.CharField()
    field = serializers.CharField()
    message = serializers.CharField()
    remedy = serializers.CharField()


class UploadOutput(serializers.Serializer[Any]):
    """What became of the files of an upload; ``ids`` are those of ``documents``, in order."""

    ids = serializers.ListField(child=serializers.UUIDField())
    documents = TakenOutput(many=True)
    refused = RefusalOutput(many=True)
