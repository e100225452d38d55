"""Settings of domain randomisation: what may differ from episode to episode, and by how much.

Everything is off by default, and each setting affects only its own quantity.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from robodl_envs.arrays import check_choice, did_you_mean

GROUPS = {
    "visuals": ("colors", "lights", "background", "camera_position", "camera_angle", "camera_fovy"),
    "image_noise": ("noise", "blur", "latency", "dropped"),
    "physics": ("mass", "friction", "damping", "gain", "gravity_tilt"),
    "signals": ("state_noise", "state_dropped", "action_latency"),
}


def bounded(most: float, default: float = 0.0) -> Any:
    """A setting from 0, off, to its greatest value."""
    return field(default=default, metadata={"most": most})


@dataclass(frozen=True)
class Randomize:
    """Amounts of variation. Each episode draws anew from its row's stream, uniformly unless another way is named.

    What is of images changes nothing where an observation has none.
    """

    # The scene, in images.
    colors: float = bounded(1)  # of every geom, each of red, green, blue (0 to 1) by as much up or down
    lights: float = bounded(1)  # brightness by this share up or down; direction by a normal share of its length
    background: float = bounded(1)  # of what lies beyond the floor: from black to this share of any colour
    camera_position: float = bounded(1)  # m along each axis of the camera's body
    camera_angle: float = bounded(90)  # degrees about each of the camera's axes
    camera_fovy: float = bounded(0.9)  # field of view by this share up or down
    # Images.
    noise: float = bounded(128)  # of colours, normal, standard deviation in levels of 256, new in every image
    blur: float = bounded(8)  # px, the greatest standard deviation of a Gaussian
    latency: int = bounded(3, 0)  # frames that images may be late, 0 to 3
    dropped: float = bounded(0.99)  # share of images that do not arrive, so that the one before stays
    # Physics.
    mass: float = bounded(0.9)  # of every body, its inertia with it, by this share up or down
    friction: float = bounded(0.9)  # of every geom, of every pair with a friction of its own, of every joint, likewise
    damping: float = bounded(0.9)  # of every joint, likewise
    gain: float = bounded(0.9)  # of every servo, likewise: its force at a distance from its command, and at a speed
    gravity_tilt: float = bounded(30)  # degrees that gravity may lean, in any direction
    # Observation vectors, but for goals, and actions.
    state_noise: float = bounded(1)  # normal, standard deviation as a share of half a number's range, new in every step
    state_dropped: float = bounded(0.99)  # share of steps in which no numbers arrive, so that those before stay
    action_latency: int = bounded(3, 0)  # control steps that actions may be late, 0 to 3

    def __post_init__(self):
        for each in fields(self):
            value, most = getattr(self, each.name), each.metadata["most"]
            kind, types = ("an integer", int) if each.type is int else ("a number", (int, float))
            if not isinstance(value, types) or isinstance(value, bool) or not 0 <= value <= most:
                raise ValueError(f"randomize.{each.name} must be {kind} from 0 to {most}, got {value!r}")

    def varies(self, group: str) -> bool:
        """Test whether any setting of a group is on."""
        return any(getattr(self, name) for name in GROUPS[group])


NOTHING = Randomize()
VISUALS = {"colors": 0.2, "lights": 0.4, "background": 1.0}
CAMERAS = {"camera_position": 0.03, "camera_angle": 3.0, "camera_fovy": 0.05}  # as if set up anew by hand every time
# For policies that must bear a slightly different world. From a tilt of 0.4 on slide's puck, on its most slippery,
# starts by itself.
PHYSICS = {"mass": 0.3, "friction": 0.3, "damping": 0.3, "gain": 0.1, "gravity_tilt": 0.2}
# A cheap camera, and noise, dropout and latency of state observations and actions. A state noise of 0.002 is 1 mm of
# where a cube is, 0.3 degrees of a joint.
SENSORS: dict[str, Any] = {"noise": 6.0, "blur": 0.7, "latency": 2, "dropped": 0.05}
SENSORS |= {"state_noise": 0.002, "state_dropped": 0.05, "action_latency": 1}
PRESETS: dict[str, dict[str, Any]] = {
    "none": {},
    "visuals": VISUALS,
    "cameras": CAMERAS,
    "physics": PHYSICS,
    "sensors": SENSORS,
    "all": VISUALS | CAMERAS | PHYSICS | SENSORS,
}


def randomize_settings(value: "Randomize | Mapping[str, Any] | str | None") -> Randomize:
    """Settings from a Randomize, from numbers by name, from the name of a preset, or from None."""
    if isinstance(value, Randomize):
        return value
    if isinstance(value, str):
        check_choice("randomize", value, tuple(PRESETS))
        value = PRESETS[value]
    if value is not None and not isinstance(value, Mapping):
        raise TypeError(f"randomize must be a preset or numbers by name, such as {{'colors': 0.1}}, got {value!r}")
    known = [each.name for each in fields(Randomize)]
    for name in value or {}:
        if name not in known:
            raise TypeError(f"randomize has no {name!r}{did_you_mean(str(name), known)}; there are {', '.join(known)}")
    return Randomize(**(value or {}))
