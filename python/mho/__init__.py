"""Which neurons made this prediction? Neuron attribution for ONNX models.

    model = mho.load("model.onnx")
    result = model.attribute(x, layers="relu4")     # Neuron Integrated Gradients
    result["relu4"]                                 # [examples, neurons…]
"""

from . import errors
from ._core import GradientStop, Inspection, Layer, LayerResult, Port, __version__, has_bfloat16, operators
from ._aggregate import Aggregate, Means
from ._evaluation import Evaluation
from ._model import Model, load
from ._ranking import Neuron
from ._request import Difference, DinucleotideShuffles, References, Weighted
from ._result import Result
from .errors import (
    CancelledError,
    InternalError,
    InvalidArgumentError,
    InvalidModelError,
    IoError,
    LimitError,
    MhoError,
    NotFoundError,
    NumericError,
    UnsupportedError,
)

__all__ = [
    "Aggregate", "CancelledError", "Difference", "DinucleotideShuffles", "Evaluation", "GradientStop", "Inspection", "InternalError",
    "InvalidArgumentError", "InvalidModelError", "IoError", "Layer", "LayerResult", "LimitError", "Means", "MhoError", "Model", "Neuron",
    "NotFoundError", "NumericError", "Port", "References", "Result", "UnsupportedError", "Weighted", "__version__",
    "errors", "has_bfloat16", "load", "operators",
]
