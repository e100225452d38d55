"""Domain randomisation: what may differ from episode to episode besides the task, and by how much; and looks that do.

Everything is off by default, and what is on changes nothing but what it says. The rest is in physics.py, sensors.py and
signals.py.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np

from robodl_envs.arrays import did_you_mean, quat_mul, rotvec_to_quat
from robodl_envs.component import Component
from robodl_envs.rendering.shading import geom_colors

MOST_LATENCY = 3  # frames, or control steps
MOST = {
    **dict.fromkeys(("colors", "lights", "background", "camera_position", "state_noise"), 1),
    **dict.fromkeys(("camera_fovy", "mass", "friction", "damping", "gain"), 0.9),
    **dict.fromkeys(("dropped", "state_dropped"), 0.99),
    **dict.fromkeys(("latency", "action_latency"), MOST_LATENCY),
    "camera_angle": 90,
    "noise": 128,
    "blur": 8,
    "gravity_tilt": 30,
}


@dataclass(frozen=True)
class Randomize:
    """How much varies. Each episode draws anew from its row's stream, uniformly unless another way is named.

    What is of pictures changes nothing where an observation has none.
    """

    # What pictures show.
    colors: float = 0.0  # of every geom, each of red, green, blue (0 to 1) by as much up or down
    lights: float = 0.0  # brightness by this share up or down; direction by a normal share of its length
    background: float = 0.0  # of what lies beyond the floor: from black to this share of any colour
    camera_position: float = 0.0  # m along each axis of the camera's body
    camera_angle: float = 0.0  # degrees about each of the camera's axes
    camera_fovy: float = 0.0  # field of view by this share up or down
    # What cameras do to them.
    noise: float = 0.0  # of colours, normal, standard deviation in levels of 256, new in every picture
    blur: float = 0.0  # px, the most that a Gaussian's standard deviation may be
    latency: int = 0  # frames that pictures may be late, 0 to 3
    dropped: float = 0.0  # share of pictures that do not arrive, so that the one before stays
    # Physics.
    mass: float = 0.0  # of every body, its inertia with it, by this share up or down
    friction: float = 0.0  # of every geom, of every pair with a friction of its own, of every joint, likewise
    damping: float = 0.0  # of every joint, likewise
    gain: float = 0.0  # of every servo, likewise: its force at a distance from its command, and at a speed
    gravity_tilt: float = 0.0  # degrees that gravity may lean, in any direction
    # What the wires do to the vectors of an observation but its goals, and to actions.
    state_noise: float = 0.0  # normal, standard deviation as a share of half a number's range, new in every step
    state_dropped: float = 0.0  # share of steps in which no numbers arrive, so that those before stay
    action_latency: int = 0  # control steps that actions may be late, 0 to 3

    def __post_init__(self):
        for name, value in asdict(self).items():
            kind, types = ("an integer", int) if name.endswith("latency") else ("a number", (int, float))
            if not isinstance(value, types) or isinstance(value, bool) or not 0 <= value <= MOST[name]:
                raise ValueError(f"randomize.{name} must be {kind} from 0 to {MOST[name]}, got {value!r}")

    @property
    def looks(self) -> bool:
        """Whether anything about the scene or the cameras varies."""
        names = ("colors", "lights", "background", "camera_position", "camera_angle", "camera_fovy")
        return any(getattr(self, name) for name in names)

    @property
    def physics(self) -> bool:
        """Whether anything about masses, contacts, joints, servos or gravity varies."""
        return any(getattr(self, name) for name in ("mass", "friction", "damping", "gain", "gravity_tilt"))

    @property
    def signals(self) -> bool:
        """Whether anything lies between the arm and what observations say of it, or between an action and the arm."""
        return any(getattr(self, name) for name in ("state_noise", "state_dropped", "action_latency"))


NOTHING = Randomize()  # varies


def randomize_settings(value: "Randomize | Mapping[str, Any] | None") -> Randomize:
    """Settings from a Randomize, from names and numbers, or from None for no randomisation.

    Raises:
        ValueError: a number out of its range.
        TypeError: a name that is none of Randomize's.
    """
    if isinstance(value, Randomize):
        return value
    if value is not None and not isinstance(value, Mapping):
        raise TypeError(f"randomize must be names with numbers, such as {{'colors': 0.1}}, got {value!r}")
    known = [field.name for field in fields(Randomize)]
    for name in value or {}:
        if name not in known:
            raise TypeError(f"randomize has no {name!r}{did_you_mean(str(name), known)}; there are {', '.join(known)}")
    return Randomize(**(value or {}))


class Visuals(Component):
    """Varies colours, lights, cameras and the background at the start of each episode; physics stays as it is.

    What a task has chosen for an episode varies from there.
    """

    saved = ("sky",)

    def __init__(self, settings: Randomize):
        self.settings = settings

    def bind(self, sim):
        model, s = sim.model, self.settings
        wanted = {
            "geom_rgba": s.colors,
            "light_diffuse": s.lights,
            "light_dir": s.lights,
            "cam_pos": s.camera_position,
            "cam_quat": s.camera_angle,
            "cam_fovy": s.camera_fovy,
        }
        self.own = {field: sim.expand(field) for field, amount in wanted.items() if amount}  # (N, ...), live
        # What brings a geom without a colour of its own to its material's.
        self.painted = geom_colors(sim, np.arange(1))[0] - model.geom_rgba[:, :3]  # (ngeom, 3)
        self.sky = np.zeros((sim.num, 3), np.uint8)  # the colour beyond the floor

    def reset(self, ids, rng):
        s, own = self.settings, self.own
        now = {field: values[ids] for field, values in own.items()}  # (n, ...) copies
        if s.colors:
            shift = rng.uniform(ids, np.full(self.painted.shape, -s.colors), s.colors)
            own["geom_rgba"][ids, :, :3] = np.clip(now["geom_rgba"][..., :3] + self.painted + shift, 0.0, 1.0)
        if s.lights:
            count = now["light_dir"].shape[1]
            brightness = rng.uniform(ids, np.full((count, 1), 1.0 - s.lights), 1.0 + s.lights)
            own["light_diffuse"][ids] = np.clip(now["light_diffuse"] * brightness, 0.0, 1.0)
            way = now["light_dir"] + rng.normal(ids, np.zeros((count, 3)), s.lights)
            own["light_dir"][ids] = way / np.sqrt((way**2).sum(axis=2, keepdims=True))
        if s.background:
            self.sky[ids] = rng.uniform(ids, np.zeros(3), 255.0 * s.background).astype(np.uint8)
        if s.camera_position:
            shift = rng.uniform(ids, np.full(now["cam_pos"].shape[1:], -s.camera_position), s.camera_position)
            own["cam_pos"][ids] = now["cam_pos"] + shift
        if s.camera_angle:
            most = np.radians(s.camera_angle)
            turn = rng.uniform(ids, np.full((now["cam_quat"].shape[1], 3), -most), most)
            own["cam_quat"][ids] = quat_mul(now["cam_quat"], rotvec_to_quat(turn))  # about its own axes
        if s.camera_fovy:
            share = rng.uniform(ids, np.full(now["cam_fovy"].shape[1:], 1.0 - s.camera_fovy), 1.0 + s.camera_fovy)
            own["cam_fovy"][ids] = np.minimum(now["cam_fovy"] * share, 150.0)
