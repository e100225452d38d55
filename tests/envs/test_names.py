"""Third parties' tasks: found through their entry point, made and stepped like ours."""

import subprocess
import sys
import textwrap

PLUGIN = """
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


def install(folder):
    """What `pip install` leaves of a plugin: a module and the metadata of its entry point."""
    (folder / "hover_plugin.py").write_text(textwrap.dedent(PLUGIN))
    info = folder / "hover_plugin-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: hover-plugin\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[robodl.plugins]\nhover = hover_plugin\n")


def test_entry_point(tmp_path, monkeypatch):
    """A task of an installed package is made by name, with its own settings, and by Gymnasium's module:id."""
    install(tmp_path)
    code = """
        import gymnasium
        import sys
        from robodl_envs.gym_env import make
        assert "hover_plugin" not in sys.modules
        env = make("hover", height=0.2)
        assert env.reset(seed=0)[0]["desired_goal"][2].round(3) == 0.2
        spec = gymnasium.spec("robodl/Hover-v0")
        assert spec.max_episode_steps == 20
        assert gymnasium.make("hover_plugin:robodl/Hover-v0").unwrapped.task.height == 0.3
        print("fine")
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, env={"PYTHONPATH": str(tmp_path)}
    )
    assert done.stdout == "fine\n", done.stderr
