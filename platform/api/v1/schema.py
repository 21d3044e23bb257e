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
    state = serializers.ChoiceField(State.choices)
    reason = serializers.CharField()
    reason_code = serializers.CharField()
    remedy = serializers.CharField()
    media_type = serializers.CharField()
    pages = serializers.IntegerField(allow_null=True)
    chunks = serializers.IntegerField()
    metadata = serializers.DictField()
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()


class DocumentsOutput(serializers.Serializer[Any]):
    """One page of documents, and the address of the next, or null."""

    results = DocumentOutput(many=True)
    next = serializers.URLField(allow_null=True)


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
