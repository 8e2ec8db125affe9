"""Selective checkpoints beside torch's: what the policy sees, what is kept, what is computed again."""

import functools

import pytest

import torchlike

torch = pytest.importorskip("torch")
LIBRARIES = (torch, torchlike)
VIEWS = ("permute", "view", "t.default", "transpose", "expand", "select")


def product(lib, x, w):
    return lib.sigmoid(lib.matmul(lib.matmul(x, w), w)) * w + lib.nn.functional.linear(x, w)


def leaves(lib):
    lib.manual_seed(0)
    return lib.randn(4, 4).requires_grad_(), lib.randn(4, 4).requires_grad_()


def run(lib, choice, function=product, **options):
    """Gradients through a checkpoint whose policy is `choice(lib)`."""
    x, w = leaves(lib)
    contexts = functools.partial(lib.utils.checkpoint.create_selective_checkpoint_contexts, choice(lib))
    out = lib.utils.checkpoint.checkpoint(
        functools.partial(function, lib), x, w, use_reentrant=False, context_fn=contexts, **options
    )
    out.sum().backward()
    return [[round(v, 4) for v in t.grad.flatten().tolist()] for t in (x, w)]


CHOICES = {
    "list": lambda lib: [lib.ops.aten.mm.default, lib.ops.aten.sigmoid.default],
    "nothing": lambda lib: [],
    "everything": lambda lib: lambda ctx, op, *a, **k: lib.utils.checkpoint.CheckpointPolicy.PREFER_SAVE,
    "bool": lambda lib: lambda ctx, op, *a, **k: op == lib.ops.aten.mul.Tensor,
    "offload": lambda lib: lambda ctx, op, *a, **k: lib.utils.checkpoint.CheckpointPolicy.MUST_CPU_OFFLOAD,
}


@pytest.mark.parametrize("choice", CHOICES)
def test_gradients(choice):
    got, want = run(torchlike, CHOICES[choice]), run(torch, CHOICES[choice])
    for a, b in zip(got, want, strict=True):
        assert a == pytest.approx(b, abs=2e-4)


def test_what_a_policy_sees():
    seen = []
    for lib in LIBRARIES:
        calls = []

        def policy(ctx, op, *args, calls=calls, **kwargs):
            if not any(v in str(op) for v in VIEWS):
                calls.append((str(op), ctx.is_recompute, tuple(ctx.op_output.shape)))

        run(lib, lambda lib, policy=policy: policy)
        seen.append(calls)
    assert seen[1] == seen[0]


def test_kept_results_are_not_computed_again():
    """A function that is not the same twice shows which results were kept."""
    for kept, same in ((True, True), (False, False)):
        x = torchlike.ones(8, requires_grad=True)
        draws = iter((2.0, 3.0))

        def function(x, draws=draws):
            factor = x.detach() * next(draws)
            return factor * x

        policy = lambda ctx, op, *a, kept=kept, **k: kept  # noqa: E731
        out = torchlike.utils.checkpoint.checkpoint(
            function, x, use_reentrant=False,
            context_fn=lambda policy=policy: torchlike.utils.checkpoint.create_selective_checkpoint_contexts(policy),
        )  # fmt: skip
        out.sum().backward()
        assert (x.grad.tolist() == [2.0] * 8) is same


def test_modes_leave_no_trace():
    from torchlike._core.row import Op

    plain = Op._record
    run(torchlike, CHOICES["list"])
    assert Op._record is plain
    with pytest.raises(ZeroDivisionError):
        run(torchlike, lambda lib: lambda *a, **k: 1 / 0)
    assert Op._record is plain


def other_operators(lib, x, w, count):
    count.append(0)
    return x.sin().cos() if len(count) == 1 else x.sin().exp().tan()


ERRORS = {
    "packet": lambda lib, c: c.create_selective_checkpoint_contexts([lib.ops.aten.mm]),
    "neither": lambda lib, c: c.create_selective_checkpoint_contexts(3),
    "unknown operator": lambda lib, c: lib.ops.aten.foo,
    "unknown overload": lambda lib, c: lib.ops.aten.mm.foo,
    "operators differ": lambda lib, c: run(
        lib, lambda lib: [lib.ops.aten.sin.default], functools.partial(other_operators, count=[])
    ),
    "debug": lambda lib, c: c.checkpoint(
        lib.sin, lib.ones(2), use_reentrant=False, debug=True,
        context_fn=lambda: c.create_selective_checkpoint_contexts([]),
    ),
    "nested groups": lambda lib, c: nested(c),
}  # fmt: skip


def nested(c):
    with c.GraphExecGroup(), c.GraphExecGroup():
        pass


@pytest.mark.parametrize("case", ERRORS)
def test_errors(case):
    found = []
    for lib in LIBRARIES:
        with pytest.raises(Exception) as caught:
            ERRORS[case](lib, lib.utils.checkpoint)
        text = str(caught.value).split(" of type ")[0].split(" object at ")[0]
        found.append((type(caught.value).__name__, text.replace("torchlike", "torch")))
    assert found[1] == found[0]


def test_backward_runs_once():
    for lib in LIBRARIES:
        x, w = leaves(lib)
        out = lib.utils.checkpoint.checkpoint(
            functools.partial(product, lib), x, w, use_reentrant=False,
            context_fn=lambda lib=lib: lib.utils.checkpoint.create_selective_checkpoint_contexts([lib.ops.aten.mm.default]),
        )  # fmt: skip
        out.sum().backward(retain_graph=True)
        with pytest.raises(RuntimeError, match="Trying to backward an extra time"):
            out.sum().backward()


def test_a_group_runs_a_function_again_once():
    counts = []
    for lib in LIBRARIES:
        for grouped in (True, False):
            runs = []

            def function(x, runs=runs):
                runs.append(0)
                return x.sin().exp(), x.cos().exp()

            a, b = lib.utils.checkpoint.checkpoint(function, leaves(lib)[0], use_reentrant=False)
            if grouped:
                with lib.utils.checkpoint.GraphExecGroup():
                    a.sum().backward(retain_graph=True)
                    b.sum().backward()
            else:
                a.sum().backward(retain_graph=True)
                b.sum().backward()
            counts.append(len(runs))
    assert counts == [2, 3, 2, 3]


def test_debug_names_the_operators_of_both_runs():
    x, _ = leaves(torchlike)
    runs = []

    def function(x):
        runs.append(0)
        return x.sin().cos() if len(runs) == 1 else x.sin()

    with torchlike.utils.checkpoint.set_checkpoint_debug_enabled(True):
        out = torchlike.utils.checkpoint.checkpoint(function, x, use_reentrant=False)
    with pytest.raises(torchlike.utils.checkpoint.CheckpointError) as caught:
        out.sum().backward()
    text = str(caught.value)
    first, second = text.split("Operations executed during the recomputation:")
    assert "aten.cos.default(...) -> float32[4, 4]" in first
    assert "aten.sin.default" in second
    assert "aten.cos" not in second
    assert __file__ in text
