"""`torch.distributed`: process groups of one process, so that scripts written for several run alone."""

from .._core import devices as _devices
from .._core.names import missing as _missing
from .distributed_c10d import Backend as Backend
from .distributed_c10d import GroupMember as GroupMember
from .distributed_c10d import ProcessGroup as ProcessGroup
from .distributed_c10d import ReduceOp as ReduceOp
from .distributed_c10d import Work as Work
from .distributed_c10d import all_gather as all_gather
from .distributed_c10d import all_gather_object as all_gather_object
from .distributed_c10d import all_reduce as all_reduce
from .distributed_c10d import all_to_all as all_to_all
from .distributed_c10d import barrier as barrier
from .distributed_c10d import broadcast as broadcast
from .distributed_c10d import broadcast_object_list as broadcast_object_list
from .distributed_c10d import destroy_process_group as destroy_process_group
from .distributed_c10d import gather as gather
from .distributed_c10d import gather_object as gather_object
from .distributed_c10d import get_backend as get_backend
from .distributed_c10d import get_process_group_ranks as get_process_group_ranks
from .distributed_c10d import get_rank as get_rank
from .distributed_c10d import get_world_size as get_world_size
from .distributed_c10d import group as group
from .distributed_c10d import init_process_group as init_process_group
from .distributed_c10d import is_initialized as is_initialized
from .distributed_c10d import monitored_barrier as monitored_barrier
from .distributed_c10d import new_group as new_group
from .distributed_c10d import reduce as reduce
from .distributed_c10d import reduce_scatter as reduce_scatter
from .distributed_c10d import scatter as scatter


def is_available() -> bool:
    """Whether there are process groups: yes, of one process each."""
    return True


def is_gloo_available() -> bool:
    """Whether a group may be called "gloo": yes."""
    return True


def is_nccl_available() -> bool:
    """Whether a group may be called "nccl": where there is an accelerator."""
    return bool(_devices.accelerators())


def is_mpi_available() -> bool:
    """Whether a group may be called "mpi": no."""
    return False


def is_torchelastic_launched() -> bool:
    """Whether `torchrun` started this process: no."""
    return False


__getattr__ = _missing(__name__)
