"""``/api/v1/prompts``: list, create a version, move a label. For stewards' keys with the scope ``prompts``."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from api.errors import Absent
from api.fields import Strict
from api.views import ScopedView
from inference.models import PromptLabel, PromptVersion
from inference.prompts import files, versions
from inference.prompts.choosing import BUILT_IN
from inference.prompts.errors import UnknownPrompt
from inference.prompts.kinds import KINDS
from inference.prompts.templates import LONGEST_BODY


class PromptVersionInput(Strict):
    """A new version, as its file: front matter and messages."""

    file = serializers.CharField(max_length=LONGEST_BODY + 2_000, trim_whitespace=False)


class PromptLabelInput(Strict):
    """Which version a label means; ``version`` null: the shipped default."""

    # A declared field is taken out of the class, so the serializer's own label is untouched.
    label = serializers.ChoiceField(PromptLabel.Name.choices)  # type: ignore[assignment]
    version = serializers.IntegerField(allow_null=True, min_value=1)
    percent = serializers.IntegerField(min_value=0, max_value=100, default=100)


class PromptVersionOutput(serializers.Serializer[Any]):
    """A version; ``number`` is null for the shipped default."""

    prompt = serializers.CharField()
    number = serializers.IntegerField(allow_null=True)
    id = serializers.UUIDField()
    note = serializers.CharField()
    variables = serializers.ListField(child=serializers.CharField())
    labels = serializers.DictField(child=serializers.IntegerField())
    file = serializers.CharField()


class PromptVersionsOutput(serializers.Serializer[Any]):
    """All of them, newest first, the shipped default last."""

    results = PromptVersionOutput(many=True)


class PromptsView(ScopedView):
    """The versions of all prompts."""

    scopes = {"GET": "prompts", "POST": "prompts"}

    @extend_schema(operation_id="prompts_list", responses=PromptVersionsOutput)
    def get(self, request: Request) -> Response:
        """Every version with its labels and percentages."""
        return Response({"results": [one for name in KINDS for one in told(name)]})

    @extend_schema(
        operation_id="prompts_create",
        request=PromptVersionInput,
        responses={201: PromptVersionOutput},
    )
    def post(self, request: Request) -> Response:
        """Add a version (200 when the newest says the same). It answers nobody until it has a label."""
        row, new = versions.add(files.read(self.checked(PromptVersionInput)["file"]))
        return Response(as_json(row, labels_of(row.prompt.name)), status=201 if new else 200)


class LabelView(ScopedView):
    """Labels of one prompt."""

    scopes = {"POST": "prompts"}

    @extend_schema(
        operation_id="prompts_label",
        request=PromptLabelInput,
        responses={200: PromptVersionsOutput},
    )
    def post(self, request: Request, prompt_name: str) -> Response:
        """Move a label: a roll-back is ``production`` on an earlier version."""
        asked = self.checked(PromptLabelInput)
        try:
            number = asked["version"]
            version = None if number is None else versions.numbered(prompt_name, number)
            versions.label(
                prompt=prompt_name, name=asked["label"], version=version, percent=asked["percent"]
            )
        except UnknownPrompt:
            raise Absent("prompt") from None
        return Response({"results": told(prompt_name)})


def labels_of(name: str) -> list[PromptLabel]:
    """The labels of a prompt. One query."""
    return list(PromptLabel.objects.filter(prompt__name=name))


def told(name: str) -> list[dict[str, Any]]:
    """One prompt's versions. Two queries."""
    labels, default = labels_of(name), files.built_in(name)
    worn = {row.name: row.percent for row in labels if row.version_id is None}
    if all(row.name != PromptLabel.Name.PRODUCTION for row in labels):
        worn[PromptLabel.Name.PRODUCTION] = 100
    built_in = {
        "prompt": name,
        "number": None,
        "id": str(files.built_in_id(name)),
        "note": f"{BUILT_IN}: {default.note}",
        "variables": list(default.variables),
        "labels": worn,
        "file": files.write(default),
    }
    return [*(as_json(row, labels) for row in versions.listed(name)), built_in]


def as_json(row: PromptVersion, labels: list[PromptLabel]) -> dict[str, Any]:
    """The public shape of a version."""
    return {
        "prompt": row.prompt.name,
        "number": row.number,
        "id": str(row.pk),
        "note": row.note,
        "variables": row.variables,
        "labels": {one.name: one.percent for one in labels if one.version_id == row.pk},
        "file": files.write(versions.as_file(row)),
    }
