"""Where the time goes in the rows that are not reached: the library's own account of its primitives (ONEDNN_VERBOSE)."""

from collections import defaultdict

import harness

REPEATS = 5
VERBOSE = {"ONEDNN_VERBOSE": "1", "DNNL_VERBOSE": "1"}  # before and since oneDNN 2
CAPTION = """## Where the time goes

The rows that are not reached. ONEDNN_VERBOSE=1 makes oneDNN print the time of every primitive that it runs: milliseconds per warm call
(what a process with more calls prints less what one with a single call does). *Wall*: of the same calls, printing included. Where mho gives
every thread examples of its own the primitives of all threads add up, to more than wall time at best. *Rest*: what no primitive accounts for: mho's own
loops (multipliers of activations and pools, Winograd's transforms, sums over the path), threads waiting, bookkeeping.
"""
GROUPS = {"convolution": "convolution", "deconvolution": "convolution", "matmul": "matrix product", "gemm": "matrix product",
          "inner_product": "matrix product", "reorder": "reorder"}
KINDS = ("convolution", "matrix product", "reorder", "other primitives")


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


def profile(case, rule, steps):
    """Milliseconds of a warm call, and of its primitives by kind."""
    first = case.run(rule, steps, env=VERBOSE)
    all_ = case.run(rule, steps, repeats=1 + REPEATS, env=VERBOSE)
    before, after = primitives(first["log"]), primitives(all_["log"])
    return 1e3 * all_["median"], {kind: max(0.0, (after[kind] - before[kind]) / REPEATS) for kind in KINDS}


def section(bench):
    if not bench.profiled:
        return []
    lines = [CAPTION, f"| row | rule | wall ms | {' | '.join(KINDS)} | rest |", "|---|---|---:|---:|---:|---:|---:|---:|"]
    for name, case, rule, steps in bench.profiled:
        wall, spent = profile(case, rule, steps)
        rest = wall - sum(spent.values())
        cells = [f"{ms:.2f} ({100 * ms / wall:.0f} %)" for ms in spent.values()]
        cells.append(f"{rest:.2f} ({100 * rest / wall:.0f} %)" if rest > 0 else "none: threads overlap")
        lines.append(f"| {name} | {rule}{f' {steps}' if steps else ''} | {wall:.2f} | {' | '.join(cells)} |")
    harness.say("\n".join(lines[1:]))
    return [*lines, ""]
