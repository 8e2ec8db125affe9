"""Names that a layer's class looks up itself are attributes of its instances alone, in both libraries."""

import pytest

LAYERS_WITH_WEIGHTS = {
    "Linear": (2, 3), "Conv2d": (1, 2, 3), "ConvTranspose1d": (1, 2, 3), "BatchNorm1d": (3,), "LayerNorm": (3,),
    "GroupNorm": (1, 3), "RMSNorm": (3,), "Embedding": (4, 2),
}  # fmt: skip


@pytest.mark.parametrize("name", LAYERS_WITH_WEIGHTS)
def test_a_registered_name_is_an_attribute_of_the_layer_alone(library, name):
    cls = getattr(library.nn, name)
    assert not hasattr(cls, "weight")
    with pytest.raises(AttributeError, match=f"^type object '{name}' has no attribute 'weight'$"):
        _ = cls.weight
    layer = cls(*LAYERS_WITH_WEIGHTS[name])
    weight = layer.weight
    assert weight is layer._parameters["weight"]
    del layer.weight
    with pytest.raises(AttributeError, match=f"^'{name}' object has no attribute 'weight'$"):
        _ = layer.weight
    layer.weight = plain = library.ones(2)  # what the instance holds comes first
    assert layer.weight is plain and "weight" not in layer._parameters
    del layer.weight
    layer.weight = weight
    assert layer.weight is weight
    layer._parameters["weight"] = None
    assert layer.weight is None


def test_a_subclass_may_define_a_registered_name_anew(library):
    nn = library.nn

    class Doubled(nn.Linear):
        @property
        def bias(self):
            return self._parameters["offset"] * 2

        def __init__(self):
            nn.Module.__init__(self)
            self.weight = nn.Parameter(library.eye(2))
            self.offset = nn.Parameter(library.ones(2))

    assert Doubled()(library.zeros(2)).tolist() == [2.0, 2.0]
