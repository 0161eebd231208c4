"""Loading a model, asking what it holds, running it and attributing its outputs."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Union

import numpy as np

from . import _core
from ._arrays import input_arrays
from ._evaluation import Evaluation
from ._html import model_html
from ._request import in_bytes, set_ablation, set_baselines, set_path, set_rules, set_target
from ._result import Result
from .errors import InvalidArgumentError

Progress = Union[bool, Callable[[int, int, int], Any]]
_PATH_METHODS = ("nig", "conductance", "ig", "internal_influence")


def load(
    model: Any,
    *,
    precision: str = "single",
    threads: int = 0,
    winograd: bool = True,
    one_example: bool = False,
    directory: str | os.PathLike[str] | None = None,
    limits: Mapping[str, int | str] | None = None,
) -> Model:
    """Loads an ONNX model.

    model: path of a file, its bytes, an open binary file, or an onnx.ModelProto.
    precision: "single" (float32 kernels, sums in float64), "double" (the reference, slow) or "bf16" (with AMX).
    threads: 0 for all cores.
    winograd: 3 x 3 convolutions by Winograd's algorithm where it pays: two to three times as fast, with two to three
        times the rounding.
    one_example: the inputs together are one example, whatever their leading axes (nodes of a graph).
    directory: where external data of a model given as bytes may lie.
    limits: what the model may take and cost, for those not to be trusted: {"memory": "2G", "nodes": 10_000}; also
        "tensor_elements", "unrolled_nodes", "primitives", "nesting", "constant_elements", "work" (docs/python.md).

    Raises FileNotFoundError, IoError, InvalidModelError, UnsupportedError, LimitError; TypeError for other objects.
    """
    options = {"precision": precision, "threads": threads, "winograd": winograd, "one_example": one_example}
    bounds = {key: in_bytes(value) if key == "memory" else int(value) for key, value in (limits or {}).items()}
    if isinstance(model, (str, os.PathLike)):
        path = Path(model)
        if not path.exists():
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path))
        return Model(_core.Model.load(path, **options, limits=bounds), options, str(path), path.absolute(), bounds)
    name = f"{type(model).__module__}.{type(model).__name__}"
    if hasattr(model, "SerializeToString"):
        model = model.SerializeToString()
    elif hasattr(model, "read"):
        name = str(getattr(model, "name", name))
        model = model.read()
    if not isinstance(model, (bytes, bytearray, memoryview)):
        raise TypeError(f"a path, bytes, a binary file or an onnx.ModelProto is needed, not {name}")
    content = bytes(model)
    origin = (content, str(directory or ""))
    core = _core.Model.parse(content, Path(directory or ""), **options, limits=bounds)
    return Model(core, options, name, origin, bounds)


def _load_again(origin: Path | tuple[bytes, str], options: Mapping[str, Any], name: str, sha256: str,
                limits: Mapping[str, int]) -> Model:
    """What pickle calls: the model from where it came from."""
    if isinstance(origin, Path):
        model = load(origin, **options, limits=limits)
        if model.sha256 != sha256:
            raise InvalidArgumentError(f"{origin} is not the model that was pickled: its SHA-256 is {model.sha256}, not "
                                       f"{sha256}; load it again")
    else:
        model = load(origin[0], directory=origin[1], **options, limits=limits)
    model.name = name
    return model


class Model:
    """An ONNX model: immutable, and any number of threads may use it at once. Made by mho.load().

    Pickled, it is its file's path (the file must be there, and the same, where it is unpickled), or its bytes where it
    was loaded from bytes.
    """

    def __init__(self, core: _core.Model, options: Mapping[str, Any], name: str,
                 origin: Path | tuple[bytes, str] | None = None, limits: Mapping[str, int] | None = None) -> None:
        self._core = core
        self._limits = dict(limits or {})
        self._origin = origin
        self._options = dict(options)
        self._inputs = core.inputs()
        self._outputs = core.outputs()
        self._default_inspection: _core.Inspection | None = None
        self.name = name

    @property
    def inputs(self) -> list[_core.Port]:
        """Declared inputs: name, type, shape (-1 where symbolic)."""
        return list(self._inputs)

    @property
    def outputs(self) -> list[_core.Port]:
        """Declared outputs."""
        return list(self._outputs)

    @property
    def layers(self) -> list[_core.Layer]:
        """Every tensor that can be attributed, in the order of computation. Symbolic extents besides the batch are 1."""
        return self.inspect().layers

    @property
    def sha256(self) -> str:
        """Of the model file's bytes, hexadecimal; data in other files are not in it."""
        return self._core.sha256()

    @property
    def options(self) -> dict[str, Any]:
        """What load() was told."""
        return dict(self._options)

    def with_options(self, **options: Any) -> Model:
        """The same model with other options of load(); the weights are shared."""
        unknown = set(options) - set(self._options)
        if unknown:
            raise TypeError(f"unknown options: {', '.join(sorted(unknown))}; there are {', '.join(self._options)}")
        merged = {**self._options, **options}
        return Model(self._core.with_options(**merged), merged, self.name, self._origin, self._limits)

    def __reduce__(self) -> tuple[Any, ...]:
        return _load_again, (self._origin, self._options, self.name, self.sha256, self._limits)

    def inspect(
        self,
        x: Any = None,
        *,
        shapes: Mapping[str, Sequence[int]] | None = None,
        output: str | None = None,
        probability: bool = False,
        at: str | Sequence[str] | None = None,
    ) -> _core.Inspection:
        """What mho understood: layers, which are cuts, the target, where paths begin, how points are batched.

        x: inputs whose shapes (and integer values) are used; shapes: {input: shape} in their place.
        output, probability, at: as in attribute().
        """
        default = x is None and not shapes and not output and not probability and not at
        if default and self._default_inspection is not None:
            return self._default_inspection
        arrays = {} if x is None else input_arrays(self._inputs, x)
        given = {name: list(map(int, shape)) for name, shape in (shapes or {}).items()}
        inspection = self._core.inspect(arrays, given, self._tensor_name(output), probability, self._layer_names(at))
        if default:
            self._default_inspection = inspection
        return inspection

    def run(self, x: Any) -> dict[str, np.ndarray]:
        """All outputs by name. x: an array for a single input, a sequence in the order of the inputs, or a mapping."""
        return self._core.run(input_arrays(self._inputs, x))

    def attribute(
        self,
        x: Any,
        *,
        layers: str | Sequence[str] | None = None,
        method: str = "nig",
        target: Any = None,
        baselines: Any = 0.0,
        tolerance: float | None = None,
        steps: int | None = None,
        max_steps: int | None = None,
        quadrature: str | None = None,
        exact: bool = False,
        rules: str | Mapping[str, str] | None = None,
        multipliers: bool = False,
        signed_map: bool = False,
        positions: str = "none",
        split_by_input: bool = False,
        neurons: Sequence[int] | None = None,
        units: str | Sequence[Sequence[int]] | None = None,
        replace: str | None = None,
        at: str | Sequence[str] | None = None,
        output: str | None = None,
        probability: bool = False,
        class_mean: bool = False,
        micro_batch: int = 0,
        memory: int | str = "512M",
        max_breakpoints: int | None = None,
        progress: Progress = False,
    ) -> Result:
        """How much each neuron of the layers contributed to the target, for every example of x.

        x: an array for a single input, a sequence in the order of the inputs, or a mapping by name. numpy arrays,
            torch tensors and whatever has __array__ or __dlpack__ are taken without a copy where types agree.
        layers: tensor or node names, globs ("layer3*"); None: every cut layer. method "ig" is at the input.
        method: "nig", "deeplift", "conductance", "ig", "internal_influence", "gradient_x_activation", "gradient",
            "activation", "grad_cam", "lrp" or "ablation".
        target: None for the largest output of each example; an index, or a tuple for outputs of several axes; a list
            or array with one per example; mho.Difference; mho.Weighted.
        baselines: x' of every input: a number, "mean" (of x), arrays as for x with one example or as many;
            for "deeplift" and along paths mho.References or mho.DinucleotideShuffles, too.
        tolerance: relative L1 error per example and layer that path methods stop at (default 1e-2).
        steps: so many segments instead; max_steps (1024): where adaptive runs give up (`converged` tells).
        quadrature: "adaptive", "secant", "trapezoid", "left", "right", "midpoint", "gauss_legendre"; exact=True sums
            over the linear pieces of piecewise linear models (at most max_breakpoints).
        rules: DeepLIFT's: "rescale", "reveal_cancel", "genomics", "gradient", "linear", or {node or glob: rule};
            LRP's: "epsilon:1e-9" (default), "gamma:0.25", "alphabeta:2", likewise.
        multipliers: "deeplift" returns multipliers instead of contributions; "conductance" split by input leaves out
            the factor x - x'.
        signed_map: "grad_cam" keeps negative values.
        positions: "sum", "abs_sum" or "max" make one value per channel of layers [channels, positions…].
        units: "ablation" replaces single neurons ("neuron", the default), channels ("channel": axis 1 of the layer's
            tensor), or groups (a list of lists of flat neuron indices); values are [examples, units].
        replace: by the layer's activation at the baseline ("baseline", the default), "zero", or the "mean" over x.
        split_by_input: "conductance" keeps [examples, neurons, input elements]; neurons: flat indices of the only ones
            that "conductance" computes, of one layer.
        at: tensors at which paths begin instead of the inputs.
        output: tensor that the target is taken from: an output (None: the first) or any other, whose neurons are
            explained; probability: keep a final Softmax or Sigmoid; class_mean: subtract the mean over all classes.
        micro_batch, memory: path points evaluated at once (0: chosen) and bytes for them.
        progress: True for a bar (tqdm), or a callable (examples done, examples, evaluations), which may return False
            to stop.

        Raises InvalidArgumentError (ValueError), NotFoundError (KeyError) for unknown layers, NumericError for NaN,
        UnsupportedError, LimitError, TypeError for arrays of the wrong type.
        """
        request = _core.Request()
        request.method = method
        if method not in _PATH_METHODS and (exact or quadrature or not tolerance is steps is max_steps is None):
            raise InvalidArgumentError(f"method '{method}' has no path: it takes no tolerance, steps or quadrature")
        if method == "ig" and layers is not None:
            raise InvalidArgumentError("method 'ig' is at the input: it takes no layers (for layers: 'nig')")
        arrays = input_arrays(self._inputs, x)
        request.layers = self._layer_names(layers)
        request.at = self._layer_names(at)
        set_target(request, target)
        set_baselines(request, self._inputs, arrays, baselines)
        set_path(request, tolerance=tolerance, steps=steps, max_steps=max_steps, quadrature=quadrature, exact=exact)
        set_rules(request, rules)
        set_ablation(request, method, units, replace)
        request.output = self._tensor_name(output)
        request.probability = probability
        request.subtract_class_mean = class_mean
        request.multipliers = multipliers
        request.signed_map = signed_map
        request.positions = positions
        request.split_by_input = split_by_input
        request.neurons = [] if neurons is None else [int(neuron) for neuron in neurons]
        request.micro_batch = micro_batch
        request.memory_budget = in_bytes(memory)
        if max_breakpoints is not None:
            request.max_breakpoints = max_breakpoints
        with _reporter(progress) as report:
            return Result(_core.attribute(self._core, arrays, request, report), self._aliases())

    def evaluate(
        self,
        x: Any,
        *,
        layers: str | Sequence[str] | None = None,
        methods: str | Sequence[str] = ("nig", "deeplift", "internal_influence", "gradient_x_activation", "activation"),
        target: Any = None,
        baselines: Any = 0.0,
        units: str | Sequence[Sequence[int]] = "neuron",
        replace: str = "baseline",
        curve_points: int = 50,
        single_units: int = 1000,
        top: int = 10,
        subsets: int = 100,
        noises: int = 10,
        radius: float = 0.02,
        resamples: int = 1000,
        confidence: float = 0.95,
        statistic: str = "mean",
        seed: int = 0,
        tolerance: float | None = None,
        steps: int | None = None,
        at: str | Sequence[str] | None = None,
        output: str | None = None,
        probability: bool = False,
        micro_batch: int = 0,
        progress: Progress = False,
    ) -> Evaluation:
        """How well each method predicts what happens when units of the layers are removed, for the examples of x.

        x, layers, target, baselines, tolerance, steps, at, output, probability, progress: as in attribute().
        methods: names of attribute()'s methods; "deeplift:reveal_cancel" for DeepLIFT with another rule.
        units, replace: what is removed at once, and what it becomes, as for method "ablation".
        curve_points: runs per deletion or insertion curve. single_units: units removed one by one (of more, a sample).
        top: units compared by the overlap. subsets: random subsets for the infidelity. noises, radius: noisy inputs for
            the max-sensitivity, and how large the noise is as a part of the input's range.
        resamples, confidence, statistic ("mean" or "median"): of the bootstrap over examples. seed: of all that is random.

        Raises what attribute() raises.
        """
        request = _core.Request()
        arrays = input_arrays(self._inputs, x)
        request.layers = self._layer_names(layers)
        request.at = self._layer_names(at)
        set_target(request, target)
        set_baselines(request, self._inputs, arrays, baselines)
        set_path(request, tolerance=tolerance, steps=steps, max_steps=None, quadrature=None, exact=False)
        set_ablation(request, "ablation", units, replace)
        request.output = self._tensor_name(output)
        request.probability = probability
        request.micro_batch = micro_batch
        evaluation = _core.EvaluationRequest()
        evaluation.request = request
        evaluation.set_methods(_names(methods))
        evaluation.curve_points, evaluation.single_units, evaluation.top = curve_points, single_units, top
        evaluation.subsets, evaluation.noises, evaluation.radius = subsets, noises, radius
        evaluation.resamples, evaluation.confidence, evaluation.statistic = resamples, confidence, statistic
        evaluation.seed = seed
        with _reporter(progress) as report:
            return Evaluation({"model": self.name, **_core.evaluate(self._core, arrays, evaluation, report)})

    def _layer_names(self, layers: str | Sequence[str] | None) -> list[str]:
        return _names(layers)

    def _tensor_name(self, output: str | None) -> str:
        return self._layer_names(output)[0] if output else ""

    def _aliases(self) -> Mapping[str, str]:
        """Other names of tensors."""
        return {}

    def __repr__(self) -> str:
        inputs = ", ".join(f"{port.name}{_shape_text(port)}" for port in self._inputs)
        outputs = ", ".join(port.name for port in self._outputs)
        return f"<mho.Model {self.name}: {inputs} -> {outputs}>"

    def _repr_html_(self) -> str:
        return model_html(self)


def _names(value: str | Sequence[str] | None) -> list[str]:
    if value is None:
        return []
    if isinstance(value, str):
        return [value]
    names = list(value)
    for name in names:
        if not isinstance(name, str):
            raise TypeError(f"a layer is given by its name, not by {name!r}")
    return names


def _shape_text(port: _core.Port) -> str:
    extents = [symbol or ("?" if extent < 0 else str(extent)) for extent, symbol in zip(port.shape, port.symbols)]
    return f"[{', '.join(extents)}]"


@contextlib.contextmanager
def _reporter(progress: Progress) -> Iterator[Callable[[int, int, int], Any] | None]:
    """The core's progress callback: none, the caller's, or a tqdm bar."""
    if progress is False or progress is None:
        yield None
    elif progress is not True:
        yield progress
    else:
        try:
            from tqdm.auto import tqdm
        except ImportError as error:
            raise ImportError("progress=True needs tqdm: pip install tqdm, or give a callable") from error
        with tqdm(unit="example") as bar:

            def show(done: int, examples: int, evaluations: int) -> None:
                bar.total = examples or None
                bar.set_postfix(evaluations=evaluations, refresh=False)
                bar.update(done - bar.n)  # draws no more often than tqdm's mininterval

            yield show
            bar.refresh()
