"""Exported graphs with submodules' tensors as outputs: those outputs go, the tensors take the submodules' names."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any


def _graphs(graph: Any) -> Iterator[Any]:
    """The graph and the bodies of its nodes."""
    yield graph
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.HasField("g"):
                yield from _graphs(attribute.g)
            for body in attribute.graphs:
                yield from _graphs(body)


def _without_copies(graph: Any, kept: set[str]) -> dict[str, str]:
    """Removes Identity nodes whose outputs nobody reads; returns what each of those outputs is a copy of."""
    readers = Counter(name for part in _graphs(graph) for node in part.node for name in node.input)
    readers.update(output.name for part in _graphs(graph) for output in part.output if part is not graph)
    copies: dict[str, str] = {}
    found = True
    while found:
        found = False
        for node in list(graph.node):
            if node.op_type != "Identity" or node.domain or readers[node.output[0]] or node.output[0] in kept:
                continue
            copies[node.output[0]] = node.input[0]
            readers[node.input[0]] -= 1
            graph.node.remove(node)
            found = True
    return copies


def name_tensors(model: Any, exported: Mapping[str, int], names: Sequence[str], arguments: Mapping[int, str],
                 outputs: Sequence[int]) -> list[str]:
    """Names tensors of an onnx.ModelProto after submodules; returns the tensor of every slot.

    exported: graph outputs and the slots they are; names: of slots; arguments: graph inputs that are slots;
    outputs: slots that the module returns, which stay outputs.
    """
    graph = model.graph
    output_of = {slot: name for name, slot in exported.items()}
    kept = [output_of[slot] for slot in dict.fromkeys(outputs) if slot in output_of]
    copies = _without_copies(graph, set(kept))
    ports = {port.name: port for port in graph.output}
    del graph.output[:]
    graph.output.extend(ports[name] for name in kept)

    fixed = {port.name for port in graph.input} | {tensor.name for tensor in graph.initializer}
    tensors = []
    renamed: dict[str, str] = {}
    for slot, name in enumerate(names):
        tensor = arguments.get(slot) or output_of[slot]
        while tensor in copies:
            tensor = copies[tensor]
        if tensor not in fixed:
            renamed.setdefault(tensor, name)
        tensors.append(tensor)
    _rename(graph, renamed, fixed)
    for node in graph.node:
        node.ClearField("doc_string")
        node.ClearField("metadata_props")
    return [renamed.get(tensor, tensor) for tensor in tensors]


def _rename(graph: Any, renamed: dict[str, str], fixed: set[str]) -> None:
    """Renames tensors everywhere; others that have one of the new names get a prime."""
    wanted = set(renamed.values())
    every = fixed | {name for part in _graphs(graph) for node in part.node for name in node.output}
    full = dict(renamed)
    for name in every & wanted - set(renamed):
        free = name + "'"
        while free in every or free in wanted:
            free += "'"
        full[name] = free
    for part in _graphs(graph):
        for node in part.node:
            for names in (node.input, node.output):
                for i, name in enumerate(names):
                    if name in full:
                        names[i] = full[name]
        for ports in (part.input, part.output, part.value_info, part.initializer):
            for port in ports:
                port.name = full.get(port.name, port.name)
