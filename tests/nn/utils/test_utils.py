"""nn.utils: every scenario runs with torch and with torchlike and must give the same."""

import warnings

import numpy as np
import pytest

import torchlike

torch = pytest.importorskip("torch")
torch_rnn = pytest.importorskip("torch.nn.utils.rnn")


def plain(value):
    if isinstance(value, (torch.Tensor, torchlike.Tensor)):
        return value.detach().numpy()
    if isinstance(value, dict):
        return [[k, plain(v)] for k, v in value.items()]
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    return value


def agree(got, want):
    if isinstance(want, list):
        assert len(got) == len(want)
        for a, b in zip(got, want):
            agree(a, b)
    elif isinstance(want, np.ndarray):
        assert got.dtype == want.dtype and got.shape == want.shape
        np.testing.assert_allclose(got, want, rtol=1e-4, atol=1e-5)
    else:
        assert got == want


def run(scenario, lib):
    lib.manual_seed(0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return plain(scenario(lib))
        except Exception as e:
            return [type(e).__name__, str(e)]


def grown(lib, scale=1.0):
    """A layer with known gradients."""
    m = lib.nn.Linear(3, 2)
    for i, p in enumerate(m.parameters()):
        p.grad = lib.linspace(-1, 2, p.numel()).reshape(p.shape) * scale * (i + 1)
    return m


def grads(m):
    return [p.grad for p in m.parameters()]


def clip_norm(**options):
    def scenario(lib):
        m = grown(lib)
        norm = lib.nn.utils.clip_grad_norm_(m.parameters(), **options)
        return [norm, grads(m)]

    return scenario


def clip_value(lib):
    m = grown(lib)
    out = lib.nn.utils.clip_grad_value_(m.parameters(), 0.5)
    return [out, grads(m)]


def total_norm(lib):
    m = grown(lib)
    norm = lib.nn.utils.get_total_norm(grads(m), 3.0)
    lib.nn.utils.clip_grads_with_norm_(m.parameters(), 0.1, norm)
    return [norm, grads(m), lib.nn.utils.clip_grad_norm_([], 1.0)]


def clip_half(lib):
    m = grown(lib).to(lib.bfloat16)
    for p in m.parameters():
        p.grad = p.grad.to(lib.bfloat16)
    norm = lib.nn.utils.clip_grad_norm_(m.parameters(), 0.5)
    return [str(norm.dtype), norm.float(), [g.float() for g in grads(m)]]


def nonfinite(lib):
    m = grown(lib, float("inf"))
    return lib.nn.utils.clip_grad_norm_(m.parameters(), 1.0, error_if_nonfinite=True)


def vector(lib):
    m = grown(lib)
    v = lib.nn.utils.parameters_to_vector(m.parameters())
    lib.nn.utils.vector_to_parameters(v * 2, m.parameters())
    return [v, list(m.parameters()), v.requires_grad]


# ---- sequences -----------------------------------------------------------------------------------


def padded(lib):
    return lib.arange(24.0).reshape(2, 4, 3)


def pack(lengths, **options):
    def scenario(lib):
        x = padded(lib).requires_grad_()
        y = x if options.get("batch_first") else x.transpose(0, 1)
        packed = lib.nn.utils.rnn.pack_padded_sequence(y, lengths, **options)
        (packed.data**2).sum().backward()
        back, n = lib.nn.utils.rnn.pad_packed_sequence(packed, padding_value=-1.0, total_length=5)
        return [*packed, back, n, x.grad, lib.nn.utils.rnn.unpack_sequence(packed)]

    return scenario


def sequences(lib):
    rnn = lib.nn.utils.rnn
    parts = [lib.ones(2, 2), lib.zeros(4, 2), lib.full((3, 2), 7.0)]
    left = rnn.pad_sequence(parts, batch_first=True, padding_value=9, padding_side="left")
    right = rnn.pad_sequence(parts)
    packed = rnn.pack_sequence(parts, enforce_sorted=False)
    return [
        left,
        right,
        rnn.unpad_sequence(right.clone(), lib.tensor([2, 4, 3])),
        *packed,
        rnn.unpack_sequence(packed),
    ]


def packed_lstm(lib):
    m = lib.nn.LSTM(3, 2, 2, bidirectional=True)
    x = padded(lib).transpose(0, 1) / 10
    packed = lib.nn.utils.rnn.pack_padded_sequence(x, [2, 4], enforce_sorted=False)
    out, (h, c) = m(packed)
    (out.data.sum() + h.sum() + (c * c).sum()).backward()
    return [*out, h, c, [p.grad for p in m.parameters()]]


def pack_methods(lib):
    packed = lib.nn.utils.rnn.pack_sequence([lib.ones(2), lib.ones(1)])
    return [
        packed.double().data,
        packed.to(lib.float64).data,
        packed.is_cuda,
        packed._fields,
        packed.long().data,
    ]


# ---- reparametrizations --------------------------------------------------------------------------


def used(lib, m):
    x = lib.linspace(-1, 1, 8).reshape(2, 4)
    m(x).square().sum().backward()
    return [m.state_dict(), m(x), {n: p.grad for n, p in m.named_parameters()}]


def old_weight_norm(lib):
    m = lib.nn.utils.weight_norm(lib.nn.Linear(4, 3), dim=None)
    out = [repr(m), used(lib, lib.nn.utils.weight_norm(lib.nn.Linear(4, 3))), used(lib, m)]
    lib.nn.utils.remove_weight_norm(m)
    return [*out, m.state_dict()]


def old_spectral_norm(lib):
    m = lib.nn.utils.spectral_norm(lib.nn.Linear(4, 3), n_power_iterations=2)
    out = [used(lib, m), used(lib, m.eval())]
    lib.nn.utils.remove_spectral_norm(m)
    return [*out, m.state_dict()]


def weight_norm(lib):
    m = lib.nn.utils.parametrizations.weight_norm(lib.nn.Linear(4, 3))
    out = [repr(m), used(lib, m)]
    m.weight = lib.ones(3, 4)
    out += [m.state_dict(), lib.nn.utils.parametrize.is_parametrized(m), type(m).__name__]
    lib.nn.utils.parametrize.remove_parametrizations(m, "weight")
    return [*out, repr(m), sorted(m.state_dict().items())]


def spectral_norm(lib):
    m = lib.nn.utils.parametrizations.spectral_norm(lib.nn.Linear(4, 3))
    return [used(lib, m), used(lib, m.eval())]


def symmetric(lib):
    class Symmetric(lib.nn.Module):
        def forward(self, x):
            return x.triu() + x.triu(1).transpose(-1, -2)

        def right_inverse(self, a):
            return a.triu()

    class Double(lib.nn.Module):
        def forward(self, x):
            return x * 2

    p = lib.nn.utils.parametrize
    m = lib.nn.Linear(4, 4)
    p.register_parametrization(m, "weight", Symmetric())
    p.register_parametrization(m, "weight", Double())
    with p.cached():
        same = m.weight is m.weight
    out = [used(lib, m), same, repr(m), m.weight is m.weight, p.type_before_parametrizations(m).__name__]
    p.remove_parametrizations(m, "weight", leave_parametrized=False)
    return [*out, m.weight, type(m.weight).__name__, type(m).__name__]


def wrong_parametrization(lib):
    class Wider(lib.nn.Module):
        def forward(self, x):
            return lib.cat([x, x])

    lib.nn.utils.parametrize.register_parametrization(lib.nn.Linear(2, 2), "weight", Wider())


def orthogonal(name):
    def scenario(lib):
        m = lib.nn.Linear(3, 3)
        lib.nn.utils.parametrizations.orthogonal(m, orthogonal_map=name)
        return [m.weight @ m.weight.T, m.state_dict()["parametrizations.weight.original"]]

    return scenario


def pruned(lib):
    prune = lib.nn.utils.prune
    m = lib.nn.Linear(4, 3)
    out = []
    for step in (
        lambda: prune.l1_unstructured(m, "weight", 3),
        lambda: prune.random_unstructured(m, "weight", 0.3),
        lambda: prune.ln_structured(m, "weight", 1, 2, 0),
        lambda: prune.random_structured(m, "weight", 1, dim=1),
    ):
        step()
        out.append([m.weight_mask, m.weight])
    out += [list(m.state_dict()), prune.is_pruned(m)]
    prune.remove(m, "weight")
    return [*out, sorted(m.state_dict().items()), prune.is_pruned(m)]


def pruned_globally(lib):
    prune = lib.nn.utils.prune
    a, b = lib.nn.Linear(4, 3), lib.nn.Linear(3, 2)
    prune.global_unstructured([(a, "weight"), (b, "weight")], prune.L1Unstructured, amount=0.4)
    return [a.weight_mask, b.weight_mask]


def called_functionally(lib):
    m = lib.nn.Sequential(lib.nn.Linear(2, 2), lib.nn.BatchNorm1d(2))
    new = {k: lib.ones_like(v) if v.is_floating_point() else v for k, v in m.state_dict().items()}
    before = m[0].weight
    out = lib.nn.utils.stateless.functional_call(m, new, (lib.arange(4.0).reshape(2, 2),))
    return [out, m[0].weight is before, m.state_dict()]


def functional_strict(lib):
    lib.nn.utils.stateless.functional_call(
        lib.nn.Linear(1, 1), {"x": lib.ones(1)}, lib.ones(1, 1), strict=True
    )


def fused(lib):
    conv, bn = lib.nn.Conv2d(1, 2, 2), lib.nn.BatchNorm2d(2)
    bn.running_mean.add_(0.5)
    linear = lib.nn.Linear(2, 2)
    x = lib.arange(9.0).reshape(1, 1, 3, 3)
    return [
        lib.nn.utils.fuse_conv_bn_eval(conv.eval(), bn.eval())(x),
        lib.nn.utils.fuse_linear_bn_eval(linear.eval(), bn)(lib.ones(1, 2)),
    ]


SCENARIOS = {
    "clip 2": clip_norm(max_norm=1.0),
    "clip inf": clip_norm(max_norm=0.5, norm_type=float("inf")),
    "clip 1": clip_norm(max_norm=2, norm_type=1),
    "clip 0": clip_norm(max_norm=2.0, norm_type=0),
    "clip small": clip_norm(max_norm=100.0, error_if_nonfinite=True, foreach=True),
    "pack": pack([4, 2]),
    "pack batch first": pack([3, 1], batch_first=True),
    "pack unsorted": pack([2, 4], enforce_sorted=False, batch_first=True),
    "pack not sorted": pack([2, 4]),
    "pack zero": pack([2, 0]),
    "pack count": pack([2, 1, 1]),
    "orthogonal exp": orthogonal("matrix_exp"),
    "orthogonal cayley": orthogonal("cayley"),
    "orthogonal wrong": orthogonal("x"),
    "pad wrong": lambda lib: lib.nn.utils.rnn.pad_sequence(3),
    "remove nothing": lambda lib: lib.nn.utils.remove_weight_norm(lib.nn.Linear(1, 1)),
    "unprune nothing": lambda lib: lib.nn.utils.prune.remove(lib.nn.Linear(1, 1), "weight"),
    "skip_init": lambda lib: [tuple(lib.nn.utils.skip_init(lib.nn.Linear, 2, 3).weight.shape), lib.rand(1)],
    **{
        f.__name__: f
        for f in (
            clip_value,
            total_norm,
            clip_half,
            nonfinite,
            vector,
            sequences,
            packed_lstm,
            pack_methods,
            old_weight_norm,
            old_spectral_norm,
            weight_norm,
            spectral_norm,
            symmetric,
            wrong_parametrization,
            pruned,
            pruned_globally,
            called_functionally,
            functional_strict,
            fused,
        )
    },
}


@pytest.mark.parametrize("name", SCENARIOS)
def test_scenario(name):
    __import__("torch.nn.utils.stateless"), __import__("torch.nn.utils.prune")
    agree(run(SCENARIOS[name], torchlike), run(SCENARIOS[name], torch))


def test_clipping_is_one_call():
    m = grown(torchlike)
    torchlike.nn.utils.clip_grad_norm_(m.parameters(), 1.0)
    before = m.weight.grad
    with torchlike.no_grad():
        alias = before.detach()
    torchlike.nn.utils.clip_grad_norm_(m.parameters(), 0.1)
    assert m.weight.grad is before  # in place
    np.testing.assert_array_equal(alias.numpy(), before.numpy())
