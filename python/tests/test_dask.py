"""Invariant: blocks of examples on any dask scheduler give what one process gives, whatever is lost on the way.

MHO_DASK_LONG=1: more examples, ten workers killed instead of one, and what dask costs (bench/scale), some minutes.
"""

import os
import pickle
import re
import shutil
import signal
import subprocess
import sys
import time

import mho
import numpy as np
import pytest
from conftest import DIGITS, REPOSITORY

da = pytest.importorskip("dask.array")
distributed = pytest.importorskip("distributed")
import dask  # noqa: E402
import mho.dask  # noqa: E402

LONG = bool(os.environ.get("MHO_DASK_LONG"))
EXAMPLES = 1200 if LONG else 160
BLOCK = 4
# Some 30 ms per block.
REQUEST = {"layers": ["relu1", "relu4"], "tolerance": 1e-3}
COLUMNS = ("f_input", "f_baseline", "target", "evaluations", "steps", "converged")


@pytest.fixture(scope="module")
def many(images):
    """Digits with noise, all different."""
    tiled = np.resize(images, (EXAMPLES, *images.shape[1:]))
    return (tiled + np.random.default_rng(0).uniform(0, 0.1, tiled.shape)).astype(np.float32)


@pytest.fixture(scope="module")
def one_thread(cnn):
    return cnn.with_options(threads=1)


@pytest.fixture(scope="module")
def expected(one_thread, many):
    """The single process's result, in the same blocks."""
    return by_blocks(one_thread, many, **REQUEST)


@pytest.fixture(scope="module")
def cluster():
    with distributed.LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None,
                                  silence_logs=50) as cluster:
        yield cluster


@pytest.fixture
def client(cluster):
    with distributed.Client(cluster) as client:
        client.wait_for_workers(2, timeout=60)
        yield client


def by_blocks(model, x, size=BLOCK, **request):
    results = [model.attribute(x[i:i + size], **request) for i in range(0, len(x), size)]
    arrays = {name: np.concatenate([result[name] for result in results]) for name in results[0]}
    arrays.update({name: np.concatenate([getattr(result, name) for result in results]) for name in COLUMNS})
    arrays.update({f"error {name}": np.concatenate([result.error[name] for result in results]) for name in results[0]})
    arrays.update({f"delta {name}": np.concatenate([result.delta[name] for result in results]) for name in results[0].delta})
    return arrays


def expect_same(result, expected):
    """To the bit."""
    for name in result:
        np.testing.assert_array_equal(result[name], expected[name])
        np.testing.assert_array_equal(result.error[name], expected[f"error {name}"])
        if name in result.delta:
            np.testing.assert_array_equal(result.delta[name], expected[f"delta {name}"])
    for name in COLUMNS:
        np.testing.assert_array_equal(getattr(result, name), expected[name])


def blocks_of(x, size=BLOCK):
    return da.from_array(x, chunks=(size, -1, -1, -1))


def wait_until(condition, seconds=60):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.01)


def done(client, prefix="mho-attribute"):
    """How many blocks are in memory somewhere."""
    return client.run_on_scheduler(
        lambda dask_scheduler: sum(task.state == "memory" and isinstance(key, tuple) and key[0].startswith(prefix)
                                   for key, task in dask_scheduler.tasks.items()))


# Without a cluster

@pytest.mark.parametrize("scheduler", ["synchronous", "threads"])
def test_local_schedulers_give_the_single_process_results(cnn, one_thread, images, scheduler):
    result = mho.dask.attribute(cnn, blocks_of(images, 8), layers=["relu1", "relu4"])
    assert list(result) == ["relu1", "relu4"]
    assert result["relu1"].chunks == ((8, 8, 8, 8, 4), (16,), (8,), (8,))
    assert result.npartitions == 5 and len(result) == 2
    with dask.config.set(scheduler=scheduler):
        computed = result.compute()
        expect_same(computed, by_blocks(one_thread, images, 8, layers=["relu1", "relu4"]))
        alone = dask.compute(result["relu4"], result.f_input)
    np.testing.assert_array_equal(alone[0], computed["relu4"])
    whole = cnn.attribute(images, layers=["relu1", "relu4"])
    np.testing.assert_allclose(computed["relu1"], whole["relu1"], atol=1e-6 * np.abs(whole["relu1"]).sum(axis=(1, 2, 3)).max())


@pytest.mark.parametrize("method", ["deeplift", "ig", "conductance", "grad_cam", "lrp", "ablation", "activation"])
def test_every_method_keeps_its_shapes_and_columns(one_thread, images, method):
    layers = {"ig": None, "grad_cam": ["relu1"], "conductance": ["logits"]}.get(method, ["relu4"])
    x = images[:6]
    result = mho.dask.attribute(one_thread, blocks_of(x), layers=layers, method=method)
    computed = result.compute(scheduler="synchronous")
    expect_same(computed, by_blocks(one_thread, x, layers=layers, method=method))
    for name in result:
        assert result[name].shape == computed[name].shape


def test_targets_and_baselines_are_cut_along(one_thread, images, labels):
    x = blocks_of(images)
    per_example = one_thread.attribute(images, layers="relu4", target=labels, baselines=images[::-1].copy(), steps=8)
    for target, baselines in ((labels, images[::-1]), (list(labels), da.from_array(images[::-1].copy(), chunks=7)),
                              (da.from_array(labels, chunks=5), images[::-1])):
        result = mho.dask.attribute(one_thread, x, layers="relu4", target=target, baselines=baselines, steps=8)
        np.testing.assert_allclose(result["relu4"].compute(scheduler="threads"), per_example["relu4"], atol=1e-5)
        np.testing.assert_array_equal(result.target.compute(scheduler="threads"), labels)
    for baselines in ("mean", 0.5, images[3], mho.References(images[:3])):
        wanted = one_thread.attribute(images, layers="relu4", method="deeplift", target=mho.Difference(3, 5), baselines=baselines)
        result = mho.dask.attribute(one_thread, x, layers="relu4", method="deeplift", target=mho.Difference(3, 5),
                                    baselines=baselines)
        np.testing.assert_allclose(result["relu4"].compute(scheduler="synchronous"), wanted["relu4"], atol=1e-5)


def test_models_of_several_inputs_share_what_has_no_examples(onnx_of_two_inputs):
    model = mho.load(onnx_of_two_inputs, threads=1)
    random = np.random.default_rng(1)
    a, b = random.normal(size=(10, 3)).astype("f4"), random.normal(size=(10, 3)).astype("f4")
    wanted = model.attribute({"a": a, "b": b}, layers="h", steps=16)
    for second in (da.from_array(b, chunks=5), b):
        result = mho.dask.attribute(model, {"a": da.from_array(a, chunks=4), "b": second}, layers="h", steps=16)
        np.testing.assert_allclose(result.compute(scheduler="synchronous")["h"], wanted["h"], atol=1e-6)
    with pytest.raises(mho.InvalidArgumentError, match="mapping of a, b"):
        mho.dask.attribute(model, da.from_array(a, chunks=4))


@pytest.fixture(scope="module")
def onnx_of_two_inputs():
    import onnx
    from onnx import TensorProto, helper

    def port(name, *shape):
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)

    weights = np.random.default_rng(0).normal(size=(3, 4)).astype("f4")
    nodes = [helper.make_node("Sub", ["a", "b"], ["d"]), helper.make_node("MatMul", ["d", "w"], ["p"]),
             helper.make_node("Relu", ["p"], ["h"]), helper.make_node("ReduceSum", ["h", "axes"], ["y"], keepdims=1)]
    graph = helper.make_graph(nodes, "two", [port("a", "N", 3), port("b", "N", 3)], [port("y", "N", 1)],
                              [onnx.numpy_helper.from_array(weights, "w"),
                               onnx.numpy_helper.from_array(np.array([1]), "axes")])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])


def test_what_makes_no_sense_is_refused(cnn, images, labels):
    x = blocks_of(images)
    with pytest.raises(TypeError, match="from_array"):
        mho.dask.attribute(cnn, images)
    with pytest.raises(mho.NotFoundError, match="relu9"):
        mho.dask.attribute(cnn, x, layers="relu9")
    with pytest.raises(mho.InvalidArgumentError, match="35 entries for 36 examples"):
        mho.dask.attribute(cnn, x, target=labels[1:])
    with pytest.raises(mho.InvalidArgumentError, match="compute_chunk_sizes"):
        mho.dask.attribute(cnn, x[x[:, 0, 0, 0] >= 0])
    with pytest.raises(mho.InvalidArgumentError, match="neither 'bytes' nor 'path'"):
        mho.dask.attribute(cnn, x, ship="pigeon")
    with pytest.raises(mho.InvalidArgumentError, match="needs all examples at once"):
        mho.dask.attribute(cnn, x, method="ablation", replace="mean")
    with pytest.raises(mho.InvalidArgumentError, match="blocks of one size"):
        mho.dask.attribute(cnn, da.from_array(images, chunks=((4, 8, 24), -1, -1, -1)), layers="relu4").to_zarr("x.zarr")


def test_models_are_pickled_by_path_or_bytes(cnn, images, tmp_path):
    path = shutil.copy(DIGITS / "cnn.onnx", tmp_path / "m.onnx")
    model = mho.load(path, threads=1)
    text = pickle.dumps(model)
    assert len(text) < 2000
    again = pickle.loads(text)
    assert again.options == model.options and again.sha256 == cnn.sha256
    np.testing.assert_array_equal(again.run(images)["logits"], model.run(images)["logits"])
    inside = mho.load((DIGITS / "cnn.onnx").read_bytes()).with_options(precision="double")
    assert pickle.loads(pickle.dumps(inside)).options["precision"] == "double"
    shutil.copy(DIGITS / "mlp.onnx", path)
    with pytest.raises(mho.InvalidArgumentError, match="not the model that was pickled"):
        pickle.loads(text)
    with pytest.raises(mho.InvalidArgumentError, match="has no path"):
        mho.dask.attribute(inside, blocks_of(images), ship="path")
    for error in (mho.NumericError("a"), mho.IoError("a"), mho.NotFoundError("a")):
        assert str(pickle.loads(pickle.dumps(error))) == "a" and type(pickle.loads(pickle.dumps(error))) is type(error)


def test_files_hold_what_was_computed(one_thread, images, tmp_path):
    zarr = pytest.importorskip("zarr")
    pytest.importorskip("h5py")
    result = mho.dask.attribute(one_thread, blocks_of(images, 8), layers=["relu1", "relu4"], dtype="float32")
    with dask.config.set(scheduler="threads"):
        computed = result.compute()
        result.to_zarr(tmp_path / "r.zarr")
        result.to_hdf5(tmp_path / "r.h5")
    assert zarr.open_group(tmp_path / "r.zarr")["relu1"].chunks == (8, 16, 8, 8)
    for read in (mho.dask.open_zarr(tmp_path / "r.zarr"), mho.Result.load(tmp_path / "r.h5")):
        for name in computed:
            np.testing.assert_array_equal(read[name], computed[name])
            np.testing.assert_array_equal(read.delta[name], computed.delta[name])
        for name in COLUMNS:
            np.testing.assert_array_equal(getattr(read, name), getattr(computed, name))
        assert read.metadata["method"] == "nig"
    with pytest.raises(mho.InvalidArgumentError, match="exists already"):
        result.to_zarr(tmp_path / "r.zarr")


# On a cluster of processes

def test_a_cluster_gives_the_bits_of_one_process_and_the_model_travels_once(client, cnn, many, expected):
    result = mho.dask.attribute(cnn, blocks_of(many), **REQUEST).persist()
    distributed.wait(result)
    models = client.run(lambda dask_worker: (
        sum("mho-model" in str(key) for key in dask_worker.data),
        sum("mho-model" in str(key) for entry in dask_worker.transfer_incoming_log for key in entry["keys"])))
    assert all(held <= 1 and fetched <= 1 for held, fetched in models.values()), models
    assert sum(fetched for _, fetched in models.values()) <= 1, models
    expect_same(result.compute(), expected)


def test_errors_of_a_block_name_its_examples(client, cnn, many):
    broken = many.copy()
    broken[17] = np.nan
    with pytest.raises(mho.NumericError, match="examples 16 to 19: .*NaN"):
        mho.dask.attribute(cnn, blocks_of(broken), layers="relu4").compute()


def slowly(x):
    """Long enough for a process to start meanwhile, without the CPU that this would take."""
    time.sleep(0.2)
    return x


def test_a_worker_killed_and_one_added_change_nothing(client, cluster, cnn, many, expected):
    for _ in range(10 if LONG else 1):
        x = blocks_of(many).map_blocks(slowly)
        result = mho.dask.attribute(cnn, x, ship="path", **REQUEST).persist()
        wait_until(lambda: done(client) >= 3)
        os.kill(next(iter(client.run(os.getpid).values())), signal.SIGKILL)
        assert done(client) < result.npartitions // 2, "half was done before the kill"
        cluster.scale(3)
        expect_same(result.compute(), expected)
        blocks = client.run(lambda dask_worker: sum("mho-attribute" in str(key) for key in dask_worker.data))
        names = {worker["name"]: address for address, worker in client.scheduler_info(n_workers=-1)["workers"].items()}
        assert blocks[names[2]] > 0, f"the added worker did nothing: {blocks}"
        cluster.scale(2)
        wait_until(lambda: len(client.scheduler_info(n_workers=-1)["workers"]) == 2)
        del result


CLIENT = """
import sys, time
import dask.array as da, distributed, mho.dask, numpy as np
address, folder, model, layers = sys.argv[1:]
client = distributed.Client(address)
x = da.from_array(np.load(folder + "/x.npy"), chunks=(4, -1, -1, -1))
result = mho.dask.attribute(model, x, layers=layers.split(","), tolerance=1e-3)
client.publish_dataset(run=result.persist())
distributed.fire_and_forget(client.compute(result.to_zarr(folder + "/r.zarr", compute=False)))
print("submitted", flush=True)
# Both messages go another way than this question, and may arrive after it.
def is_wanted(dask_scheduler):
    nobody = dask_scheduler.clients.get("fire-and-forget")
    return nobody is not None and len(nobody.wants_what) > 0
while not client.run_on_scheduler(is_wanted):
    time.sleep(0.002)
print("sent", flush=True)
sys.stdin.read()
"""


def test_a_client_that_is_killed_loses_nothing(cluster, many, expected, tmp_path):
    pytest.importorskip("zarr")
    np.save(tmp_path / "x.npy", many)
    process = subprocess.Popen([sys.executable, "-c", CLIENT, cluster.scheduler_address, str(tmp_path), str(DIGITS / "cnn.onnx"),
                                ",".join(REQUEST["layers"])], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "submitted\n" and process.stdout.readline() == "sent\n"
    process.kill()
    process.wait()
    with distributed.Client(cluster) as client:
        kept = client.get_dataset("run")
        assert done(client) < 2 * kept.npartitions, "all was done before the kill"
        expect_same(kept.compute(), expected)
        client.unpublish_dataset("run")
        del kept
        wait_until(lambda: not client.run_on_scheduler(lambda dask_scheduler: len(dask_scheduler.tasks)))
    expect_same(mho.dask.open_zarr(tmp_path / "r.zarr"), expected)


def test_hdf5_is_written_in_order_by_the_client(client, cnn, many, expected, tmp_path):
    pytest.importorskip("h5py")
    mho.dask.attribute(cnn, blocks_of(many), **REQUEST).to_hdf5(tmp_path / "r.h5")
    expect_same(mho.Result.load(tmp_path / "r.h5"), expected)


@pytest.mark.skipif(not LONG, reason="takes minutes: MHO_DASK_LONG=1")
def test_dask_costs_five_percent_at_most_of_half_a_minute_per_worker():
    script = REPOSITORY / "bench" / "scale" / "measure.py"
    run = subprocess.run([sys.executable, script, "--seconds", "30", "--repeats", "3", "--tasks", "1000"],
                         capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    percent = float(re.search(r"against the two processes \| ([+-][0-9.]+) %", run.stdout)[1])  # wall time: needs quiet
    assert percent <= 5, run.stdout
