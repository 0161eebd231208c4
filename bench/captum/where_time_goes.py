"""Where the time goes in the rows that are not reached: the library's own account of its primitives (ONEDNN_VERBOSE)."""

from collections import defaultdict

import harness

REPEATS = 4
CAPTION = """## Where the time goes

The rows that are not reached. ONEDNN_VERBOSE=1 makes oneDNN print the time of every primitive that it runs, in each thread that runs
one. *Wall*: of all calls of mho in that process, printing included, in milliseconds per call. *Threads*: primitives' time is of all threads together where mho
gives each thread examples of its own, so that up to "threads × wall" is possible there. *Rest*: what no primitive accounts for:
mho's own loops (multipliers of activations and pools, Winograd's transforms, sums over the path), threads waiting, and bookkeeping.
"""
GROUPS = {"convolution": "convolution", "deconvolution": "convolution", "matmul": "matrix product", "gemm": "matrix product",
          "inner_product": "matrix product", "reorder": "reorder"}


def primitives(lines):
    """Milliseconds by kind, from lines as oneDNN 2 and 3 print them: onednn_verbose,[v1,][primitive,]exec,cpu,KIND,…,MS."""
    total = defaultdict(float)
    for line in lines:
        fields = line.split(",")
        if not fields[0].endswith("_verbose") or "exec" not in fields:
            continue
        kind = fields[fields.index("exec") + 2]
        try:
            total[GROUPS.get(kind, "other primitives")] += float(fields[-1])
        except ValueError:
            continue
    return total


def section(bench):
    if not bench.profiled:
        return []
    kinds = ("convolution", "matrix product", "reorder", "other primitives")
    lines = [CAPTION, f"| row | rule | wall ms | {' | '.join(kinds)} | rest |", "|---|---|---:|---:|---:|---:|---:|---:|"]
    for name, case, rule, steps in bench.profiled:
        answer = case.run(rule, steps, repeats=REPEATS, env={"ONEDNN_VERBOSE": "1", "DNNL_VERBOSE": "1"})
        wall = 1e3 * sum(answer["seconds"]) / REPEATS
        total = primitives(answer["log"])
        shares = [total[kind] / REPEATS for kind in kinds]
        cells = [f"{ms:.2f} ({100 * ms / wall:.0f} %)" for ms in shares]
        rest = wall - sum(shares)
        cells.append(f"{rest:.2f} ({100 * rest / wall:.0f} %)" if rest > 0 else "overlapped")
        lines.append(f"| {name} | {rule}{f' {steps}' if steps else ''} | {wall:.2f} | {' | '.join(cells)} |")
    for line in lines[1:]:
        harness.say(line)
    return [*lines, ""]
