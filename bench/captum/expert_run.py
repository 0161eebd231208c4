"""Runs the expert's NIG (expert.py) at its best: batches of which size, eager or compiled."""

import time

import torch
import torch._dynamo
import torch._inductor.config

import expert


def points(segments, grading):
    """mho's points of the path: uniform, or closer together towards the baseline."""
    k = torch.arange(segments + 1, dtype=torch.float64) / segments
    alphas = grading * ((1 + 1 / grading) ** k - 1) if grading > 0 else k
    return alphas.float()


def divisors(number, most=8):
    """`number` itself and its divisors below, the largest ones that are at most `most`, at most two."""
    below = [d for d in range(1, min(most, number - 1) + 1) if number % d == 0]
    return [number, *sorted(below, reverse=True)[:2]]


class Expert:
    """One row of the comparison. Call it: a list of arrays, one per layer."""

    def __init__(self, kind, net, layers, x, targets, segments, grading):
        self.alphas = points(segments, grading)
        self.module, weight = expert.module_for(kind, net, layers)
        self.step, self.trapezoids = self.module, weight is None
        self.x = x.flatten(1) if kind == "mlp" else x
        if self.x.dim() == 4:
            self.x = self.x.contiguous(memory_format=torch.channels_last)
        self.head = int(targets[0]) if self.trapezoids else weight[targets]
        self.compiled = False
        candidates = ([(1, c) for c in self.parts_of_points()] if self.trapezoids else
                      [(e, s) for e in divisors(len(x)) for s in divisors(segments)])
        timed = {}
        for candidate in candidates:
            self.part = candidate
            timed[candidate] = self.seconds()
        self.part = min(timed, key=timed.get)
        self.eager_seconds = self.seconds(5)
        self.compiled_seconds = self.compile()
        if self.compiled_seconds >= self.eager_seconds:
            self.step, self.compiled = self.module, False

    def parts_of_points(self):
        return [len(self.alphas), 8, 4, 2]

    def compile(self):
        """Seconds of the compiled module, infinity where that does not work; keeps it."""
        torch._dynamo.reset()
        torch._inductor.config.freezing = True
        try:
            self.step = torch.compile(self.module, dynamic=False)
            self.compiled = True
            return self.seconds(5)
        except Exception as error:  # whatever the compiler throws: the eager version stands
            print(f"  torch.compile failed: {type(error).__name__}: {str(error).splitlines()[0][:150]}", flush=True)
            return float("inf")

    def seconds(self, repeats=2):
        self()
        best = float("inf")
        for _ in range(repeats):
            start = time.perf_counter()
            self()
            best = min(best, time.perf_counter() - start)
        return best

    def setting(self):
        examples, length = self.part
        batch = f"{examples} x {length}" if len(self.x) > 1 else f"{length}"
        unit = "points" if self.trapezoids else "segments"
        return f"{'compiled' if self.compiled else 'eager'}, {batch} {unit} at once"

    def __call__(self):
        # Gradients are taken inside by torch.func where they are needed.
        with torch.no_grad():
            return self.at_points() if self.trapezoids else self.on_segments()

    def on_segments(self):
        examples, length = self.part
        parts = []
        for n in range(0, len(self.x), examples):
            x, head, sums = self.x[n : n + examples], self.head[n : n + examples], None
            for s in range(0, len(self.alphas) - 1, length):
                found = self.step(x, self.alphas[s : s + length + 1], head)
                sums = found if sums is None else [a + b for a, b in zip(sums, found)]
            parts.append(sums)
        return [torch.cat(values).numpy() for values in zip(*parts)]

    def at_points(self):
        _, length = self.part
        count = len(self.alphas)
        padded = torch.cat([self.alphas, self.alphas.new_ones(-count % length)])
        found = [self.step(self.x, part, self.head) for part in padded.split(length)]
        y, g = (torch.cat(values)[:count] for values in zip(*found))
        return [((g[1:] + g[:-1]) / 2 * (y[1:] - y[:-1])).sum(0, keepdim=True).numpy()]
