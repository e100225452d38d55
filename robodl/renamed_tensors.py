"""Names of tensors that changed since version 0.1, so that its policies and encoders still load."""

from typing import Any

RENAMED = {
    "eyes": "image_encoder",
    "ask": "query",
    "middle": "center",
    "glance": "glimpse_network",
}


def with_current_names(values: dict[str, Any]) -> dict[str, Any]:
    """Values by today's names, of which any part between dots may have changed; today's names stay."""
    return {".".join(RENAMED.get(part, part) for part in name.split(".")): value for name, value in values.items()}
