"""The process's environment in, the source revision it was built from out."""

import os

__all__ = ["revision"]


def revision() -> str:
    """What the image's build argument says; `unknown` outside an image."""
    return os.environ.get("AKSCERT_REVISION") or "unknown"
