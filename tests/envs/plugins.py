"""A plugin as users install it: a task of another package, found by its entry point."""

import textwrap

HOVER = """
    from dataclasses import dataclass
    import robodl_envs
    from robodl_envs.scene import add_marker
    from robodl_envs.tasks.task import Task
    from robodl_envs.arrays import distance

    @dataclass(eq=False)
    class Hover(Task):
        height: float = 0.3

        def build(self, spec):
            add_marker(spec, "spot", radius=0.01)

        def bind(self, sim):
            self.spot = sim.mocap_pos("spot")

        def reset(self, ids, rng):
            self.spot[ids] = rng.uniform(ids, [0.4, 0.0, self.height], [0.5, 0.1, self.height])

        def achieved_goal(self):
            return self.robot.tool

        def desired_goal(self):
            return self.spot

        def success(self, achieved, desired):
            return distance(achieved, desired) < 0.02

    robodl_envs.register_task("hover", Hover, max_episode_steps=20)
"""


def install(folder, name="hover", program=HOVER):
    """Write what `pip install` of a plugin writes: a module and the metadata of its entry point."""
    (folder / f"{name}_plugin.py").write_text(textwrap.dedent(program))
    info = folder / f"{name}_plugin-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}-plugin\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[robodl.plugins]\n{name} = {name}_plugin\n")
