"""Randomised dynamics: each setting changes only its own fields of the model, within its range."""

import mujoco
import numpy as np
import pytest
from mujoco.batch import MODEL_FIELDS

from robodl_envs import make_vec

pytestmark = pytest.mark.unit

# Constants that MuJoCo derives from masses.
DERIVED = {"body_subtreemass", "body_invweight0", "dof_invweight0", "dof_M0", "actuator_acc0", "light_poscom0"}
SCALED = [
    ("mass", {"body_mass", "body_inertia"} | DERIVED),
    ("friction", {"geom_friction", "pair_friction"}),
    ("friction", {"geom_friction", "dof_frictionloss"}),
    ("damping", {"dof_damping"}),
    ("gain", {"actuator_gainprm", "actuator_biasprm"}),
]
TASKS = {"pair_friction": "slide", "dof_frictionloss": "open_drawer"}  # where a field is not zero; else push


def value(model, field):
    owner, _, name = field.rpartition(".")
    return np.array(getattr(model.opt if owner else model, name))


def changed_fields(envs, row):
    """The fields of the model in which a row differs from the model."""
    of_row = envs.batch.sim.batch.get_model(row)
    return {field for field in MODEL_FIELDS if not np.array_equal(value(of_row, field), value(envs.model, field))}


def factors(envs, field):
    """Each row's values of a field, divided by those of the model where these are not zero: (N, k)."""
    default = value(envs.model, field)
    return envs.batch.sim.expanded[field][:, default != 0.0] / default[default != 0.0]


@pytest.mark.parametrize(("name", "fields"), SCALED)
def test_scaled_fields(name, fields):
    """Every element has its own factor, another in each row and episode; a reset leaves other rows alone."""
    task = next((TASKS[field] for field in fields if field in TASKS), "push")
    envs, plain = (make_vec(task, num_envs=16, randomize=randomize) for randomize in ({name: 0.3}, None))
    observation, expected = envs.reset(seed=0)[0], plain.reset(seed=0)[0]
    for key, numbers in expected.items():  # the initial state is unchanged
        np.testing.assert_array_equal(observation[key], numbers)
    assert {frozenset(changed_fields(envs, row)) for row in range(16)} == {frozenset(fields)}
    for field in fields - DERIVED:
        first = factors(envs, field)
        assert first.min() >= 0.7 - 1e-12 and first.max() <= 1.3 + 1e-12 and np.ptp(first) > 0.4
        assert (np.ptp(first, axis=0) > 0.1).all()  # from row to row
    before = {field: envs.batch.sim.expanded[field].copy() for field in fields - DERIVED}
    envs.reset(options={"reset_mask": np.arange(16) % 2 == 0})
    for field in before:
        differs = (envs.batch.sim.expanded[field] != before[field]).reshape(16, -1).any(axis=1)
        assert differs.tolist() == [True, False] * 8


def test_fields_of_a_group_share_their_factors():
    """A body's mass and inertia; a servo's stiffness and its damping."""
    envs = make_vec("push", num_envs=3, randomize={"mass": 0.5, "gain": 0.5})
    envs.reset(seed=0)
    expanded, model = envs.batch.sim.expanded, envs.model
    heavy = model.body_mass > 0.0
    scale = (expanded["body_mass"][:, heavy] / model.body_mass[heavy])[..., None]
    np.testing.assert_allclose(expanded["body_inertia"][:, heavy], scale * model.body_inertia[heavy], rtol=1e-12)
    scale = expanded["actuator_gainprm"][..., :1] / model.actuator_gainprm[:, :1]
    np.testing.assert_allclose(expanded["actuator_biasprm"], scale * model.actuator_biasprm, rtol=1e-12)


def test_constants_derived_from_masses_are_each_rows_own():
    envs = make_vec("push", num_envs=3, randomize={"mass": 0.5})
    envs.reset(seed=0)
    for row in range(3):
        of_row, expected = (envs.batch.sim.batch.get_model(row) for _ in range(2))
        mujoco.mj_setConst(expected, mujoco.MjData(expected))
        for field in DERIVED:
            np.testing.assert_array_equal(value(of_row, field), value(expected, field))
        assert changed_fields(envs, row) >= DERIVED


def test_gravity_tilt():
    """Gravity leans by up to the setting in any direction, keeps its strength, and does not move arms."""
    envs = make_vec("reach", num_envs=64, randomize={"gravity_tilt": 5.0, "mass": 0.5})
    first = envs.reset(seed=0)[0]["achieved_goal"]
    gravity = envs.batch.sim.expanded["opt.gravity"]
    np.testing.assert_allclose(np.linalg.norm(gravity, axis=1), 9.81, rtol=1e-12)
    tilt = np.degrees(np.arccos(-gravity[:, 2] / 9.81))
    assert 0.0 <= tilt.min() < 0.5 and 4.5 < tilt.max() <= 5.0
    quadrants = np.unique(gravity[:, :2] > 0.0, axis=0)
    assert len(quadrants) == 4
    for _ in range(10):
        observation, *_ = envs.step(np.zeros((64, 3)))
    np.testing.assert_allclose(observation["achieved_goal"], first, atol=1e-5)
    envs = make_vec("push", num_envs=2, randomize={"gravity_tilt": 5.0})
    envs.reset(seed=0)
    assert changed_fields(envs, 0) == changed_fields(envs, 1) == {"opt.gravity"}


def test_a_puck_slides_by_its_rows_own_friction():
    """From a speed v it slides v^2 / (2 mu g), with mu of the pair of puck and table."""
    envs = make_vec("slide", num_envs=4, randomize={"friction": 0.5}, max_episode_steps=None)
    envs.reset(seed=0)
    sim, puck = envs.batch.sim, envs.task.puck
    puck.pos[:, :2], puck.velocity[:] = (-0.6, 0.5), (0.2, 0.0, 0.0)  # m, m/s, away from the arm
    sim.forward()
    start = puck.pos[:, 0].copy()
    for _ in range(150):
        sim.step(10)
    mu = sim.expanded["pair_friction"][:, 0, 0]
    np.testing.assert_allclose(puck.pos[:, 0] - start, 0.2**2 / (2.0 * mu * 9.81), rtol=0.03)
    assert np.ptp(mu) > 0.003
