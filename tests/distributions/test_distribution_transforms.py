"""Transforms, constraints and their registries: values, Jacobians, shapes, equality, texts and errors."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from distribution_cases import Side, same

import torchlike

torch = pytest.importorskip("torch")
LIBS = (torchlike, torch)

X, POSITIVE, VECTORS = (
    "linspace(-2, 2, 12).reshape(4, 3)",
    "linspace(0.1, 3, 12).reshape(4, 3)",
    "cos(np.arange(12)).reshape(2, 6)",
)
MATRICES = "cos(np.arange(18)).reshape(2, 3, 3)"
MAPS = [
    ("D.ExpTransform()", X), ("D.ExpTransform().inv", POSITIVE), ("D.SigmoidTransform()", X),
    ("D.SoftplusTransform()", X), ("D.TanhTransform()", X), ("D.AbsTransform()", POSITIVE),
    ("D.PowerTransform(T(2.5))", POSITIVE), ("D.PowerTransform(T([2.0, -1.0, 0.5]))", POSITIVE),
    ("D.AffineTransform(1.0, -2.0)", X), ("D.AffineTransform(T([1.0, 2.0, 3.0]), T([0.5, -1.0, 2.0]), event_dim=1)", X),
    ("D.AffineTransform(T(1.0), T([0.5, -1.0, 2.0]))", X), ("D.SoftmaxTransform()", X), ("D.StickBreakingTransform()", X),
    ("D.CorrCholeskyTransform()", VECTORS), ("D.LowerCholeskyTransform()", MATRICES),
    ("D.PositiveDefiniteTransform()", MATRICES), ("D.ReshapeTransform((3,), (1, 3))", X),
    ("D.IndependentTransform(D.ExpTransform(), 1)", X), ("D.identity_transform", X),
    ("D.ComposeTransform([D.AffineTransform(T(1.0), 2.0), D.SigmoidTransform()])", X),
    ("D.ComposeTransform([D.ExpTransform(), D.AffineTransform(1.0, 2.0, event_dim=1)])", X),
    ("D.ComposeTransform([D.AffineTransform(1.0, 2.0), D.StickBreakingTransform()])", X),
    ("D.ComposeTransform([D.ExpTransform(), D.AffineTransform(0.0, 3.0)]).inv", POSITIVE),
    ("D.CatTransform([D.ExpTransform(), D.AffineTransform(1.0, 2.0)], dim=1, lengths=[1, 2])", X),
    ("D.CatTransform([D.ExpTransform(), D.IndependentTransform(D.ExpTransform(), 1)], dim=0, lengths=[2, 2])", X),
    ("D.StackTransform([D.ExpTransform(), D.AffineTransform(1.0, 2.0), D.SigmoidTransform()], dim=1)", X),
    ("D.CumulativeDistributionTransform(D.Normal(T(0.5), T(2.0)))", X),
    ("D.ExpTransform(cache_size=1)", X), ("D.AffineTransform(1.0, 2.0).with_cache()", X),
    ("D.biject_to(D.constraints.interval(1.0, 3.0))", X), ("D.transform_to(D.constraints.less_than(3.0))", X),
    ("D.biject_to(D.constraints.stack([D.constraints.positive, D.constraints.real, D.constraints.unit_interval], 1))", X),
    ("D.transform_to(D.constraints.cat([D.constraints.positive, D.constraints.real], 1, [2, 1]))", X),
    ("D.transform_to(D.constraints.independent(D.constraints.simplex, 1))", X),
    ("D.transform_to(D.constraints.positive_definite)", MATRICES),
]  # fmt: skip


@pytest.mark.parametrize("form, data", MAPS)
def test_maps(form, data):
    array = eval(data, {"np": np, "linspace": np.linspace, "cos": np.cos}).astype(np.float32)
    sides = [Side(lib) for lib in LIBS]
    maps = [side(form) for side in sides]
    for text in ("repr(t)", "t.domain", "t.codomain", "t.bijective", "t.sign", "t.event_dim", "t.inv", "t.inv.domain",
                 "t == t.inv.inv", "t.inv == t.inv"):  # fmt: skip
        same(text, *(side.attempt(text, t=t) for side, t in zip(sides, maps)))
    results = []
    for side, t in zip(sides, maps):
        x = side.leaf(array)
        y = t(x)
        back = t.inv(y)
        jacobian = side.attempt("t.log_abs_det_jacobian(x, y)", t=t, x=x, y=y)
        shapes = t.forward_shape(x.shape), t.inverse_shape(y.shape)
        results.append((y, back, jacobian, *map(tuple, shapes)))
    for what, a, b in zip(("image", "inverse", "jacobian", "shape", "shape"), *results):
        same(what, a, b, rtol=1e-4, atol=1e-5)
    parts = [[r for r in result[:3] if getattr(r, "requires_grad", False)] for result in results]
    for a, b in zip(*(side.grads(r) for side, r in zip(sides, parts))):
        np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("lib", LIBS)
def test_caches_and_identity(lib):
    D = lib.distributions
    t = D.ExpTransform(cache_size=1)
    x = lib.randn(3)
    y = t(x)
    assert t(x) is y and t.inv(y) is x and t.inv is t.inv and t.inv.inv is t
    assert D.ExpTransform() == t and D.ExpTransform() != D.TanhTransform()
    assert (
        D.AffineTransform(1.0, 2.0) == D.AffineTransform(lib.tensor(1.0), 2.0) != D.AffineTransform(1.0, 3.0)
    )
    assert D.PowerTransform(lib.tensor(2.0)) == D.PowerTransform(lib.tensor(2.0))
    assert D.ComposeTransform([t]) == D.ComposeTransform([D.ExpTransform()])
    assert pickle.loads(pickle.dumps(D.ExpTransform())) == t


FORMS = [
    "D.Transform(cache_size=2)", "D.ReshapeTransform((2,), (1, 3))", "D.ReshapeTransform((2,), (1, 2)).forward_shape((3,))",
    "D.ReshapeTransform((2,), (1, 2)).forward_shape(())", "D.CorrCholeskyTransform().forward_shape((4,))",
    "D.CorrCholeskyTransform().inverse_shape((4,))", "D.CorrCholeskyTransform().inverse_shape((4, 3))",
    "D.StickBreakingTransform().forward_shape(())", "D.SoftmaxTransform().forward_shape(())",
    "D.IndependentTransform(D.ExpTransform(), 1)(torch.tensor(1.0))", "D.CatTransform([3])", "D.StackTransform([3])",
    "hash(D.ExpTransform())", "D.biject_to(D.constraints.dependent)", "D.transform_to(D.constraints.boolean)",
    "D.biject_to(D.constraints.positive_definite)", "D.biject_to.register(int, 3)",
    "D.biject_to(D.constraints.simplex)", "D.transform_to(D.constraints.simplex)", "D.transform_to(D.constraints.unit_interval)",
    "D.transform_to(D.constraints.positive)", "D.transform_to(D.constraints.real)", "D.biject_to(D.constraints.corr_cholesky)",
    "D.transform_to(D.constraints.lower_cholesky)", "D.biject_to(D.constraints.independent(D.constraints.positive, 1))",
    "D.constraints.dependent.check(1)", "D.constraints.dependent.event_dim", "D.constraints.dependent.is_discrete",
    "D.constraints.independent(D.constraints.real, 1).check(torch.tensor(1.0))", "D.constraints.Constraint().check(1)",
    "D.constraints.MixtureSameFamilyConstraint(3)", "D.utils.vec_to_tril_matrix(torch.ones(6), 1)",
    "D.utils.tril_matrix_to_vec(torch.ones(2, 2), 3)", "D.utils.vec_to_tril_matrix(torch.arange(1.0, 4), -1)",
    "D.utils.tril_matrix_to_vec(torch.arange(9.0).reshape(3, 3), 1)", "D.utils.logits_to_probs(torch.tensor([0.1, 2.0]))",
    "D.utils.probs_to_logits(torch.tensor([0.0, 0.3, 1.0]), True)", "D.utils.clamp_probs(torch.tensor([0.0, 0.3, 1.0]))",
]  # fmt: skip


@pytest.mark.parametrize("form", FORMS)
def test_texts_and_errors(form):
    same(form, *(Side(lib).attempt(form) for lib in LIBS))


CHECKS = [
    ("boolean", "[0.0, 1.0, 2.0]"), ("real", "[1.0, float('nan')]"), ("positive", "[0.0, 1.0]"), ("nonnegative", "[0.0, -1.0]"),
    ("less_than(3)", "[1.0, 3.0]"), ("interval(0, 1)", "[0.0, 1.0, 1.1]"), ("half_open_interval(0, 1)", "[0.0, 1.0]"),
    ("integer_interval(0, 3)", "[0.0, 1.5, 4.0]"), ("nonnegative_integer", "[-1.0, 0.5, 2.0]"), ("positive_integer", "[0.0, 1.0]"),
    ("multinomial(3)", "[[1.0, 2.0], [2.0, 2.0], [-1.0, 2.0]]"), ("one_hot", "[[1.0, 0.0], [1.0, 1.0], [0.5, 0.5]]"),
    ("simplex", "[[0.5, 0.5], [0.4, 0.5], [1.5, -0.5]]"), ("real_vector", "[[0.5, 0.5], [0.4, float('nan')]]"),
    ("lower_triangular", "[[[1.0, 0.0], [2.0, -1.0]], [[1.0, 2.0], [0.0, 1.0]]]"),
    ("lower_cholesky", "[[[1.0, 0.0], [2.0, 1.0]], [[1.0, 0.0], [0.0, -1.0]]]"),
    ("corr_cholesky", "[[[1.0, 0.0], [0.6, 0.8]], [[1.0, 0.0], [0.5, 0.5]]]"),
    ("square", "[[[1.0, 0.0], [0.6, 0.8]]]"), ("square", "[[[1.0, 0.0]]]"),
    ("symmetric", "[[[1.0, 0.3], [0.3, 0.8]], [[1.0, 0.3], [0.2, 0.8]]]"), ("symmetric", "[[[1.0, 0.0]]]"),
    ("positive_definite", "[[[1.0, 0.3], [0.3, 0.8]], [[1.0, 2.0], [2.0, 1.0]]]"),
    ("positive_semidefinite", "[[[1.0, 0.0], [0.0, 0.0]], [[1.0, 2.0], [2.0, 1.0]]]"),
    ("independent(C.positive, 1)", "[[1.0, 2.0], [0.0, 1.0]]"), ("cat([C.positive, C.real], 1, [1, 2])", "[[1.0, -2.0, 3.0], [-1.0, 1.0, 2.0]]"),
    ("stack([C.positive, C.real], 1)", "[[1.0, -2.0], [-1.0, 1.0]]"), ("MixtureSameFamilyConstraint(C.positive)", "[1.0, -2.0]"),
]  # fmt: skip


@pytest.mark.parametrize("form, data", CHECKS)
def test_constraints(form, data):
    answers = []
    for lib in LIBS:
        C = lib.distributions.constraints
        constraint = eval(f"C.{form}", {"C": C})
        texts = repr(constraint), constraint.event_dim, constraint.is_discrete, C.is_dependent(constraint)
        answers.append((texts, constraint.check(lib.tensor(eval(data)))))
    assert answers[0][0] == answers[1][0]
    same(form, answers[0][1], answers[1][1])


@pytest.mark.parametrize("lib", LIBS)
def test_constraints_and_factories_of_ones_own(lib):
    D = lib.distributions

    class Even(D.constraints.Constraint):
        is_discrete = True

        def check(self, value):
            return value % 2 == 0

    class Owner:
        @D.constraints.dependent_property(is_discrete=True, event_dim=0)
        def support(self):
            return Even()

    assert D.constraints.is_dependent(Owner.support) and Owner.support.is_discrete
    assert Owner().support.check(lib.tensor([1, 2])).tolist() == [False, True]
    registry = D.constraint_registry.ConstraintRegistry()
    registry.register(Even, lambda c: D.AffineTransform(0, 2))
    assert registry(Even())(lib.tensor(3.0)) == 6
