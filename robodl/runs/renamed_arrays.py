"""Names of tensors and arrays that changed since version 0.1, so that its policies, encoders and runs still load."""

from typing import TypeVar

T = TypeVar("T")

RENAMED = {
    # modules of networks
    "eyes": "image_encoder",
    "ask": "query",
    "middle": "center",
    "glance": "glimpse_network",
    # arrays of robodl.learning.frame_buffer.FrameBuffer
    "leads": "has_transition",
    "ends": "is_last",
    "terminal": "is_terminal",
    "where": "next_entry",
    "count": "num_entries",
}


def with_current_names(values: dict[str, T]) -> dict[str, T]:
    """Values by today's names, of which any part between dots may have changed; today's names stay."""
    return {".".join(RENAMED.get(part, part) for part in name.split(".")): value for name, value in values.items()}
