#!/usr/bin/env python3
"""How much of PyTorch's behaviour does a module reproduce?

PyTorch ships, inside its wheel, the sample inputs that its own test suite uses:
`op_db` (about 700 operators), `module_db` (114 modules), `optim_db` (15
optimizers). This program feeds them to torch and to the module under test and
compares values, dtypes, gradients and errors.

    conform.py ops     [--lib torchlike] [-k REGEX] [--samples N] [--no-grad] ...
    conform.py dtypes  every operator once in each dtype it supports in torch
    conform.py errors  bad inputs: same exception type, matching message
    conform.py inplace method and in-place variants against the function
    conform.py modules forward + input and parameter gradients of torch.nn
    conform.py optim   five steps of every optimizer configuration
    conform.py api     public names, signatures and their positional order

Each prints one line per failing entry (-v for the reason) and closes with
`KIND: P of N entries pass (Q of M samples)`. --json FILE writes every result.
Needs torch==2.13.0 beside the module under test. `--lib torch` checks the
program itself: every kind must then pass in full.
"""

from __future__ import annotations

import argparse
import collections
import contextlib
import importlib
import inspect
import itertools
import json
import re
import signal
import sys
import time
import traceback
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
from bridge import Bridge, Untranslatable, leaves, lib_leaves

warnings.filterwarnings("ignore")

# Entries that test a CUDA-only or TorchScript-only mechanism, private aten
# overloads, or values that are undefined by contract (uninitialised memory).
EXCLUDED = re.compile(
    r"jiterator|^_refs|^torch\.ops\.aten|^_batch_norm_with_update|^_native_batch_norm"
    r"|^native_|_backward|^_softmax_backward|^_unsafe_masked|^_segment_reduce|^_chunk_cat"
    r"|^_upsample|^slice$|_scaled_mm|^hash_tensor|triton|^to_sparse|^sparse\.|linear_cross_entropy"
)
# Only shape and dtype can agree: random draws, or memory nobody wrote.
SHAPE_ONLY = re.compile(
    r"^(empty|new_empty|empty_like|empty_strided|empty_permuted|new_empty_strided|resize_|resize_as_"
    r"|bernoulli|multinomial|normal|rand|randn|randint|rand_like|randn_like|randint_like|randperm"
    r"|cauchy|exponential|geometric|log_normal|uniform|svd_lowrank|pca_lowrank)"
    r"|dropout|rrelu|fractional_max_pool"
)


class Result:
    """Outcome of one entry: how many samples passed, and the first failure."""

    def __init__(self, name: str):
        self.name, self.passed, self.total, self.skipped, self.reason = name, 0, 0, 0, ""

    @property
    def ok(self) -> bool:
        return self.total > 0 and self.passed == self.total

    def check(self, body: Callable[[], None], seconds: int) -> None:
        try:
            with time_limit(seconds):
                body()
        except Untranslatable:
            self.skipped += 1
            return
        except BaseException as e:  # noqa: BLE001 - every failure is a finding
            if isinstance(e, KeyboardInterrupt):
                raise
            self.total += 1
            if not self.reason:
                frames = traceback.extract_tb(e.__traceback__)
                where = f" [{frames[-1].filename.split('/')[-1]}:{frames[-1].lineno}]" if frames else ""
                self.reason = f"{type(e).__name__}: {str(e).strip()[:400]}{where}"
            return
        self.total += 1
        self.passed += 1


@contextlib.contextmanager
def time_limit(seconds: int) -> Iterator[None]:
    def ring(*_: Any) -> None:
        raise TimeoutError(f"over {seconds} s")

    old = signal.signal(signal.SIGALRM, ring)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, old)


def close(got: Any, want: Any, dtype: torch.dtype, shape_only: bool, scale: float = 1.0) -> None:
    """Raises AssertionError unless the two nested results agree."""
    g, w = leaves(got), leaves(want)
    if len(g) != len(w):
        raise AssertionError(f"{len(g)} tensors returned, expected {len(w)}")
    for a, b in zip(g, w):
        b = b.detach()
        if b.layout is not torch.strided:
            raise Untranslatable("sparse result")
        if tuple(a.shape) != tuple(b.shape):
            raise AssertionError(f"shape {tuple(a.shape)}, expected {tuple(b.shape)}")
        if a.dtype != b.dtype:
            raise AssertionError(f"dtype {a.dtype}, expected {b.dtype}")
        if not shape_only:
            rtol, atol = TOLERANCE.get(b.dtype, (0, 0))
            torch.testing.assert_close(
                a, b.resolve_conj().resolve_neg(), rtol=rtol * scale, atol=atol * scale, equal_nan=True
            )
    if not g and not w and not isinstance(want, (tuple, list, dict)):
        if (
            isinstance(want, (int, float, complex, bool))
            and got != want
            and not (got != got and want != want)
        ):
            raise AssertionError(f"{got!r}, expected {want!r}")


TOLERANCE = {
    torch.float32: (2e-4, 2e-5),
    torch.complex64: (2e-4, 2e-5),
    torch.float64: (1e-7, 1e-8),
    torch.complex128: (1e-7, 1e-8),
    torch.float16: (1e-2, 1e-3),
    torch.bfloat16: (3e-2, 2e-2),
    torch.complex32: (1e-2, 1e-2),
}


def entry_name(op: Any) -> str:
    return op.name + (f".{op.variant_test_name}" if op.variant_test_name else "")


def resolve(lib: Any, op: Any, bridge: Bridge) -> Callable[..., Any]:
    """The module's counterpart of op: by qualified name, else by rebinding its lambda."""
    fn = op.op
    own_lambda = inspect.isfunction(fn) and fn.__module__.startswith("torch.testing")
    if not own_lambda:
        for root in (lib, lib.Tensor):
            target: Any = root
            for part in op.name.split("."):
                target = getattr(target, part, None)
                if target is None:
                    break
            if callable(target):
                return target
        if isinstance(getattr(lib.Tensor, op.name, None), property):
            return lambda x: getattr(x, op.name)
        if not inspect.isfunction(fn):
            raise AttributeError(f"no {op.name}")
        if not isinstance(getattr(fn, "__module__", ""), str) or "torch.testing" not in fn.__module__:
            raise AttributeError(f"no {op.name}")
    return bridge.retarget(fn)


def pick_dtype(op: Any) -> torch.dtype:
    for d in (torch.float32, torch.float64, torch.int64, torch.complex64, torch.bool):
        if d in op.dtypes:
            return d
    return sorted(op.dtypes, key=str)[0]


def limited(samples: Iterator[Any], n: int) -> list[Any]:
    """At most n samples, spread over the list so that late variants count too."""
    everything = list(samples)
    if n <= 0 or len(everything) <= n:
        return everything
    step = len(everything) / n
    return [everything[int(i * step)] for i in range(n)]


def run_sample(
    op: Any,
    sample: Any,
    bridge: Bridge,
    dtype: torch.dtype,
    grad: bool,
    shape_only: bool,
    call: Callable[..., Any] | None = None,
    scale: float = 1.0,
) -> None:
    """One sample through both libraries: values first, then gradients."""
    lib = bridge.lib
    mine = call or resolve(lib, op, bridge)
    args = bridge.to_lib([sample.input, *sample.args])
    kwargs = bridge.to_lib(sample.kwargs)
    if lib is torch:  # self-check: the bridge must not share state with the reference
        torch.manual_seed(0)
    want = op.op(sample.input, *sample.args, **sample.kwargs)
    if lib is torch:
        torch.manual_seed(0)
    got = mine(*args, **kwargs)
    post = sample.output_process_fn_grad
    if post is not None and not shape_only:
        want_p = post(want)
        got_p = bridge.retarget(post)(got)
    else:
        want_p, got_p = want, got
    close(bridge.to_ref(got_p), want_p, dtype, shape_only, scale)
    if not grad or shape_only or not op.supports_autograd or not dtype.is_floating_point:
        return
    ref_in = [t for t in leaves([sample.input, *sample.args, sample.kwargs]) if t.requires_grad and t.is_leaf]
    lib_in = [t for t in lib_leaves([*args, kwargs], lib.Tensor) if t.requires_grad]
    ref_out = [t for t in leaves(want_p) if t.requires_grad and t.is_floating_point()]
    lib_out = [t for t in lib_leaves(got_p, lib.Tensor) if t.requires_grad and t.is_floating_point()]
    if len(ref_out) != len(lib_out):
        raise AssertionError(f"{len(lib_out)} outputs require grad, expected {len(ref_out)}")
    if not ref_out or len(ref_in) != len(lib_in):
        return
    rng = np.random.RandomState(0)
    cts = [torch.from_numpy(np.asarray(rng.uniform(0.5, 1.5, t.shape))).to(t.dtype) for t in ref_out]
    ref_g = torch.autograd.grad(ref_out, ref_in, cts, allow_unused=True)
    lib_g = lib.autograd.grad(lib_out, lib_in, bridge.to_lib(cts), allow_unused=True)
    for a, b in zip(lib_g, ref_g):
        if b is None or a is None:
            if (
                (b is None) != (a is None)
                and not (b is None and float(abs(a).sum()) == 0.0)
                and not (a is None and float(b.abs().sum()) == 0.0)
            ):
                raise AssertionError("gradient is None on one side only")
            continue
        close(bridge.to_ref(a), b, dtype, False, 5 * scale)


# ---- kinds -------------------------------------------------------------------------


def ops(o: argparse.Namespace, bridge: Bridge) -> Iterator[Result]:
    for op in selected_ops(o):
        r = Result(entry_name(op))
        dtype = pick_dtype(op)
        torch.manual_seed(0)
        try:
            samples = limited(
                op.sample_inputs(
                    "cpu", dtype, requires_grad=op.supports_autograd and dtype.is_floating_point
                ),
                o.samples,
            )
        except Exception:  # the reference itself cannot build them on this machine
            continue
        shape_only = bool(SHAPE_ONLY.search(op.name))
        for s in samples:
            r.check(lambda: run_sample(op, s, bridge, dtype, not o.no_grad, shape_only), o.seconds)
        if r.total:
            yield r


def dtypes(o: argparse.Namespace, bridge: Bridge) -> Iterator[Result]:
    for op in selected_ops(o):
        r = Result(entry_name(op))
        shape_only = bool(SHAPE_ONLY.search(op.name))
        for dtype in sorted(op.dtypes, key=str):
            if (
                dtype in (torch.complex32, torch.float16)
                or "float8" in str(dtype)
                or not hasattr(bridge.lib, str(dtype).split(".")[-1])
            ):
                continue
            torch.manual_seed(0)
            try:
                s = next(iter(op.sample_inputs("cpu", dtype)))
                op.op(s.input, *s.args, **s.kwargs)
            except Exception:
                continue
            r.check(lambda: run_sample(op, s, bridge, dtype, False, shape_only), o.seconds)
        if r.total:
            yield r


def raises_through(bridge: Bridge, op: Any, s: Any, c: Any) -> bool:
    """Whether torch itself still raises once the sample has been copied."""
    try:
        args, kwargs = bridge.to_lib([s.input, *s.args]), bridge.to_lib(s.kwargs)
        resolve(torch, op, bridge)(*args, **kwargs)
    except c.error_type as e:
        return bool(re.search(c.error_regex, str(e)))
    except Exception:  # noqa: BLE001
        return False
    return False


def errors(o: argparse.Namespace, bridge: Bridge) -> Iterator[Result]:
    reference = Bridge(torch)
    for op in selected_ops(o):
        if op.error_inputs_func is None:
            continue
        r = Result(entry_name(op))
        try:
            cases = list(op.error_inputs("cpu"))
        except Exception:
            continue
        for c in cases:
            s = c.sample_input

            def body(s: Any = s, c: Any = c) -> None:
                if not raises_through(reference, op, s, c):
                    raise Untranslatable("the error needs memory overlap or the like, which copies lose")
                args, kwargs = bridge.to_lib([s.input, *s.args]), bridge.to_lib(s.kwargs)
                mine = resolve(bridge.lib, op, bridge)
                try:
                    mine(*args, **kwargs)
                except Exception as e:  # noqa: BLE001
                    if not isinstance(e, c.error_type):
                        raise AssertionError(
                            f"raised {type(e).__name__}({str(e)[:120]!r}), expected {c.error_type}"
                        ) from e
                    if not re.search(c.error_regex, str(e)):
                        raise AssertionError(
                            f"message {str(e)[:160]!r}, expected /{c.error_regex[:120]}/"
                        ) from e
                    return
                raise AssertionError(f"no error, expected {c.error_type} /{c.error_regex[:120]}/")

            r.check(body, o.seconds)
        if r.total:
            yield r


def inplace(o: argparse.Namespace, bridge: Bridge) -> Iterator[Result]:
    for op in selected_ops(o):
        variants = [v for v in (op.get_method(), op.get_inplace()) if v is not None]
        if not variants:
            continue
        r = Result(entry_name(op))
        dtype = pick_dtype(op)
        torch.manual_seed(0)
        try:
            samples = limited(op.sample_inputs("cpu", dtype), min(o.samples, 3) or 3)
        except Exception:
            continue
        for v, s in itertools.product(variants, samples):
            name = getattr(v, "__name__", "<lambda>")
            if (
                not hasattr(torch.Tensor, name)
                or not isinstance(s.input, torch.Tensor)
                or SHAPE_ONLY.search(op.name)
            ):
                continue
            fresh = s.input.detach().clone()
            try:
                want = v(fresh, *s.args, **s.kwargs)
            except Exception:
                continue  # not a legal call in torch either

            def body(s: Any = s, name: str = name, want: Any = want, fresh: torch.Tensor = fresh) -> None:
                x, *args = bridge.to_lib([s.input.detach(), *s.args])
                got = getattr(x, name)(*args, **bridge.to_lib(s.kwargs))
                close(bridge.to_ref(got), want, dtype, False)
                if name.endswith("_") and not name.startswith("__"):
                    close(bridge.to_ref(x), fresh, dtype, False)
                    if got is not x:
                        raise AssertionError(f"{name} did not return its own tensor")

            r.check(body, o.seconds)
        if r.total:
            yield r


def modules(o: argparse.Namespace, bridge: Bridge) -> Iterator[Result]:
    from torch.testing._internal.common_modules import module_db

    for info in module_db:
        if o.k and not re.search(o.k, info.name) or re.search("LinearCrossEntropy|Fractional", info.name):
            continue
        r = Result(info.name)
        for training in (True, False):
            torch.manual_seed(0)
            try:
                inputs = limited(
                    info.module_inputs_func(
                        info, device="cpu", dtype=torch.float32, requires_grad=True, training=training
                    ),
                    o.samples,
                )
            except Exception:
                continue
            for m in inputs:
                r.check(lambda: run_module(info, m, bridge, training), o.seconds)
        if r.total:
            yield r


def run_module(info: Any, m: Any, bridge: Bridge, training: bool) -> None:
    lib = bridge.lib
    cargs, ckw = m.constructor_input.args, m.constructor_input.kwargs
    fargs, fkw = m.forward_input.args, m.forward_input.kwargs
    if any(k in ("device",) for k in ckw):
        ckw = {k: v for k, v in ckw.items() if k != "device"}
    torch.manual_seed(0)
    ref = info.module_cls(*cargs, **ckw)
    target: Any = lib
    for part in info.name.split("."):
        target = getattr(target, part)
    mine = target(*bridge.to_lib(list(cargs)), **bridge.to_lib(dict(ckw)))
    ref.train(training)
    mine.train(training)
    ref_args, lib_args = list(fargs), bridge.to_lib(list(fargs))
    lib_kw = bridge.to_lib(dict(fkw))
    lazy = "Lazy" in info.name
    if lazy:  # the first call makes the parameters
        ref(*ref_args, **fkw)
        mine(*lib_args, **lib_kw)
    mine.load_state_dict({k: bridge.tensor(v) for k, v in ref.state_dict().items()})
    torch.manual_seed(0)
    want = ref(*ref_args, **fkw)
    if any(t.is_floating_point() and t.isnan().any() for t in leaves(want)):
        raise Untranslatable("the sample itself is out of the function's domain")
    if lib is torch:
        torch.manual_seed(0)
    got = mine(*lib_args, **lib_kw)
    random = training and (re.search(r"Dropout|RReLU|Fractional", info.name) or getattr(ref, "dropout", 0))
    random = (
        random
        or any(getattr(x, "p", 0) and "Dropout" in type(x).__name__ for x in ref.modules())
        and training
    )
    close(bridge.to_ref(got), want, torch.float32, bool(random), 5)
    if random:
        return
    ref_out = [t for t in leaves(want) if t.requires_grad and t.is_floating_point()]
    lib_out = [t for t in lib_leaves(got, lib.Tensor) if t.requires_grad and t.is_floating_point()]
    if len(ref_out) != len(lib_out):
        raise AssertionError(f"{len(lib_out)} outputs require grad, expected {len(ref_out)}")
    if not ref_out:
        return
    ref_in = [t for t in leaves([ref_args, fkw]) if t.requires_grad] + list(ref.parameters())
    lib_in = [t for t in lib_leaves([lib_args, lib_kw], lib.Tensor) if t.requires_grad] + list(
        mine.parameters()
    )
    if len(ref_in) != len(lib_in):
        raise AssertionError(f"{len(lib_in)} differentiable inputs and parameters, expected {len(ref_in)}")
    ref_g = torch.autograd.grad([t.sum() for t in ref_out], ref_in, allow_unused=True)
    lib_g = lib.autograd.grad([t.sum() for t in lib_out], lib_in, allow_unused=True)
    for a, b in zip(lib_g, ref_g):
        if a is not None and b is not None:
            close(bridge.to_ref(a), b, torch.float32, False, 50)
        elif (a is None) != (b is None):
            other = a if a is not None else b
            if float(abs(other).sum()) != 0.0:
                raise AssertionError("gradient is None on one side only")
    buffers = {k: bridge.ref_tensor(v) for k, v in mine.state_dict().items()}
    for k, v in ref.state_dict().items():
        close(buffers[k], v, torch.float32, False, 5)


def optim(o: argparse.Namespace, bridge: Bridge) -> Iterator[Result]:
    from torch.testing._internal.common_optimizers import optim_db

    for info in optim_db:
        name = info.optim_cls.__name__
        if o.k and not re.search(o.k, name):
            continue
        r = Result(f"optim.{name}")
        for cfg in info.optim_inputs_func(device=torch.device("cpu")):
            kw = {
                k: v
                for k, v in cfg.kwargs.items()
                if k not in ("foreach", "fused", "capturable", "differentiable")
            }
            r.check(lambda: run_optim(name, info, kw, bridge), o.seconds)
        yield r


def run_optim(name: str, info: Any, kw: dict[str, Any], bridge: Bridge) -> None:
    lib = bridge.lib
    rng = np.random.RandomState(0)
    shapes = [(4, 3), (5, 4)] if name == "Muon" else [(4, 3), (4,), ()]
    start = [np.asarray(rng.randn(*s), dtype=np.float32) for s in shapes]
    ref_p = [torch.nn.Parameter(torch.tensor(a)) for a in start]
    lib_p = [lib.nn.Parameter(lib.tensor(a)) for a in start]
    lib_kw = bridge.to_lib(kw)
    ref_opt, lib_opt = info.optim_cls(ref_p, **kw), getattr(lib.optim, name)(lib_p, **lib_kw)
    sparse = name == "SparseAdam"
    for _ in range(5):
        grads = [np.asarray(rng.randn(*s), dtype=np.float32) for s in shapes]
        for opt, ps, mod in ((ref_opt, ref_p, torch), (lib_opt, lib_p, lib)):

            def closure(opt: Any = opt, ps: Any = ps, mod: Any = mod) -> Any:
                opt.zero_grad()
                loss = sum(((p - 0.5) ** 2 * mod.tensor(abs(g))).sum() for p, g in zip(ps, grads))
                loss.backward()
                if sparse:
                    for p in ps:
                        p.grad = p.grad.to_sparse() if p.dim() else None
                return loss

            if name == "LBFGS":
                opt.step(closure)
            else:
                closure()
                opt.step()
        for a, b in zip(lib_p, ref_p):
            close(bridge.to_ref(a), b, torch.float32, False, 2)
    want, got = ref_opt.state_dict(), lib_opt.state_dict()
    if (
        set(want["param_groups"][0])
        - {"foreach", "fused", "capturable", "differentiable", "decoupled_weight_decay"}
        - set(got["param_groups"][0])
    ):
        raise AssertionError(
            f"param_groups keys {sorted(got['param_groups'][0])}, expected {sorted(want['param_groups'][0])}"
        )
    for i, st in want["state"].items():
        for k, v in st.items():
            if isinstance(v, torch.Tensor):
                mine = got["state"][i][k]
                mine = bridge.to_ref(mine) if isinstance(mine, lib.Tensor) else torch.as_tensor(mine)
                torch.testing.assert_close(mine.double(), v.double(), rtol=1e-3, atol=1e-4)


NAMESPACES = [
    "",
    "Tensor",
    "nn",
    "nn.functional",
    "nn.init",
    "nn.utils",
    "nn.utils.rnn",
    "nn.utils.parametrize",
    "nn.utils.parametrizations",
    "nn.utils.prune",
    "nn.parameter",
    "nn.attention",
    "optim",
    "optim.lr_scheduler",
    "optim.swa_utils",
    "autograd",
    "autograd.functional",
    "autograd.forward_ad",
    "autograd.graph",
    "func",
    "utils.data",
    "utils.checkpoint",
    "linalg",
    "fft",
    "special",
    "random",
    "distributions",
    "amp",
    "cuda",
    "distributed",
    "distributed.tensor",
    "testing",
    "serialization",
    "masked",
    "signal.windows",
]


def api(o: argparse.Namespace, bridge: Bridge) -> Iterator[Result]:
    """Public documented names: present, and callable with the same parameter names."""
    for ns in NAMESPACES:
        if o.k and not re.search(o.k, ns):
            continue
        ref = (
            importlib.import_module(f"torch.{ns}")
            if ns not in ("", "Tensor")
            else (torch if ns == "" else torch.Tensor)
        )
        try:
            mine = bridge.lib
            for part in filter(None, ns.split(".")):
                mine = getattr(mine, part, None) or importlib.import_module(f"{bridge.lib.__name__}.{ns}")
        except ImportError:
            mine = None
        for name in public_names(ref, ns):
            r = Result(f"torch.{ns}.{name}".replace("..", "."))

            def body(name: str = name, ref: Any = ref, mine: Any = mine) -> None:
                if mine is None or not hasattr(mine, name):
                    raise AttributeError("missing")
                a, b = getattr(ref, name), getattr(mine, name)
                if callable(a) != callable(b):
                    raise AssertionError("callable on one side only")
                want = parameters(a)
                got = parameters(b)
                if want and got and inspect.isfunction(inspect.unwrap(a)) and got[:1] != ["*"]:
                    missing = [p for p in want if p not in got and not p.startswith("_")]
                    if missing and "**" not in got:
                        raise AssertionError(f"parameters {missing} missing")

            r.check(body, o.seconds)
            yield r


def parameters(f: Any) -> list[str]:
    try:
        sig = inspect.signature(f)
    except (TypeError, ValueError):
        return []
    out = []
    for p in sig.parameters.values():
        out.append("*" if p.kind is p.VAR_POSITIONAL else "**" if p.kind is p.VAR_KEYWORD else p.name)
    return out


def public_names(ref: Any, ns: str) -> list[str]:
    names = getattr(ref, "__all__", None) if ns not in ("", "Tensor") else None
    if names is None:
        names = [n for n in dir(ref) if not n.startswith("_")]
    keep = []
    for n in sorted(set(names)):
        v = getattr(ref, n, None)
        if v is None or n.startswith("_") or inspect.ismodule(v):
            continue
        doc = inspect.getdoc(v) or ""
        if isinstance(v, type) or callable(v) or ns == "Tensor":
            if ns in ("", "Tensor") and not doc:
                continue  # undocumented internals
            module = getattr(v, "__module__", "torch") or "torch"
            if not module.startswith("torch") and ns != "Tensor":
                continue  # typing names and the like
            keep.append(n)
    return keep


# ---- command line --------------------------------------------------------------------


def selected_ops(o: argparse.Namespace) -> Iterator[Any]:
    from torch.testing._internal.common_methods_invocations import op_db

    index, count = (int(v) for v in o.shard.split("/"))
    kept = [op for op in sorted(op_db, key=entry_name) if not EXCLUDED.search(op.name)]
    for i, op in enumerate(kept):
        if op.variant_test_name == "partial_views":  # reads memory outside its own view
            continue
        if i % count == index and op.dtypes and (not o.k or re.search(o.k, entry_name(op))):
            yield op


def main() -> int:
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("kind", choices=["ops", "dtypes", "errors", "inplace", "modules", "optim", "api"])
    p.add_argument("--lib", default="torchlike")
    p.add_argument("-k", help="only entries whose name matches this regular expression")
    p.add_argument("--samples", type=int, default=6, help="samples per entry, 0 for all")
    p.add_argument("--no-grad", action="store_true")
    p.add_argument("--seconds", type=int, default=60, help="time limit of one sample")
    p.add_argument("--shard", default="0/1", help="I/N: every N-th entry from the I-th (ops kinds)")
    p.add_argument("--json")
    p.add_argument("-v", action="store_true", help="print why each failing entry fails")
    o = p.parse_args()
    torch.set_num_threads(2)
    bridge = Bridge(importlib.import_module(o.lib))
    for sub in ("nn.functional", "optim", "autograd"):
        importlib.import_module(f"{o.lib}.{sub}")
    results: list[Result] = []
    begin = time.time()
    for r in globals()[o.kind](o, bridge):
        results.append(r)
        if not r.ok:
            print(f"FAIL {r.name} {r.passed}/{r.total}" + (f"  {r.reason}" if o.v else ""), flush=True)
    good = sum(r.ok for r in results)
    sp, st = sum(r.passed for r in results), sum(r.total for r in results)
    why = collections.Counter(r.reason.split(":")[0] for r in results if not r.ok)
    if why:
        print("reasons:", dict(why.most_common(8)))
    seconds = time.time() - begin
    print(f"{o.kind}: {good} of {len(results)} entries pass ({sp} of {st} samples) in {seconds:.0f} s")
    if o.json:
        with open(o.json, "w") as f:
            json.dump(
                [
                    {
                        "name": r.name,
                        "passed": r.passed,
                        "total": r.total,
                        "skipped": r.skipped,
                        "reason": r.reason,
                    }
                    for r in results
                ],
                f,
                indent=1,
            )
    return 0 if good == len(results) else 1


if __name__ == "__main__":
    sys.exit(main())
