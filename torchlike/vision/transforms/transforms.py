"""The transforms as classes (`torchvision.transforms.transforms`)."""

from __future__ import annotations

from ..._core.names import missing as _missing
from ._compose import Compose as Compose
from ._compose import RandomApply as RandomApply
from ._compose import RandomChoice as RandomChoice
from ._compose import RandomOrder as RandomOrder
from ._compose import RandomTransforms as RandomTransforms
from ._erasing import RandomErasing as RandomErasing
from ._fixed import CenterCrop as CenterCrop
from ._fixed import ConvertImageDtype as ConvertImageDtype
from ._fixed import FiveCrop as FiveCrop
from ._fixed import Grayscale as Grayscale
from ._fixed import Lambda as Lambda
from ._fixed import Normalize as Normalize
from ._fixed import Pad as Pad
from ._fixed import PILToTensor as PILToTensor
from ._fixed import Resize as Resize
from ._fixed import ToPILImage as ToPILImage
from ._fixed import ToTensor as ToTensor
from ._image import InterpolationMode as InterpolationMode
from ._random import ColorJitter as ColorJitter
from ._random import RandomAffine as RandomAffine
from ._random import RandomCrop as RandomCrop
from ._random import RandomGrayscale as RandomGrayscale
from ._random import RandomHorizontalFlip as RandomHorizontalFlip
from ._random import RandomInvert as RandomInvert
from ._random import RandomResizedCrop as RandomResizedCrop
from ._random import RandomRotation as RandomRotation
from ._random import RandomVerticalFlip as RandomVerticalFlip

__all__ = [name for name in dir() if name[0].isupper()]  # type: ignore[reportUnsupportedDunderAll]
__getattr__ = _missing(__name__)
