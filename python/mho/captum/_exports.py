"""The exported models behind the classes: one per module and kind of arguments, made again when the module changed."""

from __future__ import annotations

import threading
import weakref
from collections import OrderedDict
from typing import Any

import torch
from torch import nn
from torch.utils import _pytree

from ..torch import TorchModel, load
from ..torch._export import batch_flags

_KEPT = 4  # exports per module
_lock = threading.RLock()
_exports: weakref.WeakKeyDictionary[nn.Module, OrderedDict[Any, Any]] = weakref.WeakKeyDictionary()
_options: dict[str, Any] = {"precision": None, "threads": 0, "exporter": "auto", "winograd": True}


def configure(**options: Any) -> dict[str, Any]:
    """Sets options of mho.torch.load() for all modules from now on (precision, threads, exporter, winograd).

    Returns those before; exports made with them are forgotten.
    """
    unknown = set(options) - set(_options)
    if unknown:
        raise TypeError(f"unknown options: {', '.join(sorted(unknown))}; there are {', '.join(_options)}")
    with _lock:
        before = dict(_options)
        _options.update(options)
        if _options != before:
            _exports.clear()
    return before


def forget(module: nn.Module | None = None) -> None:
    """Drops the exports of a module, or of all."""
    with _lock:
        if module is None:
            _exports.clear()
        else:
            _exports.pop(module, None)


def _state(module: nn.Module) -> tuple[Any, ...]:
    """Changes when parameters, buffers, submodules or plain attributes do."""
    tensors = [t for t in (*module.parameters(), *module.buffers()) if t is not None]
    places = tuple((t.data_ptr(), t._version, t.dtype, tuple(t.shape)) for t in tensors)
    # Writes through .data leave the version alone.
    real = [t.detach() for t in tensors if t.is_floating_point() and t.numel()]
    norms = tuple(torch.stack([n.double().cpu() for n in torch._foreach_norm(real)]).tolist()) if real else ()
    plain = tuple(
        (id(part), tuple((key, value) for key, value in vars(part).items()
                         if key != "training" and isinstance(value, (int, float, str, bool, type(None)))))
        for part in module.modules())
    return places, norms, plain


def _kind(args: tuple[Any, ...]) -> tuple[Any, ...]:
    """What an export depends on: the arguments but for the tensors' values and the number of examples."""
    leaves, structure = _pytree.tree_flatten(args)
    tensors = [leaf for leaf in leaves if isinstance(leaf, torch.Tensor)]
    flags = iter(batch_flags(tensors))
    facts: list[Any] = []
    for leaf in leaves:
        if isinstance(leaf, torch.Tensor):
            batched = next(flags)
            facts.append((batched, leaf.dtype, tuple(leaf.shape[1:] if batched else leaf.shape)))
        else:
            facts.append(leaf if isinstance(leaf, (int, float, str, bool, type(None))) else id(leaf))
    return str(structure), tuple(facts)


def exported(module: nn.Module, args: tuple[Any, ...]) -> TorchModel:
    """The module's model for such arguments."""
    key = (_kind(args), _state(module))
    with _lock:
        models = _exports.setdefault(module, OrderedDict())
        if key not in models:
            # Arguments known by their identity must live as long, so that nothing else gets it.
            others = [leaf for leaf in _pytree.tree_leaves(args) if not isinstance(leaf, torch.Tensor)]
            models[key] = load(module, args, **_options), others
            while len(models) > _KEPT:
                models.popitem(last=False)
        models.move_to_end(key)
        return models[key][0]
