"""Attention against torch: masks, causality, grouped heads, the whole multi-head layer, errors."""

import numpy as np
import pytest
from twin import check, rand, same_error

import torchlike

Q, K, V = rand(2, 4, 5, 8), rand(2, 4, 6, 8), rand(2, 4, 6, 3)
ALLOWED = np.random.RandomState(0).rand(5, 6) > 0.4
ALLOWED[2] = False  # a query that sees nothing


def sdpa(**kw):
    return lambda T, F, q, k, v, *m: F.scaled_dot_product_attention(q, k, v, *m, **kw)


@pytest.mark.parametrize("mask", [None, ALLOWED, rand(2, 1, 5, 6), rand(5, 6)])
@pytest.mark.parametrize("scale", [None, 0.3])
def test_masks(mask, scale):
    masks = () if mask is None else (mask,)
    check(sdpa(scale=scale), Q, K, V, *masks)


def test_causal_and_shapes():
    check(sdpa(is_causal=True), Q, K, V, twice=True)
    check(sdpa(is_causal=True), K, Q, Q)
    check(sdpa(), Q[0, 0], K[0, 0], V[0, 0], twice=True)
    check(sdpa(), Q, K[:1], V[:1])
    check(sdpa(enable_gqa=True), Q, K[:, :2], V[:, :2])


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half(dtype):
    def f(T, F, q, k, v):
        q, k, v = (x.to(getattr(T, dtype)) for x in (q, k, v))
        out = F.scaled_dot_product_attention(q, k, v)
        assert out.dtype == getattr(T, dtype)
        return out.float()

    check(f, Q, K, V, grad=False, rtol=3e-2, atol=2e-2)


def test_dropout():
    F = torchlike.nn.functional
    q = torchlike.zeros(1, 1, 1, 4)
    v = torchlike.eye(1000)[None, None]
    k = torchlike.zeros(1, 1, 1000, 4)
    out = F.scaled_dot_product_attention(q, k, v, dropout_p=0.25).numpy() * 1000
    assert abs((out == 0).mean() - 0.25) < 0.06
    np.testing.assert_allclose(np.unique(out), [0, 1 / 0.75], rtol=1e-4)


E, HEADS, ROWS, COLUMNS, N = 8, 2, 3, 5, 2
PARAMS = {
    "w": rand(3 * E, E),
    "b": rand(3 * E),
    "ow": rand(E, E),
    "ob": rand(E),
    "bk": rand(1, 1, E),
    "bv": rand(1, 1, E),
    "qw": rand(E, E),
    "kw": rand(E, E),
    "vw": rand(E, E),
    "sk": rand(N * HEADS, COLUMNS, E // HEADS),
}
PADDING = np.array([[False] * 5, [True, False, False, True, False]])
MASK = np.triu(np.ones((ROWS, COLUMNS), bool), 1)
FLOATS = np.where(MASK, -np.inf, 0.0)


def layer(self=False, separate=False, bias_kv=False, **kw):
    def f(T, F, q, k, *rest):
        names = [n for n in PARAMS]
        p = dict(zip(names, rest[: len(names)]))
        masks = {n: m for n, m in zip(("key_padding_mask", "attn_mask"), rest[len(names) :]) if m is not None}
        k = q if self else k
        if separate:
            masks |= {"use_separate_proj_weight": True, "q_proj_weight": p["qw"], "k_proj_weight": p["kw"]}
            masks |= {"v_proj_weight": p["vw"]}
        if kw.get("static"):
            masks |= {"static_k": p["sk"], "static_v": p["sk"]}
        options = {n: v for n, v in kw.items() if n not in ("static", "zero")}
        return [
            t
            for t in F.multi_head_attention_forward(
                q,
                k,
                k,
                E,
                HEADS,
                None if separate else p["w"],
                p["b"],
                p["bk"] if bias_kv else None,
                p["bv"] if bias_kv else None,
                kw.get("zero", False),
                0.0,
                p["ow"],
                p["ob"],
                **masks,
                **options,
            )
            if t is not None
        ]

    return f


def run(f, *masks, unbatched=False, **kw):
    q, k = rand(ROWS, N, E), rand(COLUMNS, N, E)
    if unbatched:
        q, k = q[:, 0], k[:, 0]
    check(f, q, k, *PARAMS.values(), *masks, **kw)


@pytest.mark.parametrize("need_weights", [True, False])
@pytest.mark.parametrize("masks", [(), (PADDING,), (None, MASK), (PADDING, MASK), (None, FLOATS)])
@pytest.mark.filterwarnings("ignore")
def test_layer_masks(need_weights, masks):
    run(layer(need_weights=need_weights), *masks)
    run(layer(need_weights=need_weights, bias_kv=True, zero=True), *masks)


@pytest.mark.parametrize("need_weights", [True, False])
def test_layer_forms(need_weights):
    run(layer(need_weights=need_weights, self=True))
    run(layer(need_weights=need_weights, separate=True))
    run(layer(need_weights=need_weights, static=True))
    run(layer(need_weights=need_weights), unbatched=True)
    run(layer(need_weights=need_weights, average_attn_weights=False))


def test_layer_causal_hint():
    mask = np.triu(np.ones((ROWS, ROWS), bool), 1)
    for need_weights in (True, False):
        run(layer(self=True, need_weights=need_weights, is_causal=True), None, mask)


def test_layer_dropout():
    F = torchlike.nn.functional
    x, w = torchlike.ones(4, 2, E), torchlike.ones(3 * E, E)

    def call(p, training):
        none = (None, None, None, False)
        return F.multi_head_attention_forward(x, x, x, E, HEADS, w, *none, p, w[:E], None, training=training)[
            1
        ]

    assert (call(0.5, False) == call(0.0, True)).all() and not (call(0.5, True) == call(0.5, False)).all()


ERRORS = [
    lambda T, F, q, k: F.scaled_dot_product_attention(q[0, 0, 0], k, k),
    lambda T, F, q, k: F.scaled_dot_product_attention(q, k.float(), k),
    lambda T, F, q, k: F.scaled_dot_product_attention(q, k, k, attn_mask=T.ones(5, 6).long()),
    lambda T, F, q, k: F.scaled_dot_product_attention(q, k[:, :2], k[:, :2]),
    lambda T, F, q, k: F.scaled_dot_product_attention(q, k, k, dropout_p=1.5),
]
LAYER_ERRORS = [
    lambda call, T, x: call(x[0, 0], x, x),
    lambda call, T, x: call(x, x[0], x),
    lambda call, T, x: call(x, x, x, key_padding_mask=T.zeros(3)),
    lambda call, T, x: call(x, x, x, key_padding_mask=T.zeros(3, 4)),
    lambda call, T, x: call(x, x, x, attn_mask=T.zeros(3, 4)),
    lambda call, T, x: call(x, x, x, attn_mask=T.zeros(4)),
    lambda call, T, x: call(x, x, x, attn_mask=T.zeros(6, 5, 4)),
    lambda call, T, x: call(x, x, x, attn_mask=T.zeros(5, 5).long()),
    lambda call, T, x: call(x, x, x, is_causal=True),
    lambda call, T, x: call(x[..., :6], x, x),
    lambda call, T, x: call(x, x[:3], x),
]


@pytest.mark.parametrize("case", range(len(ERRORS)))
def test_errors(case):
    same_error(ERRORS[case], Q, K)


@pytest.mark.parametrize("case", range(len(LAYER_ERRORS)))
def test_layer_errors(case):
    def f(T, F, x, w):
        def call(q, k, v, **kw):
            return F.multi_head_attention_forward(
                q, k, v, E, HEADS, w, None, None, None, False, 0.0, w[:E], None, **kw
            )

        LAYER_ERRORS[case](call, T, x)

    same_error(f, rand(5, 3, E), rand(3 * E, E))
