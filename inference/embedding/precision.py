"""The precisions that a graph can be built in.

Apart from the builder, so that naming one does not load ONNX.
"""

from enum import StrEnum

# Increase when the graph changes: it is part of the name under which built graphs are kept.
GRAPH_VERSION = 1


class Precision(StrEnum):
    INT8 = "int8"
    FP32 = "fp32"
