"""Public weights: under which name and where each is published, and for which pictures it was made.

File names and preparations are those of torchvision's and timm's own meta data; `tests/networks/test_origins.py` holds
this table against both. Nothing here imports torch, so that a refusal is quick.
"""

from __future__ import annotations

from dataclasses import dataclass

Three = tuple[float, float, float]

IMAGENET_MEAN: Three = (0.485, 0.456, 0.406)
IMAGENET_STD: Three = (0.229, 0.224, 0.225)


@dataclass(frozen=True, slots=True, kw_only=True)
class Preparation:
    """How pictures are made ready for weights at test.

    Args:
        mean: of each channel in [0, 1], subtracted.
        std: of each channel in [0, 1], divided by.
        interpolation: of the resizing.
        crop: the share of the short side that is kept.
        side: of the pictures in training, pixels; None where it is not known.
    """

    mean: Three = IMAGENET_MEAN
    std: Three = IMAGENET_STD
    interpolation: str = "bicubic"
    crop: float = 1.0
    side: int | None = None


#: Of Keras Applications' ResNets, as Caffe had it: pixels from 0 to 255 less the channels' means, 224 out of 256.
KERAS = Preparation(
    mean=(123.68 / 255, 116.779 / 255, 103.939 / 255),
    std=(1 / 255, 1 / 255, 1 / 255),
    interpolation="bilinear",
    crop=0.875,
    side=224,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Public:
    """Weights that anybody can fetch.

    Args:
        origin: `torchvision:RECIPE` or `timm:MODEL.RECIPE`, as in a study.
        url: of the file.
        file: its name on this machine.
        digest: the first digits of its SHA-256, empty where they are not published.
        preparation: of its pictures.
    """

    origin: str
    url: str
    file: str
    digest: str
    preparation: Preparation

    @property
    def recipe(self) -> str:
        """Where it is from and how it was trained, whatever the network: `timm:a1_in1k`."""
        library, _, name = self.origin.partition(":")
        return f"{library}:{name.rpartition('.')[2]}"


_TORCHVISION = {  # by network and recipe: digest, side to which the short side is resized before the crop of 224
    "resnet50.IMAGENET1K_V1": ("0676ba61", 256),
    "resnet50.IMAGENET1K_V2": ("11ad3fa6", 232),
    "resnet101.IMAGENET1K_V1": ("63fe2227", 256),
    "resnet101.IMAGENET1K_V2": ("cd907fc2", 232),
}
_A, _A3, _OLD = (224, 0.95, "bicubic"), (160, 0.95, "bicubic"), (224, 0.875, "bilinear")
_TIMM = {  # by model and recipe: side in training, crop at test, interpolation
    "resnet50.a1_in1k": _A,
    "resnet101.a1_in1k": _A,
    "resnet50.a2_in1k": _A,
    "resnet101.a2_in1k": _A,
    "resnet50.a3_in1k": _A3,
    "resnet101.a3_in1k": _A3,
    "res2net50_26w_4s.in1k": _OLD,
    "res2net101_26w_4s.in1k": _OLD,
    "res2net50_26w_6s.in1k": _OLD,
    "res2net50_26w_8s.in1k": _OLD,
    "res2net50_14w_8s.in1k": _OLD,
    "res2net50_48w_2s.in1k": _OLD,
    "resnet50d.a1_in1k": _A,
    "resnet101d.ra2_in1k": (256, 0.95, "bicubic"),
    "seresnet50.a1_in1k": _A,
    "resnetrs50.tf_in1k": (160, 0.91, "bicubic"),
    "resnetrs101.tf_in1k": (192, 0.94, "bicubic"),
}

#: Recipes in the order in which `auto` would have them: the most accurate first.
RECIPES = (
    "timm:a1_in1k",
    "torchvision:IMAGENET1K_V2",
    "timm:a2_in1k",
    "timm:a3_in1k",
    "torchvision:IMAGENET1K_V1",
    "timm:in1k",
    "timm:tf_in1k",
)


def public(network: str, origin: str) -> Public:
    """The public weights of that origin.

    Args:
        network: its name in the catalogue; torchvision's recipes bear the same name for every network.
        origin: one that the network's entry in `family` publishes.

    Raises:
        KeyError: there are none.
    """
    library, _, name = origin.partition(":")
    if library == "torchvision":
        digest, resized = _TORCHVISION[f"{network}.{name}"]
        file = f"{network}-{digest}.pth"
        url = f"https://download.pytorch.org/models/{file}"
        preparation = Preparation(interpolation="bilinear", crop=224 / resized, side=224)
        return Public(origin=origin, url=url, file=file, digest=digest, preparation=preparation)
    side, crop, interpolation = _TIMM[name]
    preparation = Preparation(interpolation=interpolation, crop=crop, side=side)
    url = f"https://huggingface.co/timm/{name}/resolve/main/model.safetensors"
    return Public(origin=origin, url=url, file=f"{name}.safetensors", digest="", preparation=preparation)
