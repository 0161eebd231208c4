"""Which tensors the submodules of a module take and return: found by forward hooks, in one eager run and in exports."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn
from torch.utils import _pytree


def tensors_in(value: Any) -> list[torch.Tensor]:
    """The tensors of a nested structure, in order."""
    return [leaf for leaf in _pytree.tree_leaves(value) if isinstance(leaf, torch.Tensor)]


@dataclass
class Slot:
    """One tensor of a run, whatever number of modules take or return it."""

    names: list[str] = field(default_factory=list)
    shape: tuple[int, ...] = ()
    dtype: torch.dtype = torch.float32
    written: bool = False  # some code writes into it after it was recorded: `out += x`
    argument: int | None = None  # it is this argument of the module


@dataclass
class Call:
    """Slots of one call of a submodule: positional arguments, and what it returned."""

    taken: list[int] = field(default_factory=list)
    returned: list[int] = field(default_factory=list)


@dataclass
class Recording:
    """What one run did. Runs of the same module do the same, so that its events are known by their order."""

    slots: list[Slot] = field(default_factory=list)
    events: list[int] = field(default_factory=list)  # the slot of each
    calls: dict[str, list[Call]] = field(default_factory=dict)
    outputs: list[int] = field(default_factory=list)

    @property
    def aliases(self) -> dict[str, int]:
        """Slot of each name; the first that took a name keeps it."""
        result: dict[str, int] = {}
        for index, slot in enumerate(self.slots):
            for name in slot.names:
                result.setdefault(name, index)
        return result


class Recorder:
    """Listens to a module: an event for every tensor that passes a hook, in an order that is the same each time."""

    def __init__(self, module: nn.Module) -> None:
        self._module = module
        self._names: dict[int, list[str]] = {}
        for name, part in module.named_modules(remove_duplicate=False):
            self._names.setdefault(id(part), []).append(name)
        self._counts: dict[int, int] = {}
        self._recording: Recording | None = None  # once known
        self._first = Recording()
        self._kept: list[tuple[torch.Tensor, int]] = []  # tensor and version, per slot of the first run
        self._slot_of: dict[tuple[int, int], int] = {}
        self._active = False
        self._next = 0
        self._captured: dict[int, torch.Tensor] = {}

    @contextlib.contextmanager
    def listening(self) -> Iterator[None]:
        """Hooks on every submodule, removed in the end."""
        handles = []
        try:
            for part in dict.fromkeys(self._module.modules()):
                if isinstance(part, torch.jit.ScriptModule):
                    continue
                handles.append(part.register_forward_pre_hook(self._before, with_kwargs=True))
                handles.append(part.register_forward_hook(self._after, with_kwargs=True))
            yield
        finally:
            for handle in handles:
                handle.remove()

    def start(self, arguments: Sequence[torch.Tensor], names: Sequence[str]) -> None:
        """Begins a run with these arguments."""
        self._counts.clear()
        self._active = True
        self._next = 0
        self._captured = {}
        for index, (argument, name) in enumerate(zip(arguments, names)):
            slot = self._event(argument, [name])
            if self._recording is None:
                self._first.slots[slot].argument = index

    def finish(self) -> Recording:
        """Ends the first run."""
        self._active = False
        for slot, (tensor, version) in zip(self._first.slots, self._kept):
            slot.written = tensor._version != version
        self._kept.clear()
        self._slot_of.clear()
        self._recording = self._first
        return self._recording

    def captured(self) -> list[torch.Tensor]:
        """Ends a later run; its tensors, one for each slot that is no argument."""
        self._active = False
        assert self._recording is not None
        if self._next != len(self._recording.events):
            raise RuntimeError("the module called other submodules when it was exported than when it was run")
        return [self._captured[i] for i, slot in enumerate(self._recording.slots) if slot.argument is None]

    def _event(self, tensor: torch.Tensor, names: Sequence[str]) -> int:
        recording = self._recording
        if recording is None:
            key = (id(tensor), tensor._version)
            slot = self._slot_of.setdefault(key, len(self._first.slots))
            if slot == len(self._first.slots):
                self._first.slots.append(Slot([], tuple(tensor.shape), tensor.dtype))
                self._kept.append((tensor, tensor._version))
            self._first.slots[slot].names.extend(names)
            self._first.events.append(slot)
            return slot
        if self._next >= len(recording.events):
            raise RuntimeError("the module called more submodules when it was exported than when it was run")
        slot = recording.events[self._next]
        self._next += 1
        if slot not in self._captured:
            # A copy of what is written into later: the exporters would name the value after the last write.
            self._captured[slot] = tensor.clone() if recording.slots[slot].written else tensor
        return slot

    def _labels(self, module: nn.Module) -> tuple[list[str], int]:
        """Names of this call: "name", then "name:1", … for further ones."""
        count = self._counts.get(id(module), 0)
        names = [name for name in self._names.get(id(module), []) if name]
        return [name if count == 0 else f"{name}:{count}" for name in names], count

    def _before(self, module: nn.Module, args: Any, kwargs: dict[str, Any]) -> None:
        if module is self._module or not self._active:
            return
        labels, count = self._labels(module)
        taken = tensors_in(args)
        for i, tensor in enumerate(taken):
            end = f"[{i}]" if len(taken) > 1 else ""
            names = [f"{label}:input{end}" for label in labels]
            slot = self._event(tensor, names + [f"{label}:input" for label in labels if end == "[0]"])
            self._call(module, count).taken.append(slot)
        for key, value in kwargs.items():
            for tensor in tensors_in(value):
                self._event(tensor, [f"{label}:input[{key}]" for label in labels])

    def _after(self, module: nn.Module, args: Any, kwargs: dict[str, Any], output: Any) -> None:
        if not self._active:
            return
        if module is self._module:
            for i, tensor in enumerate(tensors_in(output)):
                slot = self._event(tensor, [f"output[{i}]"] if i else ["output", "output[0]"])
                if self._recording is None:
                    self._first.outputs.append(slot)
            return
        labels, count = self._labels(module)
        returned = tensors_in(output)
        for i, tensor in enumerate(returned):
            end = f"[{i}]" if len(returned) > 1 else ""
            names = [f"{label}{end}" for label in labels]
            slot = self._event(tensor, names + [label for label in labels if end == "[0]"])
            self._call(module, count).returned.append(slot)
        self._counts[id(module)] = count + 1

    def _call(self, module: nn.Module, count: int) -> Call:
        """The record of this call; a spare one after the first run."""
        if self._recording is not None:
            return Call()
        calls = self._first.calls.setdefault(self._names[id(module)][0], [])
        while len(calls) <= count:
            calls.append(Call())
        return calls[count]
