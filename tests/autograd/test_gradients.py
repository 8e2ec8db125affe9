"""`.grad` of a leaf is one Tensor, made when somebody looks at it: nobody can tell, in both libraries."""

import copy

import pytest


def rounds(library, body, n=6):
    """`body(w, i)` after each of some equal backwards: the later ones come from a Plan."""
    w = library.tensor([1.0, 2.0], requires_grad=True)
    for i in range(n):
        w.grad = None
        (w**2).sum().backward()
        body(w, i)


def test_a_gradient_is_one_tensor_however_often_it_is_looked_at(library):
    held = []

    def body(w, i):
        g = w.grad
        assert g is w.grad and type(g) is library.Tensor and g.is_leaf and not g.requires_grad
        assert g._version == 0
        g.mul_(2)
        assert w.grad.tolist() == [4.0, 8.0] and w.grad._version == 1
        held.append(g)

    rounds(library, body)
    assert len(set(map(id, held))) == 6
    assert all(g.tolist() == [4.0, 8.0] for g in held)


def test_a_gradient_that_nobody_looked_at_is_added_to_and_copied(library):
    def body(w, i):
        (w * 3).sum().backward()
        other = copy.deepcopy(w)
        assert other.grad.tolist() == w.grad.tolist() == [5.0, 7.0]
        assert other.grad is not w.grad

    rounds(library, body)


def test_a_gradient_that_nobody_looked_at_is_clipped_and_stepped_with(library):
    def body(w, i):
        w.data.copy_(library.tensor([3.0, 4.0]))
        opt = library.optim.SGD([w], lr=1.0)
        opt.zero_grad()
        (w**2).sum().backward()
        assert library.nn.utils.clip_grad_norm_([w], 5.0).item() == 10.0
        opt.step()
        assert w.abs().max().item() < 1e-6  # PyTorch divides by the norm and 1e-6
        w.data.copy_(library.tensor([1.0, 2.0]))

    rounds(library, body)


def test_grad_dtype_is_refused_beside_a_gradient_that_nobody_looked_at(library):
    def body(w, i):
        with pytest.raises(RuntimeError, match="because there is already a gradient with dtype 'float'"):
            w.grad_dtype = library.float64

    rounds(library, body)


def test_a_gradient_of_a_subclass_stays_the_same_when_it_takes_part(library):
    class Sub(library.Tensor):
        pass

    w = library.tensor([1.0, 2.0]).as_subclass(Sub).requires_grad_()
    for _ in range(6):
        w.grad = None
        (w**2).sum().backward()
        again = w * 2
        g = w.grad
        again.sum().backward()
        assert w.grad is g and g.tolist() == [4.0, 6.0]
