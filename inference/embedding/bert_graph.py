"""A BERT sentence encoder as an ONNX graph, built straight from its safetensors.

Entry point: `build_graph`. No torch and no exporter: the graph is written down here with ONNX Runtime's
fused operators, which is deterministic, takes a second and runs about twice as fast as torch on the same
processor. It takes one unpadded text per run, so it needs no attention mask, and a text's vector cannot
depend on its neighbours.

`INT8` quantises the inner products only: weights per output column ahead of time, activations per text
while running. Add + LayerNormalization is deliberate: the fused SkipLayerNormalization is eight times
slower on CPU.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from safetensors.numpy import load_file

from inference.embedding.precision import Precision

Array = NDArray[Any]

OPSET = [helper.make_opsetid("", 21), helper.make_opsetid("com.microsoft", 1)]
IR_VERSION = 10


@dataclass
class _Graph:
    """Nodes and weights while they are being put together; every method returns the name of its output."""

    precision: Precision
    nodes: list[onnx.NodeProto] = field(default_factory=list)
    weights: list[onnx.TensorProto] = field(default_factory=list)

    def weight(self, name: str, value: Array) -> str:
        self.weights.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def add(self, operator: str, inputs: Sequence[str], output: str, **attributes: Any) -> str:
        return self.add_many(operator, inputs, [output], **attributes)[0]

    def add_many(
        self, operator: str, inputs: Sequence[str], outputs: list[str], **attributes: Any
    ) -> list[str]:
        self.nodes.append(helper.make_node(operator, inputs, outputs, **attributes))
        return outputs

    def linear(self, name: str, inputs: str, weight: Array, bias: Array | None = None) -> str:
        """`inputs @ weight.T (+ bias)`, with `weight` as torch keeps it: (out, in)."""
        matrix = weight.T
        if self.precision is Precision.INT8:
            return self._linear_int8(name, inputs, matrix, bias)
        product = self.add(
            "MatMul", [inputs, self.weight(f"{name}.weight", matrix)], f"{name}.product"
        )
        if bias is None:
            return product
        return self.add("Add", [product, self.weight(f"{name}.bias", bias)], name)

    def _linear_int8(self, name: str, inputs: str, matrix: Array, bias: Array | None) -> str:
        quantised, scale = quantised_columns(matrix)
        names = [
            inputs,
            self.weight(f"{name}.weight", quantised),
            self.weight(f"{name}.scale", scale),
            self.weight(f"{name}.zero", np.zeros(matrix.shape[1], np.int8)),
        ]
        if bias is not None:
            names.append(self.weight(f"{name}.bias", bias))
        return self.add("DynamicQuantizeMatMul", names, name, domain="com.microsoft")

    def normalised_sum(self, name: str, left: str, right: str, norm: _Norm) -> str:
        total = self.add("Add", [left, right], f"{name}.sum")
        return self.layer_norm(name, total, norm)

    def layer_norm(self, name: str, inputs: str, norm: _Norm) -> str:
        scale = self.weight(f"{name}.gamma", norm.gamma)
        shift = self.weight(f"{name}.beta", norm.beta)
        return self.add(
            "LayerNormalization", [inputs, scale, shift], name, axis=-1, epsilon=norm.epsilon
        )


@dataclass(frozen=True)
class _Norm:
    gamma: Array
    beta: Array
    epsilon: float


@dataclass(frozen=True)
class _Bert:
    """The model's weights under the names that its checkpoint gives them."""

    config: dict[str, Any]
    tensors: dict[str, Array]

    def dense(self, name: str) -> tuple[Array, Array]:
        return self.tensors[f"{name}.weight"], self.tensors[f"{name}.bias"]

    def norm(self, name: str) -> _Norm:
        return _Norm(*self.dense(name), epsilon=float(self.config["layer_norm_eps"]))


def quantised_columns(matrix: Array) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """Symmetric int8 per output column of an (in, out) matrix, and the scale of each column."""
    scale = np.maximum(np.abs(matrix).max(axis=0), 1e-12) / 127
    quantised = np.clip(np.rint(matrix / scale), -127, 127).astype(np.int8)
    return quantised, scale.astype(np.float32)


def build_graph(model_path: Path, precision: Precision) -> onnx.ModelProto:
    """`input_ids` (1, tokens) int64 -> `embedding` (1, hidden) float32, mean pooled; not yet normalised.

    Raises KeyError or FileNotFoundError where the folder does not hold a BERT checkpoint.
    """
    config = json.loads((model_path / "config.json").read_text())
    bert = _Bert(config, load_file(model_path / "model.safetensors"))
    graph = _Graph(precision)
    hidden = _embeddings(graph, bert)
    for index in range(config["num_hidden_layers"]):
        hidden = _layer(graph, bert, index, hidden)
    axis = graph.weight("pool.axis", np.array([1], np.int64))
    graph.add("ReduceMean", [hidden, axis], "embedding", keepdims=0)
    return _model(graph, int(config["hidden_size"]))


def _model(graph: _Graph, hidden_size: int) -> onnx.ModelProto:
    ids = helper.make_tensor_value_info("input_ids", TensorProto.INT64, [1, "tokens"])
    out = helper.make_tensor_value_info("embedding", TensorProto.FLOAT, [1, hidden_size])
    proto = helper.make_graph(graph.nodes, "sentence_encoder", [ids], [out], graph.weights)
    return helper.make_model(proto, opset_imports=OPSET, ir_version=IR_VERSION)


def _embeddings(graph: _Graph, bert: _Bert) -> str:
    """Word + position + segment 0. The segment's row is folded into the positions."""
    tensors = bert.tensors
    positions = (
        tensors["embeddings.position_embeddings.weight"]
        + tensors["embeddings.token_type_embeddings.weight"][0]
    )
    words = graph.weight("words", tensors["embeddings.word_embeddings.weight"])
    looked_up = graph.add("Gather", [words, "input_ids"], "embeddings.words", axis=0)
    shape = graph.add("Shape", ["input_ids"], "embeddings.length", start=1, end=2)
    start = graph.weight("positions.start", np.array([0], np.int64))
    cut = graph.add(
        "Slice", [graph.weight("positions", positions), start, shape], "embeddings.positions"
    )
    return graph.normalised_sum("embeddings", looked_up, cut, bert.norm("embeddings.LayerNorm"))


def _layer(graph: _Graph, bert: _Bert, index: int, hidden: str) -> str:
    source, name = f"encoder.layer.{index}", f"layer{index}"
    attended = _attention(graph, bert, f"{source}.attention", name, hidden)
    middle = graph.normalised_sum(
        f"{name}.middle", attended, hidden, bert.norm(f"{source}.attention.output.LayerNorm")
    )
    weight, bias = bert.dense(f"{source}.intermediate.dense")
    wide = graph.linear(f"{name}.wide", middle, weight)
    gelu = graph.add(
        "BiasGelu",
        [wide, graph.weight(f"{name}.wide.bias", bias)],
        f"{name}.gelu",
        domain="com.microsoft",
    )
    narrow = graph.linear(f"{name}.narrow", gelu, *bert.dense(f"{source}.output.dense"))
    return graph.normalised_sum(
        f"{name}.out", narrow, middle, bert.norm(f"{source}.output.LayerNorm")
    )


def _attention(graph: _Graph, bert: _Bert, source: str, name: str, hidden: str) -> str:
    parts = [bert.dense(f"{source}.self.{part}") for part in ("query", "key", "value")]
    joined = graph.linear(f"{name}.qkv", hidden, np.concatenate([weight for weight, _ in parts]))
    split = graph.add_many(
        "Split", [joined], [f"{name}.q", f"{name}.k", f"{name}.v"], axis=-1, num_outputs=3
    )
    bias = graph.weight(f"{name}.qkv.bias", np.concatenate([bias for _, bias in parts]))
    heads = graph.add(
        "MultiHeadAttention",
        [*split, bias],
        f"{name}.heads",
        domain="com.microsoft",
        num_heads=bert.config["num_attention_heads"],
    )
    return graph.linear(f"{name}.attended", heads, *bert.dense(f"{source}.output.dense"))
