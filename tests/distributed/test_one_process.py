"""Process groups of one process against PyTorch's gloo."""

from __future__ import annotations

import pytest

import torchlike
from tests.compare import agree

reference = pytest.importorskip("torch")
pytestmark = pytest.mark.skipif(
    not reference.distributed.is_available() or torchlike.cuda.is_available(), reason="needs PyTorch's gloo"
)
LIBRARIES = (torchlike, reference)


@pytest.fixture
def groups(tmp_path):
    """A group in each library."""
    for i, lib in enumerate(LIBRARIES):
        lib.distributed.init_process_group("gloo", init_method=f"file://{tmp_path}/{i}", rank=0, world_size=1)
    yield
    for lib in LIBRARIES:
        if lib.distributed.is_initialized():
            lib.distributed.destroy_process_group()


def outcome(make, lib):
    try:
        return make(lib)
    except Exception as e:
        return [type(e).__name__, str(e)]


def collective(name, *makers, **options):
    """Calls a collective with tensors made anew; returns the tensors after it."""

    def run(lib):
        given = [m(lib) if callable(m) else m for m in makers]
        named = {k: v(lib) if callable(v) else v for k, v in options.items()}
        work = getattr(lib.distributed, name)(*given, **named)
        return [given, None if work is None else work.wait()]

    return run


def ones(lib):
    return lib.ones(3)


def zeros(lib):
    return lib.zeros(3)


def whole(lib):
    return lib.tensor([1, 2, 3])


def op(name):
    return lambda lib: getattr(lib.distributed.ReduceOp, name)


def listed(*makers):
    return lambda lib: [m(lib) for m in makers]


COLLECTIVES = {
    **{f"all_reduce_{o}": collective("all_reduce", whole, op=op(o)) for o in ("SUM", "AVG", "PRODUCT", "MIN", "BAND", "BXOR")},
    "all_reduce_mean": collective("all_reduce", ones, op=op("AVG")),
    "all_reduce_async": collective("all_reduce", ones, async_op=True),
    "all_reduce_bits": collective("all_reduce", ones, op=op("BOR")),
    "all_reduce_list": collective("all_reduce", listed(ones)),
    "all_reduce_parameter": collective("all_reduce", lambda lib: lib.nn.Parameter(lib.ones(2))),
    "reduce": collective("reduce", ones, 0),
    "reduce_rank": collective("reduce", ones, 1),
    "reduce_no_rank": collective("reduce", ones),
    "broadcast": collective("broadcast", ones, 0),
    "broadcast_group_rank": collective("broadcast", ones, group_src=0),
    "broadcast_rank": collective("broadcast", ones, 3),
    "broadcast_no_rank": collective("broadcast", ones),
    "all_gather": collective("all_gather", listed(zeros), ones),
    "all_gather_empty": collective("all_gather", [], ones),
    "all_gather_shape": collective("all_gather", listed(lambda lib: lib.zeros(2)), ones),
    "all_gather_dtype": collective("all_gather", listed(whole), ones),
    "gather": collective("gather", ones, listed(zeros)),
    "gather_none": collective("gather", ones),
    "scatter": collective("scatter", zeros, listed(ones)),
    "scatter_none": collective("scatter", zeros),
    "scatter_two": collective("scatter", zeros, listed(ones, ones)),
    "reduce_scatter": collective("reduce_scatter", zeros, listed(ones)),
    "all_to_all": collective("all_to_all", listed(zeros), listed(ones)),
    "barrier": collective("barrier"),
    "all_gather_object": collective("all_gather_object", lambda lib: [None], {"a": 1}),
    "gather_object": collective("gather_object", [1, 2], lambda lib: [None]),
    "broadcast_object_list": collective("broadcast_object_list", lambda lib: ["a"], 0),
}  # fmt: skip


@pytest.mark.parametrize("name", COLLECTIVES)
def test_collective(name: str, groups) -> None:
    agree(*(outcome(COLLECTIVES[name], lib) for lib in LIBRARIES))


QUESTIONS = {
    "numbers": lambda d: [d.get_rank(), d.get_world_size(), str(d.get_backend()), d.is_initialized()],
    "world": lambda d: [d.group.WORLD.rank(), d.group.WORLD.size(), d.get_process_group_ranks(d.group.WORLD)],
    "subgroup": lambda d: [d.get_rank(d.new_group([0])), d.get_world_size(d.new_group())],
    "subgroup_rank": lambda d: d.new_group([1]),
    "subgroup_size": lambda d: d.new_group([0, 1]),
    "twice": lambda d: d.init_process_group("gloo", rank=0, world_size=1),
    "names": lambda d: [str(d.ReduceOp.SUM), repr(d.ReduceOp.MAX), d.Backend("GLOO"), d.Backend.NCCL],
    "destroyed": lambda d: d.destroy_process_group() or d.is_initialized(),
}


@pytest.mark.parametrize("name", QUESTIONS)
def test_question(name: str, groups) -> None:
    agree(*(outcome(lambda lib: QUESTIONS[name](lib.distributed), lib) for lib in LIBRARIES))


ALONE = {
    "rank": lambda d: d.get_rank(),
    "reduce": lambda d: d.barrier(),
    "destroy": lambda d: d.destroy_process_group(),
    "environment": lambda d: d.init_process_group("gloo"),
    "environment_size": lambda d: d.init_process_group("gloo", rank=0),
    "environment_address": lambda d: d.init_process_group("gloo", rank=0, world_size=1),
    "tcp": lambda d: d.init_process_group("gloo", init_method="tcp://127.0.0.1:1"),
    "file": lambda d: d.init_process_group("gloo", init_method="file:///nowhere", rank=0),
    "scheme": lambda d: d.init_process_group("gloo", init_method="foo://a"),
    "no_scheme": lambda d: d.init_process_group("gloo", init_method="foo"),
    "initialized": lambda d: d.is_initialized(),
    "available": lambda d: [d.is_available(), d.is_gloo_available(), d.is_nccl_available()],
}


@pytest.mark.parametrize("name", ALONE)
def test_without_a_group(name: str, monkeypatch) -> None:
    for variable in ("RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT"):
        monkeypatch.delenv(variable, raising=False)
    agree(*(outcome(lambda lib: ALONE[name](lib.distributed), lib) for lib in LIBRARIES))


def test_environment(monkeypatch) -> None:
    for variable, value in {"RANK": "0", "WORLD_SIZE": "1", "MASTER_ADDR": "a", "MASTER_PORT": "1"}.items():
        monkeypatch.setenv(variable, value)
    torchlike.distributed.init_process_group()
    assert torchlike.distributed.get_world_size() == 1
    torchlike.distributed.destroy_process_group()


def test_several_processes_are_refused() -> None:
    with pytest.raises(NotImplementedError, match="world_size=2"):
        torchlike.distributed.init_process_group("gloo", "tcp://127.0.0.1:1", rank=0, world_size=2)
    assert not torchlike.distributed.is_initialized()
