"""Exception types of PyTorch that Python does not have, and wording shared by several parts."""

from __future__ import annotations

import warnings
from typing import Any


class OutOfMemoryError(RuntimeError):
    """The device had no room for a result (`torch.OutOfMemoryError`)."""


class AcceleratorError(RuntimeError):
    """An accelerator failed while it computed (`torch.AcceleratorError`)."""


class FatalError(Exception):
    """An error after which the process cannot go on (`torch.FatalError`)."""


class TorchlikeWarning(UserWarning):
    """Advice about speed (recompiles and the like), never about results."""


class Repeats:
    """Whether a warning that PyTorch gives once per process is given each time (`torch.set_warn_always`)."""

    always = False
    given: set[str] = set()


def warn_once(text: str, stacklevel: int = 3, category: type[Warning] = UserWarning) -> None:
    """A warning the first time, or each time if the user wants that."""
    if Repeats.always or text not in Repeats.given:
        Repeats.given.add(text)
        warnings.warn(text, category, stacklevel=stacklevel)


MSG_GRAD_TO_SCALAR = (
    "Converting a tensor with requires_grad=True to a scalar may lead to unexpected behavior.\nConsider using "
    "tensor.detach() first."
)
MSG_TWO_DEVICES = "Expected all tensors to be on the same device, but found at least two devices, {} and {}!"
MSG_META = "Tensor on device {} is not on the expected device {}!"
MSG_NO_DATA = "Cannot copy out of meta tensor; no data!"
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
    "[{type} {shape}]{producer} is at version {now}; expected version {then} instead. Hint: {hint}"
)
MSG_HINT_ANOMALY = (
    "enable anomaly detection to find the operation that failed to compute its gradient, with "
    "torch.autograd.set_detect_anomaly(True, check_nan=False)."
)
MSG_HINT_BACKTRACE = (
    "the backtrace further above shows the operation that failed to compute its gradient. The variable in question was "
    "changed in there or anywhere later. Good luck!"
)
MSG_NO_GRAD_VIEW = (
    "A view was created in no_grad mode and is being modified inplace with grad mode enabled. Given that this use "
    "case is ambiguous and error-prone, it is forbidden. You can clarify your code by moving both the view and the "
    "inplace either both inside the no_grad block (if you don't want the inplace to be tracked) or both outside (if "
    "you want the inplace to be tracked)."
)
MSG_REPEATED = (
    "unsupported operation: more than one element of the written-to tensor refers to a single memory location. Please "
    "clone() the tensor before performing the operation."
)
MSG_MANY_VIEWS = (
    " This view is the output of a function that returns multiple views. Such functions do not allow the output views to "
    "be modified inplace. You should replace the inplace operation by an out-of-place one."
)
MSG_NO_GRAD_WRITTEN = (
    "A view was created in no_grad mode and is being modified inplace with grad mode enabled."
    + MSG_MANY_VIEWS
)
MSG_FUNCTION_VIEW = (
    "Output {index} of {name} is a view and is being modified inplace. This view was created inside a custom Function "
    "(or because an input was returned as-is) and the autograd logic to handle view+inplace would override the custom "
    "backward associated with the custom Function, leading to incorrect gradients. This behavior is forbidden. You can "
    "fix this by cloning the output of the custom Function."
)
MSG_INFERENCE_VIEW = (
    "A view was created in inference mode and is being modified inplace in normal mode. Given that this use case is "
    "ambiguous and error-prone, it is forbidden. You can clarify your code by moving both the view and the inplace "
    "either both inside the inference_mode block (if you don't want the inplace to be tracked) or both outside (if you "
    "want the inplace to be tracked)."
)
MSG_INFERENCE_SAVED = (
    "Inference tensors cannot be saved for backward. Please do not use Tensors created in inference mode in computation "
    "tracked by autograd. To work around this, you can make a clone to get a normal tensor and use it in autograd, or "
    "use `torch.no_grad()` instead of `torch.inference_mode()`."
)
MSG_INFERENCE_INPLACE = (
    "Inplace update to inference tensor outside InferenceMode is not allowed."
    "You can make a clone to get a normal tensor before doing inplace update."
    "See https://github.com/pytorch/rfcs/pull/17 for more details."
)
MSG_GRADIENT_SHAPE = (
    "Function {} returned an invalid gradient at index {} - got {} but expected shape compatible with {}"
)
MSG_GRAD_DTYPE = (
    "attempting to assign a gradient with dtype '{}' to a tensor with grad_dtype '{}'. The gradient must match the "
    "tensor's grad_dtype (defaults to the tensor's dtype). You can set the tensor's grad_dtype attribute with a specific "
    "dtype, or None to allow any dtype. Set grad_dtype with caution. Diverging the dtypes of a tensor and its gradient may "
    "break downstream systems that assume they match."
)
MSG_DETACH_VIEW = (
    "Can't detach views in-place. Use detach() instead. If you are using DistributedDataParallel (DDP) for training, "
    "and gradient_as_bucket_view is set as True, gradients are views of DDP buckets, and hence detach_() cannot be "
    "called on these gradients. To fix this error, please refer to the Optimizer.zero_grad() function in "
    "torch/optim/optimizer.py as the solution."
)
MSG_CREATE_GRAPH = (
    "Using backward() with create_graph=True will create a reference cycle between the parameter and its gradient "
    "which can cause a memory leak. We recommend using autograd.grad when creating the graph to avoid this. If you "
    "have to use this function, make sure to reset the .grad fields of your parameters to None after use to break the "
    "cycle and avoid the leak."
)


class ManyViews(int):
    """Trait of a view, one of many that an operator returned (the number says which): it must not be written."""

    def written(self, node: Any) -> RuntimeError:
        """The error of writing it in place; `node` is its history, if it has one."""
        if node.__class__ is StaleView:
            node = node.lost
        if node is None:
            return RuntimeError(MSG_NO_GRAD_WRITTEN)
        return RuntimeError(self._named(node) + "is being modified inplace." + MSG_MANY_VIEWS)

    def stale(self, node: Any) -> RuntimeError:
        """The error of using its history after a write to its memory."""
        how = "its base or another view of its base has been modified inplace"
        if node is None:
            return RuntimeError(
                f"A view was created in no_grad mode and {how} with grad mode enabled.{MSG_MANY_VIEWS}"
            )
        return RuntimeError(f"{self._named(node)}{how}.{MSG_MANY_VIEWS}")

    def _named(self, node: Any) -> str:
        return f"Output {int(self)} of {node.plain_name().removesuffix('Backward0')} is a view and "


def stale_view(text: str) -> RuntimeError:
    """The error of using the history of a view made outside the tape; `text` is that of writing it."""
    how = "its base or another view of its base has been modified inplace"
    return RuntimeError(text.replace("is being modified inplace", how))


class StaleView:
    """In place of a Node where a view, one of many, lost its history: its memory was written.

    Whatever wants the history raises; the data may still be read.

    Args:
        error: what it raises.
        lost: the Node that the view had.
    """

    def __init__(self, error: RuntimeError, lost: Any):
        self._error, self.lost = error, lost

    def __getattr__(self, name: str) -> Any:
        raise RuntimeError(*self._error.args)
