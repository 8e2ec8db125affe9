"""`torch.autograd.gradcheck`: compares gradients with finite differences."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from .._core.modes import enable_grad as _enable_grad
from .._core.modes import no_grad as _no_grad
from .._core.tensor import Tensor, from_numpy_copy
from ..ops.creation import zeros_like
from .function import Function
from .gradients import grad

__all__ = ["gradcheck", "gradgradcheck", "GradcheckError"]

_MSG_FAST = (
    "The above quantities relating the numerical and analytical jacobians are computed in fast mode. See: "
    "https://github.com/pytorch/pytorch/issues/53876 for more background about fast mode. Below, we recompute numerical "
    "and analytical jacobians in slow mode:\n\nNumerical:\n {}\nAnalytical:\n{}\n\nThe max per-element difference (slow "
    "mode) is: {}.\n"
)


class GradcheckError(RuntimeError):
    """Gradients do not agree, or the function cannot be checked."""


def gradcheck(
    func: Callable[..., Any], inputs: Any, *, eps: float = 1e-6, atol: float = 1e-5, rtol: float = 1e-3,
    raise_exception: bool = True, nondet_tol: float = 0.0, check_undefined_grad: bool = True,
    check_grad_dtypes: bool = False, check_batched_grad: bool = False, check_batched_forward_grad: bool = False,
    check_forward_ad: bool = False, check_backward_ad: bool = True, fast_mode: bool = False,
    masked: bool | None = None,
) -> bool:  # fmt: skip
    """Whether the gradients of `func` agree with central differences, for all inputs that require grad.

    Args:
        func: takes tensors, returns a tensor or a tuple of them.
        inputs: a tensor or a tuple; double precision, or the differences say little.
        eps: distance of the differences.
        atol: absolute tolerance.
        rtol: relative tolerance.
        raise_exception: raise where they do not agree, else return False.
        nondet_tol: how far two runs of backward may differ.
        check_undefined_grad: check that backward takes missing gradients.
        check_grad_dtypes: check that gradients have the dtypes of their inputs.
        check_batched_grad: check `grad(is_grads_batched=True)` against single rows.
        check_backward_ad: check backward; False leaves nothing to check.
        fast_mode: compare one random projection instead of every entry.

    Raises:
        GradcheckError: they do not agree.
        ValueError: no input requires grad.
        NotImplementedError: forward-mode checks are asked for.
    """
    if check_forward_ad or check_batched_forward_grad:
        raise NotImplementedError(
            "gradcheck(check_forward_ad=True) is not supported; check backward, or compare autograd.functional.jvp"
        )
    if not check_backward_ad:
        raise AssertionError("Expected at least one of check_forward_ad or check_backward_ad to be True")
    checker = _Checker(func, inputs, eps, atol, rtol, nondet_tol)
    try:
        return checker.run(check_undefined_grad, check_grad_dtypes, check_batched_grad, fast_mode)
    except GradcheckError:
        if raise_exception:
            raise
        return False


def gradgradcheck(
    func: Callable[..., Any], inputs: Any, grad_outputs: Any = None, *, eps: float = 1e-6, atol: float = 1e-5,
    rtol: float = 1e-3, gen_non_contig_grad_outputs: bool = False, raise_exception: bool = True,
    nondet_tol: float = 0.0, check_undefined_grad: bool = True, check_grad_dtypes: bool = False,
    check_batched_grad: bool = False, check_fwd_over_rev: bool = False, check_rev_over_rev: bool = True,
    fast_mode: bool = False, masked: bool = False,
) -> bool:  # fmt: skip
    """Whether the second derivatives of `func` agree with central differences of its gradients; see `gradcheck`.

    Args:
        grad_outputs: weights of the outputs; random ones by default.
        gen_non_contig_grad_outputs: random weights are views that are not contiguous.

    Raises:
        GradcheckError: they do not agree.
        NotImplementedError: forward-mode checks are asked for.
    """
    if check_fwd_over_rev:
        raise NotImplementedError(
            "gradgradcheck(check_fwd_over_rev=True) is not supported; use check_rev_over_rev"
        )
    if not check_rev_over_rev:
        raise AssertionError("Expected at least one of check_fwd_over_rev or check_rev_over_rev to be True")
    ins = _tuple(inputs)
    if grad_outputs is None:
        outs = _differentiable(func(*ins))
        rng = np.random.default_rng(0)
        weights = [_random_like(o, rng).requires_grad_() for o in outs]
        if gen_non_contig_grad_outputs:
            weights = [_spread(w).detach().requires_grad_() for w in weights]
    else:
        weights = list(_tuple(grad_outputs))
    n = len(weights)
    at = [i for i, x in enumerate(ins) if _wants(x)]

    def gradient(*args: Any) -> tuple[Any, ...]:
        own, w = args[:-n], args[-n:]
        own = tuple(x.requires_grad_() if i in at and not x.requires_grad else x for i, x in enumerate(own))
        found = grad(
            _differentiable(func(*own)), [own[i] for i in at], w, create_graph=True, allow_unused=True
        )
        return tuple(g for g in found if g is not None)

    return gradcheck(
        gradient, (*ins, *weights), eps=eps, atol=atol, rtol=rtol, raise_exception=raise_exception,
        nondet_tol=nondet_tol, check_undefined_grad=check_undefined_grad, check_grad_dtypes=check_grad_dtypes,
        check_batched_grad=check_batched_grad, fast_mode=fast_mode,
    )  # fmt: skip


# ---- tensors as NumPy arrays ----------------------------------------------------------------------


def _tuple(x: Any) -> tuple[Any, ...]:
    return tuple(x) if isinstance(x, (tuple, list)) else (x,)


def _wants(x: Any) -> bool:
    return isinstance(x, Tensor) and x.requires_grad


def _differentiable(x: Any) -> tuple[Tensor, ...]:
    return tuple(o for o in _tuple(x) if _wants(o))


def _array(t: Tensor) -> np.ndarray:
    return np.array(t.detach().cpu().numpy())


def _like(array: Any, t: Tensor) -> Tensor:
    return from_numpy_copy(np.asarray(array, t.dtype.jnp)).to(t.device)


def _random_like(t: Tensor, rng: np.random.Generator) -> Tensor:
    draw = rng.uniform(0.1, 1.1, t.shape)
    return _like(draw + 1j * rng.uniform(0.1, 1.1, t.shape) if t.is_complex() else draw, t)


def _spread(t: Tensor) -> Tensor:
    """The same values as a view that is not contiguous."""
    wide = zeros_like(t).unsqueeze(-1).repeat(*[1] * t.ndim, 2)
    wide[..., 0] = t.detach()
    return wide[..., 0]


def _parts(t: Any) -> list[complex]:
    """The directions in which an element of this dtype moves."""
    return [1, 1j] if t.is_complex() else [1]


# ---- the check ----------------------------------------------------------------------------------


class _Checker:
    """One gradcheck: the function, its inputs, and how closely derivatives must agree."""

    def __init__(self, func: Callable, inputs: Any, eps: float, atol: float, rtol: float, nondet_tol: float):
        self.func, self.ins = func, _tuple(inputs)
        self.eps, self.atol, self.rtol, self.nondet_tol = eps, atol, rtol, nondet_tol

    def run(self, undefined: bool, dtypes: bool, batched: bool, fast: bool) -> bool:
        """All checks, in PyTorch's order."""
        self._check_inputs(undefined)
        outs = self._outputs()
        if not outs:
            return self._check_constant()
        for i, o in enumerate(outs):
            (self._compare_fast if fast else self._compare)(i, o)
        if batched:
            self._check_batched(outs)
        self._check_backward_shapes(outs, dtypes)
        if undefined:
            self._check_undefined(outs)
        return True

    def _check_inputs(self, undefined: bool) -> None:
        found = False
        for i, x in enumerate(self.ins):
            if not _wants(x):
                continue
            if x.dtype.name not in ("float64", "complex128"):
                warnings.warn(
                    f"Input #{i} requires gradient and is not a double precision floating point or complex. This check "
                    "will likely fail if all the inputs are not of double precision floating point or complex. ",
                    stacklevel=4,
                )
            x.retain_grad()
            found = True
        if not found:
            raise ValueError(
                "gradcheck expects at least one input tensor to require gradient, but none of them have "
                "requires_grad=True."
            )

    def _outputs(self) -> tuple[Tensor, ...]:
        with _enable_grad():
            return _differentiable(self.func(*self.ins))

    def _wanted(self) -> list[tuple[int, Tensor]]:
        return [(i, x) for i, x in enumerate(self.ins) if _wants(x)]

    def _moved(self, at: int, move: np.ndarray) -> list[np.ndarray]:
        """All floating outputs with one input moved."""
        args = list(self.ins)
        x = self.ins[at]
        moved = _like(_array(x) + move, x)
        args[at] = moved if not x.requires_grad else moved.requires_grad_()
        with _enable_grad():
            outs = _tuple(self.func(*args))
        return [
            _array(o)
            for o in outs
            if isinstance(o, Tensor) and (o.requires_grad or o.is_floating_point() or o.is_complex())
        ]

    # finite differences and gradients of one output by one input, as matrices (input directions, output elements)

    def _column(self, at: int, index: int, move: np.ndarray) -> np.ndarray:
        up, down = self._moved(at, move), self._moved(at, -move)
        return (up[index] - down[index]).reshape(-1) / (2 * self.eps)

    def _analytical(self, out: Tensor, weight: Any = None, retain: bool = True) -> list[np.ndarray]:
        """For each wanted input and each element of the output, its gradient: arrays (elements, input size)."""
        wanted = [x for _, x in self._wanted()]
        found: list[list[np.ndarray]] = [[] for _ in wanted]
        for part in _parts(out):
            for k in range(out.numel()):
                w = np.zeros(out.numel(), complex if out.is_complex() else np.float64)
                w[k] = part
                grads = grad(
                    out, wanted, _like(w.reshape(out.shape), out), retain_graph=retain, allow_unused=True
                )
                for g, x, rows in zip(grads, wanted, found):
                    rows.append(np.zeros(x.numel(), x.dtype.jnp) if g is None else _array(g).reshape(-1))
        return [
            np.array(rows).reshape(len(_parts(out)), out.numel(), x.numel()) for rows, x in zip(found, wanted)
        ]

    def _jacobian(self, at: int, index: int, out: Tensor) -> np.ndarray:
        """Central differences in the form of `_analytical`: d<out, weight>/d input, by real directions."""
        x = self.ins[at]
        matrix = np.zeros(
            (len(_parts(out)), out.numel(), x.numel()), complex if x.is_complex() else np.float64
        )
        for k in range(x.numel()):
            for part in _parts(x):
                move = np.zeros(x.numel(), matrix.dtype)
                move[k] = self.eps * part
                change = self._column(at, index, move.reshape(x.shape))
                matrix[0, :, k] += np.real(change) * part
                if out.is_complex():
                    matrix[1, :, k] += np.imag(change) * part
        return matrix

    def _compare(self, index: int, out: Tensor) -> None:
        place = self._place(index)
        first = self._analytical(out)
        second = self._analytical(out)
        for (at, x), analytical, again in zip(self._wanted(), first, second):
            if not np.allclose(analytical, again, rtol=0, atol=self.nondet_tol, equal_nan=True):
                raise GradcheckError(
                    "Backward is not reentrant, i.e., running backward with same input and grad_output multiple times "
                    "gives different values, although analytical gradient matches numerical gradient."
                    f"The tolerance for nondeterminism was {self.nondet_tol}.\n\nNOTE: If your op relies on "
                    "non-deterministic operations i.e., it is listed here:\n"
                    "https://pytorch.org/docs/stable/generated/torch.use_deterministic_algorithms.html\nthis failure "
                    "might be expected."
                )
            numerical = self._jacobian(at, place, out)
            if not np.allclose(analytical, numerical, rtol=self.rtol, atol=self.atol, equal_nan=True):
                self._disagree(index, at, out, x, numerical, analytical)

    def _place(self, index: int) -> int:
        """Where the index-th differentiable output stands among the floating ones."""
        with _enable_grad():
            outs = [o for o in _tuple(self.func(*self.ins)) if isinstance(o, Tensor)]
        floating = [o for o in outs if o.requires_grad or o.is_floating_point() or o.is_complex()]
        return [i for i, o in enumerate(floating) if o.requires_grad][index]

    def _disagree(self, index: int, at: int, out: Tensor, x: Tensor, numerical: Any, analytical: Any) -> None:
        for part, (n, a) in enumerate(zip(numerical, analytical)):
            if np.allclose(a, n, rtol=self.rtol, atol=self.atol, equal_nan=True):
                continue
            prefix = ""
            if out.is_complex() or x.is_complex():
                which = "imaginary" if part else "real"
                prefix = (
                    f"While considering the {which} part of complex outputs only, "
                    if out.is_complex()
                    else "While considering the real part of complex inputs only, "
                )
            raise GradcheckError(
                f"{prefix}Jacobian mismatch for output {index:d} with respect to input {at:d},\n"
                f"numerical:{_like(n.T, x if x.is_complex() else out.real if out.is_complex() else out)}\n"
                f"analytical:{_like(a.T, x if x.is_complex() else out.real if out.is_complex() else out)}\n"
            )

    def _compare_fast(self, index: int, out: Tensor) -> None:
        place = self._place(index)
        rng = np.random.default_rng(0)
        weight = rng.standard_normal(out.numel())
        if out.is_complex():
            weight = weight + 1j * rng.standard_normal(out.numel())
        weight = weight / np.linalg.norm(weight)
        wanted = self._wanted()
        grads = grad(
            out,
            [x for _, x in wanted],
            _like(weight.reshape(out.shape), out),
            retain_graph=True,
            allow_unused=True,
        )
        for (at, x), g in zip(wanted, grads):
            direction = rng.standard_normal(x.numel())
            if x.is_complex():
                direction = direction + 1j * rng.standard_normal(x.numel())
            direction = direction / (np.linalg.norm(direction) or 1)
            change = self._column(at, place, (self.eps * direction).reshape(x.shape))
            numerical = np.real(change * np.conj(weight)).sum()
            own = np.zeros(x.numel()) if g is None else _array(g).reshape(-1)
            analytical = np.real(own * np.conj(direction)).sum()
            slack = self.atol * np.abs(np.outer(direction, weight)).sum()
            if not np.isclose(analytical, numerical, rtol=self.rtol, atol=slack):
                n, a = (
                    self._jacobian(at, place, out)[0],
                    self._analytical(out)[[i for i, _ in wanted].index(at)][0],
                )
                raise GradcheckError(
                    f"Jacobian mismatch for output {index:d} with respect to input {at:d},\n"
                    f"numerical:{numerical}\nanalytical:{analytical}\n\n"
                    + _MSG_FAST.format(n.T, a.T, np.abs(n - a).max())
                )

    # ---- what else backward must bear

    def _check_constant(self) -> bool:
        """No output requires grad: the derivatives must be zero."""
        with _no_grad():
            outs = [o for o in _tuple(self.func(*self.ins)) if isinstance(o, Tensor)]
        if not any(o.is_floating_point() or o.is_complex() for o in outs):
            return True
        for at, _ in self._wanted():
            for index, out in enumerate(o for o in outs if o.is_floating_point() or o.is_complex()):
                if np.abs(self._jacobian(at, index, out)).max(initial=0) > self.eps:
                    raise GradcheckError("Numerical gradient for function expected to be zero")
        return True

    def _check_batched(self, outs: tuple[Tensor, ...]) -> None:
        rng = np.random.default_rng(0)
        wanted = [x for _, x in self._wanted()]
        for o in outs:
            rows = [_random_like(o, rng) for _ in range(2)]
            batch = _like(np.stack([_array(r) for r in rows]), o)
            together = grad(o, wanted, batch, retain_graph=True, is_grads_batched=True, allow_unused=True)
            for k, row in enumerate(rows):
                for g, own in zip(together, grad(o, wanted, row, retain_graph=True, allow_unused=True)):
                    if g is not None and own is not None and not np.allclose(_array(g[k]), _array(own)):
                        raise GradcheckError(
                            "grad(is_grads_batched=True) differs from the gradient of a single row"
                        )

    def _check_backward_shapes(self, outs: tuple[Tensor, ...], dtypes: bool) -> None:
        wanted = self._wanted()
        weights = [zeros_like(o) for o in outs]
        grads = grad(outs, [x for _, x in wanted], weights, retain_graph=True, allow_unused=True)
        for g, (_, x) in zip(grads, wanted):
            if g is None:
                continue
            if not np.all(_array(g) == 0):
                raise GradcheckError("backward not multiplied by grad_output")
            if dtypes and g.dtype is not x.dtype:
                raise GradcheckError("grad is incorrect type (and requires)")
            if g.shape != x.shape:
                raise GradcheckError("grad is incorrect size")

    def _check_undefined(self, outs: tuple[Tensor, ...]) -> None:
        """Backward must take missing gradients: all of them, and one at a time."""
        for missing in self._missing(len(outs)):
            for g in self._with_missing(missing):
                if g is not None and not np.all(_array(g) == 0):
                    raise GradcheckError(
                        "Expected all input grads to be undefined or zero when all output grads are undefined or zero. "
                        "Please look at 'Notes about undefined output gradients' in "
                        "'tools/autograd/derivatives.yaml'"
                    )

    @staticmethod
    def _missing(n: int) -> Iterator[set[int]]:
        yield set(range(n))
        if n > 1:
            yield from ({i} for i in range(n))

    def _with_missing(self, missing: set[int]) -> tuple[Tensor | None, ...]:
        class Undefined(Function):
            """The identity whose gradient is missing for some outputs and zero for the others."""

            @staticmethod
            def forward(ctx: Any, *tensors: Tensor) -> tuple[Tensor, ...]:
                return tuple(t.clone() for t in tensors)

            @staticmethod
            def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
                return tuple(None if i in missing else zeros_like(g) for i, g in enumerate(grads))

        outs = Undefined.apply(*self._outputs())
        try:
            return grad(
                outs, [x for _, x in self._wanted()], [zeros_like(o) for o in outs], allow_unused=True
            )
        except RuntimeError as e:
            raise GradcheckError(
                "Expected backward function to handle undefined output grads. Please look at 'Notes about undefined "
                "output gradients' in 'tools/autograd/derivatives.yaml'"
            ) from e
