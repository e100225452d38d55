"""Models of MuJoCo Menagerie, which the package `mujoco-menagerie` downloads at their first use."""

import mujoco

SCHEME = "menagerie:"


def load_menagerie(name: str) -> mujoco.MjSpec:
    """A new copy of the model "menagerie:MODEL/FILE", as "menagerie:kuka_iiwa_14/iiwa14": a folder and a file in it.

    Raises:
        FileNotFoundError: the model is not in the cache and can't be downloaded.
        ModuleNotFoundError: the package is missing.
        ValueError: there is no such model, or it can't be read.
    """
    model, _, file = name.removeprefix(SCHEME).removesuffix(".xml").partition("/")
    try:
        import mujoco_menagerie as menagerie
    except ModuleNotFoundError:
        raise ModuleNotFoundError(
            f"{model} is a model of MuJoCo Menagerie, for which the package mujoco-menagerie is missing; "
            'pip install "robodl[robots]"'
        ) from None
    try:
        return menagerie.get(model).spec(file)
    except (menagerie.DownloadError, OSError) as error:
        raise FileNotFoundError(
            f"{model} of MuJoCo Menagerie is not on this machine and can't be downloaded here ({error}); run "
            f"`mujoco-menagerie prefetch {model}` where there is a network, with version "
            f"{menagerie.__version__}, copy its cache here and set MENAGERIE_CACHE_DIR to the copy; or set "
            "MENAGERIE_ROOT to a checkout of MuJoCo Menagerie"
        ) from error
    except (menagerie.MenagerieError, ValueError) as error:
        raise ValueError(f"{model} of MuJoCo Menagerie can't be used: {' '.join(str(error).split())}") from error
