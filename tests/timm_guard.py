"""timm for the tests, also where torchvision's build does not match torch's.

No torchvision on PyPI imports beside the CPU build of torch that the tests use: its library of operators cannot be
loaded, and ``import torchvision`` then fails because the schemas of two of them, ``nms`` and ``qnms``, are missing.
Only after that very error the two schemas are defined here. The operators themselves stay unusable; no encoder calls
them. The package has no such thing: users have matching builds.
"""

import sys

import torch

SCHEMA = "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"
_LIBRARIES: list[torch.library.Library] = []


def ensure_timm() -> None:
    """Import timm; where torchvision lacks its operators, define the two missing schemas and import again."""
    try:
        import timm  # noqa: F401
    except RuntimeError as error:
        if "operator torchvision::nms does not exist" not in str(error):
            raise
    else:
        return
    for name in [name for name in sys.modules if name.partition(".")[0] in ("torchvision", "timm")]:
        del sys.modules[name]  # half imported
    if not _LIBRARIES:
        library = torch.library.Library("torchvision", "FRAGMENT")  # type: ignore[no-untyped-call]
        for operator in ("nms", "qnms"):
            library.define(operator + SCHEMA)  # type: ignore[no-untyped-call]
        _LIBRARIES.append(library)  # kept: the schemas go with it
    import timm  # noqa: F401
