"""``POST /v1/embeddings``: vectors by the tenant's embedding models, or by those that serve its search."""

import base64
from typing import Any

import numpy as np
from drf_spectacular.utils import extend_schema
from numpy.typing import NDArray
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from api.errors import Absent, Refused
from api.views import KeyView, principal_of
from inference import embeddings, gateway
from inference.errors import EmbeddingInputError, UnknownModel
from inference.types import EmbedResult
from traces import recorder

FEATURE = "api.embeddings"
# As many as OpenAI takes of an endpoint; what is embedded here keeps a processor from those who search.
MOST_TEXTS = 2_048
MOST_HERE = 256
IGNORED = ("user",)


class EmbeddingsInput(serializers.Serializer[Any]):
    """Texts, and the form of their vectors."""

    model = serializers.CharField(max_length=310)
    input = serializers.JSONField()
    encoding_format = serializers.ChoiceField(["float", "base64"], default="float")
    dimensions = serializers.IntegerField(min_value=1, default=None, allow_null=True)

    def to_internal_value(self, data: Any) -> Any:
        """Raises Refused for a parameter that is unknown."""
        for name in data if isinstance(data, dict) else ():
            if name not in self.fields and name not in IGNORED:
                raise Refused(
                    f"Unrecognized parameter: {name}.", code="unknown_parameter", field=str(name)
                )
        return super().to_internal_value(data)

    def validate_input(self, value: Any) -> list[str]:
        """A text or a list of texts; tokens would have to be those of this very model."""
        texts = [value] if isinstance(value, str) else value
        if not isinstance(texts, list) or not all(isinstance(one, str) for one in texts):
            raise serializers.ValidationError(
                "Give a text or a list of texts; tokens are not read."
            )
        if not 0 < len(texts) <= MOST_TEXTS:
            raise serializers.ValidationError(f"Give 1 to {MOST_TEXTS} texts.")
        if not all(one.strip() for one in texts):
            raise serializers.ValidationError("A text must not be empty.")
        return texts


class EmbeddingsView(KeyView):
    """Vectors of texts."""

    scopes = {"POST": "ask"}

    @extend_schema(operation_id="openai_embeddings", request=EmbeddingsInput, responses={200: dict})
    def post(self, request: Request) -> Response:
        """One vector for each text, in order, of length 1."""
        given = self.checked(EmbeddingsInput)
        if given["model"] in embeddings.local_models() and len(given["input"]) > MOST_HERE:
            raise Refused(f"This model takes at most {MOST_HERE} texts at once.", field="input")
        found = _embedded(given, request)
        vectors = _cut(found.vectors, given["dimensions"])
        encode = _as_base64 if given["encoding_format"] == "base64" else _as_floats
        data = [
            {"object": "embedding", "index": index, "embedding": encode(vector)}
            for index, vector in enumerate(vectors)
        ]
        usage = {"prompt_tokens": found.tokens, "total_tokens": found.tokens}
        return Response({"object": "list", "data": data, "model": given["model"], "usage": usage})


def _embedded(given: dict[str, Any], request: Request) -> EmbedResult:
    """Raises Absent, Refused, and what the gateway raises."""
    principal = principal_of(request)
    with recorder.trace("embeddings", principal, feature=FEATURE):
        try:
            found = gateway.embed_by_name(
                given["model"], given["input"], feature=FEATURE, principal=principal
            )
        except UnknownModel:
            raise Absent("model", field="model", code="model_not_found") from None
        except EmbeddingInputError as error:
            raise Refused(str(error), field="input") from None
    if found.truncated:
        raise Refused(
            f"{found.truncated} of the texts are longer than the model reads: divide them.",
            code="context_too_long",
            field="input",
        )
    return found


def _cut(vectors: NDArray[np.float32], dimensions: int | None) -> NDArray[np.float32]:
    """The first numbers, of length 1 again. Raises Refused for more than there are."""
    if dimensions is None or dimensions == vectors.shape[1]:
        return vectors
    if dimensions > vectors.shape[1]:
        raise Refused(f"dimensions: this model has {vectors.shape[1]}.", field="dimensions")
    cut = vectors[:, :dimensions]
    norms: NDArray[np.float32] = np.linalg.norm(cut, axis=1, keepdims=True)
    return (cut / np.maximum(norms, np.finfo(np.float32).tiny)).astype(np.float32)


def _as_floats(vector: NDArray[np.float32]) -> list[float]:
    return [float(one) for one in vector]


def _as_base64(vector: NDArray[np.float32]) -> str:
    """Little-endian float32, which the official client asks for by itself."""
    return base64.b64encode(vector.astype("<f4").tobytes()).decode("ascii")
