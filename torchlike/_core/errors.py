"""Exception types of PyTorch that Python does not have, and wording shared by several parts."""

from __future__ import annotations


class OutOfMemoryError(RuntimeError):
    """The device had no room for a result (`torch.OutOfMemoryError`)."""


class TorchlikeWarning(UserWarning):
    """Advice about speed (recompiles and the like), never about results."""


MSG_TWO_DEVICES = "Expected all tensors to be on the same device, but found at least two devices, {} and {}!"
MSG_LEAF_INPLACE = "a leaf Variable that requires grad is being used in an in-place operation."
MSG_LEAF_VIEW_INPLACE = "a view of a leaf Variable that requires grad is being used in an in-place operation."
MSG_FREED = (
    "Trying to backward through the graph a second time (or directly access saved tensors after they have "
    "already been freed). Saved intermediate values of the graph are freed when you call .backward() or "
    "autograd.grad(). Specify retain_graph=True if you need to backward through the graph a second time or if "
    "you need to access saved tensors after calling backward."
)
MSG_NO_GRAD_FN = "element 0 of tensors does not require grad and does not have a grad_fn"
MSG_INPLACE_SAVED = (
    "one of the variables needed for gradient computation has been modified by an inplace operation: "
    "[{type} {shape}]{producer} is at version {now}; expected version {then} instead. Hint: enable anomaly "
    "detection to find the operation that failed to compute its gradient, with "
    "torch.autograd.set_detect_anomaly(True, check_nan=False)."
)
