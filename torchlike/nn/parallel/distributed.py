"""DistributedDataParallel over a process group of one process."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from ..modules.module import Module

__all__ = ["DistributedDataParallel"]


class DistributedDataParallel(Module):
    """Calls the wrapped module, whose gradients are already those of all processes, as there is one.

    Args:
        module: what to wrap; it is found as `.module`, and named so in the state_dict.
        device_ids, output_device: at most the one accelerator that the module is on.
        process_group: a group of `torch.distributed`; the default is the group of all processes.

    Raises:
        ValueError: there is no process group, or `device_ids` does not name where the module is.
        RuntimeError: no parameter requires a gradient.
    """

    def __init__(
        self, module: Module, device_ids: Any = None, output_device: Any = None, dim: int = 0,
        broadcast_buffers: bool | None = None, init_sync: bool = True, process_group: Any = None,
        bucket_cap_mb: float | None = None, find_unused_parameters: bool = False, check_reduction: bool = False,
        gradient_as_bucket_view: bool = False, static_graph: bool = False,
    ):  # fmt: skip
        from ...distributed import distributed_c10d as groups  # seldom needed

        super().__init__()
        self.process_group = groups._world() if process_group is None else process_group
        if not any(p.requires_grad for p in module.parameters()):
            raise RuntimeError(
                "DistributedDataParallel is not needed when a module doesn't have any parameter that requires a gradient."
            )
        used = {p.device for p in module.parameters()}
        if (device_ids or output_device is not None) and (
            len(used) > 1 or len(device_ids or ()) > 1 or {d.type for d in used} == {"cpu"}
        ):
            raise ValueError(
                "DistributedDataParallel device_ids and output_device arguments only work with "
                "single-device/multiple-device GPU modules or CPU modules, but got device_ids "
                f"{device_ids}, output_device {output_device}, and module parameters {used}."
            )
        self.module, self.dim = module, dim
        self.device_ids = list(device_ids) if device_ids else None
        self.output_device = output_device
        self.broadcast_buffers = broadcast_buffers in (None, True)
        self.find_unused_parameters, self.static_graph = find_unused_parameters, static_graph
        self.gradient_as_bucket_view = gradient_as_bucket_view
        self.require_backward_grad_sync = True

    @contextlib.contextmanager
    def no_sync(self) -> Iterator[None]:
        """Context in which backward only accumulates; with one process it always does."""
        before = self.require_backward_grad_sync
        self.require_backward_grad_sync = False
        try:
            yield
        finally:
            self.require_backward_grad_sync = before

    @contextlib.contextmanager
    def join(
        self, divide_by_initial_world_size: bool = True, enable: bool = True, **_: Any
    ) -> Iterator[None]:
        """Context for processes with unlike numbers of batches; there is one."""
        yield

    def forward(self, *inputs: Any, **kwargs: Any) -> Any:
        return self.module(*inputs, **kwargs)
