"""Instance normalization."""

from __future__ import annotations

import warnings
from typing import Any

from ..._core.tensor import Tensor
from .. import functional as F
from .batchnorm import _LazyNormBase, _NormBase

__all__ = [
    "InstanceNorm1d", "InstanceNorm2d", "InstanceNorm3d", "LazyInstanceNorm1d", "LazyInstanceNorm2d",
    "LazyInstanceNorm3d",
]  # fmt: skip


class _InstanceNorm(_NormBase):
    """Normalizes each channel of each sample over its spatial dimensions.

    Args:
        num_features: number of channels C.
        eps: added to the variance.
        momentum: share of the new batch in the running statistics.
        affine: whether to have weight and bias per channel.
        track_running_stats: whether to keep running statistics and use them in evaluation.
        bias: with `affine`, whether to have a bias.
    """

    def __init__(
        self, num_features: int, eps: float = 1e-5, momentum: float = 0.1, affine: bool = False,
        track_running_stats: bool = False, device: Any = None, dtype: Any = None, *, bias: bool = True,
    ):  # fmt: skip
        super().__init__(num_features, eps, momentum, affine, track_running_stats, device, dtype, bias=bias)

    def _channel_dim(self, input: Tensor) -> int:
        return input.dim() - (self._dims[1] - 1)  # the unbatched form has it first

    def forward(self, input: Tensor) -> Tensor:
        self._check_input_dim(input)
        dim = self._channel_dim(input)
        if input.size(dim) != self.num_features:
            if self.affine:
                raise ValueError(
                    f"expected input's size at dim={dim} to match num_features"
                    f" ({self.num_features}), but got: {input.size(dim)}."
                )
            warnings.warn(
                f"input's size at dim={dim} does not match num_features. "
                "You can silence this warning by not passing in num_features, "
                "which is not used because affine=False"
            )
        unbatched = dim == 0
        out = F.instance_norm(
            input.unsqueeze(0) if unbatched else input,
            self.running_mean,
            self.running_var,
            self.weight,
            self.bias,
            self.training or not self.track_running_stats,
            self.momentum if self.momentum is not None else 0.0,
            self.eps,
        )
        return out.squeeze(0) if unbatched else out

    def _load_from_state_dict(
        self, state_dict: Any, prefix: str, local_metadata: Any, strict: bool, missing_keys: Any,
        unexpected_keys: Any, error_msgs: list[str],
    ) -> None:  # fmt: skip
        if local_metadata.get("version", None) is None and not self.track_running_stats:
            # before 0.4.0 the statistics were always kept, though unused
            old = [prefix + n for n in ("running_mean", "running_var") if prefix + n in state_dict]
            if old:
                names = " and ".join(f'"{k}"' for k in old)
                error_msgs.append(
                    f"Unexpected running stats buffer(s) {names} for {type(self).__name__} with "
                    "track_running_stats=False. If state_dict is a checkpoint saved before 0.4.0, this "
                    "may be "
                    f"expected because {type(self).__name__} does not track running stats by default "
                    "since 0.4.0. "
                    "Please remove these keys from state_dict. If the running stats are actually needed, "
                    "instead "
                    f"set track_running_stats=True in {type(self).__name__} to enable them. See the "
                    "documentation "
                    f"of {type(self).__name__} for details."
                )
                for key in old:
                    state_dict.pop(key)
        super()._load_from_state_dict(
            state_dict, prefix, local_metadata, strict, missing_keys, unexpected_keys, error_msgs
        )


class InstanceNorm1d(_InstanceNorm):
    __doc__ = f"{_InstanceNorm.__doc__}\n    Shape: (N, C, L) or (C, L)."
    _dims, _dims_text = (2, 3), "2D or 3D"


class InstanceNorm2d(_InstanceNorm):
    __doc__ = f"{_InstanceNorm.__doc__}\n    Shape: (N, C, H, W) or (C, H, W)."
    _dims, _dims_text = (3, 4), "3D or 4D"


class InstanceNorm3d(_InstanceNorm):
    __doc__ = f"{_InstanceNorm.__doc__}\n    Shape: (N, C, D, H, W) or (C, D, H, W)."
    _dims, _dims_text = (4, 5), "4D or 5D"


class _LazyInstance(_LazyNormBase):
    def _channel_dim(self: Any, input: Tensor) -> int:
        return _InstanceNorm._channel_dim(self, input)


class LazyInstanceNorm1d(_LazyInstance, _InstanceNorm):
    """InstanceNorm1d without `num_features`."""

    cls_to_become = InstanceNorm1d
    _dims, _dims_text = InstanceNorm1d._dims, InstanceNorm1d._dims_text


class LazyInstanceNorm2d(_LazyInstance, _InstanceNorm):
    """InstanceNorm2d without `num_features`."""

    cls_to_become = InstanceNorm2d
    _dims, _dims_text = InstanceNorm2d._dims, InstanceNorm2d._dims_text


class LazyInstanceNorm3d(_LazyInstance, _InstanceNorm):
    """InstanceNorm3d without `num_features`."""

    cls_to_become = InstanceNorm3d
    _dims, _dims_text = InstanceNorm3d._dims, InstanceNorm3d._dims_text
