"""Process groups of one process, and the collectives in them.

In such a group every collective moves a tensor from this process to itself; arguments are checked as
PyTorch checks them. More processes are refused where the group is made.
"""

from __future__ import annotations

import copy
import os
from collections.abc import Sequence
from enum import Enum
from typing import Any

from .._core import devices
from .._core.params import SCALAR_NAMES
from .._core.tensor import Tensor

_MSG_UNINITIALIZED = (
    "Default process group has not been initialized, please make sure to call init_process_group."
)
_MSG_SEVERAL = (
    "process groups of several processes are not supported (world_size={}): torchlike compiles a step for the devices "
    "of one process. Run the script as one process (world_size=1)."
)
_RENDEZVOUS = "Error initializing torch.distributed using {} rendezvous: {}"


class RedOpType(Enum):
    """How values of several processes become one."""

    SUM = 0
    AVG = 1
    PRODUCT = 2
    MIN = 3
    MAX = 4
    BAND = 5
    BOR = 6
    BXOR = 7


class ReduceOp:
    """The names of `RedOpType`."""

    RedOpType = RedOpType
    SUM, AVG, PRODUCT, MIN, MAX, BAND, BOR, BXOR = RedOpType


class Backend(str):
    """A backend's name in lower case."""

    GLOO, NCCL, MPI, UNDEFINED = "gloo", "nccl", "mpi", "undefined"

    def __new__(cls, name: str) -> Backend:
        if not isinstance(name, str):
            raise ValueError(f"Backend constructor parameter must be string-ish: {name!r}")
        return super().__new__(cls, name.lower())


class ProcessGroup:
    """One process; what `init_process_group` and `new_group` make."""

    def __init__(self, backend: Backend):
        self.backend = backend

    def rank(self) -> int:
        """This process's number."""
        return 0

    def size(self) -> int:
        """How many processes there are."""
        return 1

    def name(self) -> str:
        """The backend's name."""
        return str(self.backend)


class Work:
    """A collective that is done."""

    def wait(self, timeout: Any = None) -> bool:
        """True."""
        return True

    def is_completed(self) -> bool:
        """True."""
        return True

    def is_success(self) -> bool:
        """True."""
        return True


class _Groups(type):
    """`group.WORLD` is the group of all processes, None before `init_process_group`."""

    WORLD: ProcessGroup | None = None


class group(metaclass=_Groups):
    """Holds the group of all processes as `group.WORLD`."""


class GroupMember(metaclass=_Groups):
    """What `new_group` returns to a process that is not in the group."""

    NON_GROUP_MEMBER = -100


def _world() -> ProcessGroup:
    if _Groups.WORLD is None:
        raise ValueError(_MSG_UNINITIALIZED)
    return _Groups.WORLD


def is_initialized() -> bool:
    """Whether `init_process_group` was called."""
    return _Groups.WORLD is not None


def _from_environment(scheme: str, name: str) -> str:
    value = os.environ.get(name)
    if value is None:
        raise ValueError(_RENDEZVOUS.format(scheme, f"environment variable {name} expected, but not set"))
    return value


def _rendezvous(init_method: str, rank: int, world_size: int) -> tuple[int, int]:
    """Rank and world size, from the environment where the address says so."""
    scheme, found, _ = init_method.partition("://")
    if not found:
        scheme = ""
    scheme += "://"
    if scheme == "env://":
        rank = int(_from_environment(scheme, "RANK")) if rank < 0 else rank
        world_size = int(_from_environment(scheme, "WORLD_SIZE")) if world_size < 0 else world_size
        for name in ("MASTER_ADDR", "MASTER_PORT"):
            _from_environment(scheme, name)
    elif scheme in ("tcp://", "file://"):
        for what, value in (("rank", rank), ("world size", world_size)):
            if value < 0:
                raise ValueError(_RENDEZVOUS.format(scheme, f"{what} parameter missing"))
    else:
        raise RuntimeError(f"No rendezvous handler for {scheme}")
    return rank, world_size


def _backend(name: str | None) -> Backend:
    backend = Backend(name or ("nccl" if devices.accelerators() else "gloo"))
    for part in backend.split(","):  # "gloo", or "cpu:gloo,cuda:nccl"
        known = part.rpartition(":")[2]
        if known not in ("gloo", "nccl", "mpi"):
            raise AssertionError(f"Unknown backend type {known}")
        if known == "mpi" or (known == "nccl" and part == backend and not devices.accelerators()):
            raise RuntimeError(f"Distributed package doesn't have {known.upper()} built in")
    return backend


def init_process_group(
    backend: str | None = None, init_method: str | None = None, timeout: Any = None, world_size: int = -1,
    rank: int = -1, store: Any = None, group_name: str = "", pg_options: Any = None, device_id: Any = None,
) -> None:  # fmt: skip
    """Makes the group of all processes, which is this one.

    Args:
        backend: a name that `get_backend` returns; one process needs no transport.
        init_method: "env://" (the default), "tcp://..." or "file://..."; nothing is contacted.
        world_size, rank: 1 and 0, here or in the environment.

    Raises:
        NotImplementedError: the world size is above 1.
        ValueError: there is a group already, or rank or world size is missing.
    """
    if is_initialized():
        raise ValueError("trying to initialize the default process group twice!")
    if store is not None:
        if init_method is not None:
            raise AssertionError("Cannot specify both init_method and store.")
        if world_size <= 0 or rank < 0:
            raise AssertionError("world_size must be positive and rank must be non-negative if using store")
    else:
        rank, world_size = _rendezvous(init_method or "env://", rank, world_size)
    if world_size > 1:
        raise NotImplementedError(_MSG_SEVERAL.format(world_size))
    if rank != 0:
        raise RuntimeError(f"rank < size. {rank} vs {world_size}")
    _Groups.WORLD = ProcessGroup(_backend(backend))


def destroy_process_group(group: ProcessGroup | None = None) -> None:
    """Forgets a group; without `group`, that of all processes."""
    if not is_initialized():
        raise AssertionError("Process group cannot be None")
    if group is None or group is _Groups.WORLD:
        _Groups.WORLD = None


def new_group(
    ranks: Sequence[int] | None = None, timeout: Any = None, backend: str | None = None, **_: Any
) -> ProcessGroup:
    """A group of the processes `ranks`.

    Raises:
        ValueError: a rank is not 0.
    """
    world = _world()
    if ranks is not None:
        if len(ranks) > 1:
            raise ValueError(
                "the new group's world size should be less or equal to the world size set by init_process_group"
            )
        for rank in ranks:
            if rank != 0:
                raise ValueError(f"Rank {rank} is out of range. Valid ranks are 0 to 0 (world_size=1)")
    return ProcessGroup(world.backend if backend is None else _backend(backend))


def get_rank(group: ProcessGroup | None = None) -> int:
    """This process's number: 0."""
    return (group or _world()).rank()


def get_world_size(group: ProcessGroup | None = None) -> int:
    """How many processes there are: 1."""
    return (group or _world()).size()


def get_backend(group: ProcessGroup | None = None) -> Backend:
    """The name given to `init_process_group`."""
    return (group or _world()).backend


def get_process_group_ranks(group: ProcessGroup | None) -> list[int]:
    """The group's processes: `[0]`."""
    return [(group or _world()).rank()]


# ---- collectives ----------------------------------------------------------------------------


def _tensor(value: Any, name: str) -> Tensor:
    if not isinstance(value, Tensor):
        raise TypeError(
            f"Invalid function argument. Expected parameter `{name}` of type torch.Tensor\n"
            f"             but got {type(value)} instead."
        )
    return value


def _tensors(values: Any, name: str) -> list[Tensor]:
    if not isinstance(values, list) or not all(isinstance(v, Tensor) for v in values):
        raise TypeError(
            f"Invalid function argument. Expected parameter `{name}` of type List[torch.Tensor]\n"
            f"             but got {type(values)} instead."
        )
    return values


def _root(what: str, rank: int | None, group_rank: int | None) -> None:
    rank = group_rank if rank is None else rank
    if rank is None:
        raise ValueError("Must specify global_rank or group_rank")
    if rank != 0:
        raise RuntimeError(f"ProcessGroupGloo::{what}: invalid root rank: {rank}")


def _reduction(op: Any, tensor: Tensor) -> None:
    if not isinstance(op, RedOpType):
        raise TypeError(f"op must be one of ReduceOp's names, not {op!r}")
    inexact = tensor.dtype.is_floating_point or tensor.dtype.is_complex
    if op is RedOpType.AVG and not inexact:
        name = SCALAR_NAMES[tensor.dtype.name]
        raise RuntimeError(f"result type Float can't be cast to the desired output type {name}")
    if inexact and op in (RedOpType.BAND, RedOpType.BOR, RedOpType.BXOR):
        raise RuntimeError(f"Cannot use ReduceOp.{op.name} with non-integral dtype")


def _one(what: str, values: list[Tensor], like: Tensor, role: str) -> Tensor:
    """The only tensor of a list with one for each process; of the dtype and shape of `like`."""
    for value in values:
        if value.dtype is not like.dtype:
            raise ValueError(
                f"Invalid usage of tensors with different dtypesFound {value.dtype} and  {like.dtype}"
            )
    if len(values) != 1:
        raise RuntimeError(
            f"ProcessGroupGloo::{what}: invalid {role} tensor list at index 0 (expected length 1, got {len(values)})"
        )
    if values[0].shape != like.shape:
        want, got = (", ".join(map(str, t.shape)) for t in (like, values[0]))
        raise RuntimeError(
            f"ProcessGroupGloo::{what}: invalid tensor size at index 0 (expected ({want}), got ({got}))"
        )
    return values[0]


def _put(target: Tensor, source: Tensor) -> None:
    """Writes past autograd, as a transport does."""
    if target is not source:
        target.detach().copy_(source.detach())


def _done(group: ProcessGroup | None, async_op: bool) -> Work | None:
    _ = group or _world()
    return Work() if async_op else None


def all_reduce(
    tensor: Tensor, op: Any = ReduceOp.SUM, group: ProcessGroup | None = None, async_op: bool = False
) -> Work | None:
    """Leaves `tensor`, of which there is one, as it is."""
    _reduction(op, _tensor(tensor, "tensor"))
    return _done(group, async_op)


def reduce(
    tensor: Tensor, dst: int | None = None, op: Any = ReduceOp.SUM, group: ProcessGroup | None = None,
    async_op: bool = False, group_dst: int | None = None,
) -> Work | None:  # fmt: skip
    """Leaves `tensor`, of which there is one, as it is."""
    work = _done(group, async_op)
    _root("reduce", dst, group_dst)
    _reduction(op, _tensor(tensor, "tensor"))
    return work


def broadcast(
    tensor: Tensor, src: int | None = None, group: ProcessGroup | None = None, async_op: bool = False,
    group_src: int | None = None,
) -> Work | None:  # fmt: skip
    """Leaves `tensor`, which is the sender's, as it is."""
    work = _done(group, async_op)
    _root("broadcast", src, group_src)
    _tensor(tensor, "tensor")
    return work


def all_gather(
    tensor_list: list[Tensor], tensor: Tensor, group: ProcessGroup | None = None, async_op: bool = False
) -> Work | None:
    """Writes `tensor` into `tensor_list[0]`."""
    _tensors(tensor_list, "tensor_list")
    work = _done(group, async_op)
    _put(_one("allgather", tensor_list, _tensor(tensor, "tensor"), "output"), tensor)
    return work


def gather(
    tensor: Tensor, gather_list: list[Tensor] | None = None, dst: int | None = None,
    group: ProcessGroup | None = None, async_op: bool = False, group_dst: int | None = None,
) -> Work | None:  # fmt: skip
    """Writes `tensor` into `gather_list[0]`."""
    work = _done(group, async_op)
    _root("gather", 0 if dst is None and group_dst is None else dst, group_dst)
    if not gather_list:
        raise ValueError("Argument ``gather_list`` must be specified on destination rank.")
    _put(_one("gather", _tensors(gather_list, "gather_list"), _tensor(tensor, "tensor"), "output"), tensor)
    return work


def scatter(
    tensor: Tensor, scatter_list: list[Tensor] | None = None, src: int | None = None,
    group: ProcessGroup | None = None, async_op: bool = False, group_src: int | None = None,
) -> Work | None:  # fmt: skip
    """Writes `scatter_list[0]` into `tensor`."""
    work = _done(group, async_op)
    _root("scatter", 0 if src is None and group_src is None else src, group_src)
    if not scatter_list:
        raise ValueError("Argument ``scatter_list`` must be specified on source rank.")
    if len(scatter_list) != 1:
        raise RuntimeError(
            f"ProcessGroupGloo::scatter: Incorrect input list size {len(scatter_list)}. Input list size should be 1, "
            "same as size of the process group."
        )
    _put(tensor, _one("scatter", _tensors(scatter_list, "scatter_list"), _tensor(tensor, "tensor"), "input"))
    return work


def reduce_scatter(
    output: Tensor, input_list: list[Tensor], op: Any = ReduceOp.SUM, group: ProcessGroup | None = None,
    async_op: bool = False,
) -> Work | None:  # fmt: skip
    """Writes `input_list[0]` into `output`."""
    work = _done(group, async_op)
    _reduction(op, _tensor(output, "output"))
    _put(output, _one("reduce_scatter", _tensors(input_list, "input_list"), output, "input"))
    return work


def all_to_all(
    output_tensor_list: list[Tensor], input_tensor_list: list[Tensor], group: ProcessGroup | None = None,
    async_op: bool = False,
) -> Work | None:  # fmt: skip
    """Writes `input_tensor_list[0]` into `output_tensor_list[0]`."""
    work = _done(group, async_op)
    outputs = _tensors(output_tensor_list, "output_tensor_list")
    for source in _tensors(input_tensor_list, "input_tensor_list"):
        _put(_one("alltoall", outputs, source, "output"), source)
    return work


def barrier(group: ProcessGroup | None = None, async_op: bool = False, **_: Any) -> Work | None:
    """Waits for the group's other processes, of which there are none."""
    return _done(group, async_op)


def monitored_barrier(group: ProcessGroup | None = None, **_: Any) -> None:
    """`barrier`."""
    _done(group, False)


def broadcast_object_list(
    object_list: list[Any], src: int | None = None, group: ProcessGroup | None = None, device: Any = None,
    group_src: int | None = None,
) -> None:  # fmt: skip
    """Leaves `object_list`, which is the sender's, as it is."""
    _done(group, False)
    _root("broadcast", 0 if src is None and group_src is None else src, group_src)


def all_gather_object(object_list: list[Any], obj: Any, group: ProcessGroup | None = None) -> None:
    """Sets `object_list[0]` to a copy of `obj`."""
    _done(group, False)
    object_list[0] = copy.deepcopy(obj)


def gather_object(
    obj: Any, object_gather_list: list[Any] | None = None, dst: int | None = None,
    group: ProcessGroup | None = None, group_dst: int | None = None,
) -> None:  # fmt: skip
    """Sets `object_gather_list[0]` to a copy of `obj`."""
    _done(group, False)
    _root("gather", 0 if dst is None and group_dst is None else dst, group_dst)
    if not object_gather_list:
        raise ValueError("Argument ``object_gather_list`` must be specified on destination rank.")
    object_gather_list[0] = copy.deepcopy(obj)
