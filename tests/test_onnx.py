"""`torch.onnx` can be imported, and says that it exports nothing."""

import pytest

import torchlike
import torchlike.onnx


def test_export_refuses() -> None:
    assert torchlike.onnx is torchlike.__getattr__("onnx") and not torchlike.onnx.is_in_onnx_export()
    with pytest.raises(NotImplementedError, match="torch.onnx.export is not supported.*torch.save"):
        torchlike.onnx.export(torchlike.nn.Linear(2, 2), (torchlike.ones(2),), "model.onnx")
