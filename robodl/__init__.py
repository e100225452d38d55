"""Training for robodl_envs: Hydra-configured commands around Stable-Baselines3."""

import time
from importlib.util import find_spec

START_TIME = time.time()  # of the program, before its imports, for which a user waits too
missing = [name for name in ("torch", "stable_baselines3", "sb3_contrib", "hydra") if find_spec(name) is None]
if missing:
    raise ImportError(f"training needs {', '.join(missing)}: pip install 'robodl[train]'")
