"""Normalization against torch: values, running statistics, first and second derivatives, and errors."""

import numpy as np
import pytest
from twin import check, rand, same_error

import torchlike

PLAIN = {
    "layer": ((4, 5, 6), (6,), lambda F, x, w, b: F.layer_norm(x, (6,), w, b)),
    "layer_two": ((4, 5, 6), (5, 6), lambda F, x, w, b: F.layer_norm(x, (5, 6), w, b, 1e-3)),
    "layer_one": ((4, 1), (1,), lambda F, x, w, b: F.layer_norm(x, (1,), w, b)),
    "layer_plain": ((4, 6), (6,), lambda F, x, w, b: F.layer_norm(x, (6,))),
    "rms": ((4, 5, 6), (6,), lambda F, x, w, b: F.rms_norm(x, (6,), w)),
    "rms_two": ((4, 5, 6), (5, 6), lambda F, x, w, b: F.rms_norm(x, (5, 6), w, 1e-3)),
    "group": ((3, 6, 4, 5), (6,), lambda F, x, w, b: F.group_norm(x, 3, w, b)),
    "group_flat": ((3, 6), (6,), lambda F, x, w, b: F.group_norm(x, 2, w, b)),
    "group_plain": ((3, 6, 2), (6,), lambda F, x, w, b: F.group_norm(x, 6)),
    "instance": ((3, 6, 4, 5), (6,), lambda F, x, w, b: F.instance_norm(x, weight=w, bias=b)),
    "batch": ((4, 3, 5), (3,), lambda F, x, w, b: F.batch_norm(x, None, None, w, b, True)),
    "batch_flat": ((7, 3), (3,), lambda F, x, w, b: F.batch_norm(x, None, None, w, None, True, eps=1e-2)),
    "batch_image": ((4, 3, 5, 6), (3,), lambda F, x, w, b: F.batch_norm(x, None, None, w, b, True)),
    "response": ((2, 7, 4, 3), (1,), lambda F, x, w, b: F.local_response_norm(x, 4, 0.3, 0.6, 1.5)),
    "response_line": ((2, 7, 4), (1,), lambda F, x, w, b: F.local_response_norm(x, 5)),
    "response_wide": ((2, 7, 4), (1,), lambda F, x, w, b: F.local_response_norm(x, 12, 0.3)),
}


@pytest.mark.parametrize("name", PLAIN)
def test_values_and_derivatives(name):
    shape, size, f = PLAIN[name]
    check(lambda T, F, x, w, b: f(F, x, w, b), rand(*shape), rand(*size), rand(*size), twice=True, rtol=1e-7)


@pytest.mark.parametrize("name", ["layer", "group", "batch_image"])
def test_16_bit_inputs(name):
    shape, size, f = PLAIN[name]

    def low(T, F, x, w, b):
        out = f(F, x.bfloat16(), w.float(), b.float())
        assert out.dtype is T.bfloat16
        return out.float()

    check(low, rand(*shape), rand(*size), rand(*size), grad=False, rtol=2e-2, atol=2e-2)


STATISTICS = {
    "batch": lambda F, x, m, v, w, b: F.batch_norm(x, m, v, w, b, True, 0.3),
    "batch_zero": lambda F, x, m, v, w, b: F.batch_norm(x, m, v, w, b, True, 0.0),
    "instance": lambda F, x, m, v, w, b: F.instance_norm(x, m, v, w, b, True, 0.3),
    "evaluation": lambda F, x, m, v, w, b: F.batch_norm(x, m, v, w, b),
    "instance_evaluation": lambda F, x, m, v, w, b: F.instance_norm(x, m, v, w, b, False),
}


@pytest.mark.parametrize("name", STATISTICS)
def test_running_statistics(name):
    def f(T, F, x, m, v, w, b):
        m, v = m.detach(), v.detach().abs() + 0.5
        return STATISTICS[name](F, x, m, v, w, b), m, v

    check(f, rand(4, 3, 5), *(rand(3) for _ in range(4)), twice=True)


def test_statistics_move_on_every_pass():
    def f(T, F, x):
        m, v = T.zeros(3), T.ones(3)
        for scale in (1.0, 2.0, 3.0):
            F.batch_norm(x * scale, m, v, training=True, momentum=0.1)
        return m, v

    check(f, rand(4, 3, 5, dtype=np.float32), grad=False)


def test_empty_input():
    check(lambda T, F, x: F.batch_norm(x, None, None, training=True), np.zeros((0, 3, 2)))
    check(lambda T, F, x: F.layer_norm(x, (3,)), np.zeros((0, 3)))
    check(lambda T, F, x: F.group_norm(x, 3), np.zeros((0, 3, 2)))


X, W = np.ones((4, 3, 2), np.float32), np.ones(3, np.float32)
ERRORS = {
    "mean_size": lambda T, F, x, w: F.batch_norm(x, w[:2], w),
    "var_size": lambda T, F, x, w: F.batch_norm(x, w, w[:2]),
    "weight_size": lambda T, F, x, w: F.batch_norm(x, w, w, w[:2]),
    "bias_size": lambda T, F, x, w: F.batch_norm(x, w, w, w, w[:2]),
    "evaluation": lambda T, F, x, w: F.batch_norm(x, None, None),
    "evaluation_var": lambda T, F, x, w: F.batch_norm(x, w, None),
    "one_value": lambda T, F, x, w: F.batch_norm(x[:1, :, :1], None, None, training=True),
    "half": lambda T, F, x, w: F.batch_norm(x, w, None, training=True),
    "batch_dtype": lambda T, F, x, w: F.batch_norm(x.double(), w, w, training=True),
    "batch_long": lambda T, F, x, w: F.batch_norm(x.long(), w, w, training=True),
    "eps": lambda T, F, x, w: F.batch_norm(x, w, w, eps=-1),
    "momentum": lambda T, F, x, w: F.batch_norm(x, w, w, training=True, momentum=None),
    "requires_grad": lambda T, F, x, w: F.batch_norm(x, w.clone().requires_grad_(), w),
    "layer_shape": lambda T, F, x, w: F.layer_norm(x, (4,)),
    "layer_empty": lambda T, F, x, w: F.layer_norm(x, ()),
    "layer_int": lambda T, F, x, w: F.layer_norm(x, 2),
    "layer_weight": lambda T, F, x, w: F.layer_norm(x, (2,), w),
    "layer_bias": lambda T, F, x, w: F.layer_norm(x, (2,), w[:2], w),
    "layer_dtype": lambda T, F, x, w: F.layer_norm(x.double(), (2,), w[:2]),
    "layer_long": lambda T, F, x, w: F.layer_norm(x.long(), (2,)),
    "rms_shape": lambda T, F, x, w: F.rms_norm(x, (4,)),
    "rms_weight": lambda T, F, x, w: F.rms_norm(x, (2,), w),
    "group_count": lambda T, F, x, w: F.group_norm(x, 2),
    "group_rank": lambda T, F, x, w: F.group_norm(w, 1),
    "group_weight": lambda T, F, x, w: F.group_norm(x, 3, w[:2]),
    "group_one": lambda T, F, x, w: F.group_norm(x[:1, :, 0], 3),
    "group_long": lambda T, F, x, w: F.group_norm(x.long(), 3),
    "instance_one": lambda T, F, x, w: F.instance_norm(x[:, :, :1]),
    "instance_half": lambda T, F, x, w: F.instance_norm(x, w),
    "instance_weight": lambda T, F, x, w: F.instance_norm(x, None, None, w[:2]),
    "instance_missing": lambda T, F, x, w: F.instance_norm(x, use_input_stats=False),
    "response_rank": lambda T, F, x, w: F.local_response_norm(x[0], 2),
}


@pytest.mark.parametrize("name", ERRORS)
def test_errors(name):
    same_error(ERRORS[name], X, W)


def test_a_step_compiles_once():
    x = torchlike.randn(4, 3, 5)
    mean, var = torchlike.zeros(3), torchlike.ones(3)
    weight = torchlike.ones(3, requires_grad=True)
    optimizer = torchlike.optim.SGD([weight], lr=0.1)
    made = []
    for momentum in (0.1, 0.2, 0.3, 0.4):
        optimizer.zero_grad()
        torchlike.nn.functional.batch_norm(x, mean, var, weight, None, True, momentum).sum().backward()
        optimizer.step()
        made.append(torchlike.debug.stats()["compiles"])
    assert made[-1] == made[1]
