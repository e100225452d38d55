"""Train again what docs/results has a row of, and compare: python -m robodl.reproduce row=push/ppo seed=1"""

import shlex
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from robodl import cli
from robodl.options import option


@dataclass
class Options:
    """Train what a row of docs/results/trained.json says, with its command, and compare what it reaches.

    Rows are named by their command: push is `env=push`, push/ppo is `env=push algo=ppo`, reach/reach_pixels is
    `experiment=reach_pixels`; without row= all are listed. The same seed gives the same bits on one machine with one
    set of versions; elsewhere the success rate is to agree with the row's within the 95 % interval of their
    difference, and exit code 1 says that it is worse. Of a seed that was never run, all the row's seeds together are
    compared with.
    """

    row: str = option("", help="name of the row; all are listed if not given")
    seed: int = option(0, help="seed of the training", at_least=0)
    name: str | None = option(None, help="name of the run, in runs/<env>; date, time and a random id if not given")
    results: str = option("docs/results", help="folder of trained.json")


def main() -> None:
    cli.guarded(lambda: reproduce(cli.parse(Options, sys.argv[1:], "robodl.reproduce")))


def reproduce(options: Options) -> None:
    """Train as a row says and print both results; exit code 1 if the new one is worse."""
    from robodl.documentation.comparison import comparison, listed, named
    from robodl.documentation.results import load, read
    from robodl_envs import did_you_mean

    if not (Path(options.results) / "trained.json").is_file():
        raise cli.UsageError(f"there is no {options.results}/trained.json: it is in the repository, or give results=")
    found = load(Path(options.results))
    rows = named(found.trained + found.varied)
    if not options.row:
        print("\n".join(listed(rows)))
        return
    if options.row not in rows:
        raise cli.UsageError(f"no row {options.row!r}{did_you_mean(options.row, rows)}; without row= all are listed")
    command, name = rows[options.row][0]["command"], options.name or cli.dated_name()
    if "<" in command:
        raise cli.UsageError(f"row {options.row} needs a file: {command}")
    words = [*shlex.split(command.replace("seed=S", f"seed={options.seed}"))[1:], f"name={name}"]
    print(f"python {shlex.join(words)}", flush=True)
    done = subprocess.run([sys.executable, *words])
    if done.returncode:
        raise SystemExit(done.returncode)
    result = read(Path("runs") / rows[options.row][0]["env"] / name / "result.json", {})
    lines, worse = comparison(result, rows[options.row], options.seed)
    print(f"\n{options.row}, seed {options.seed}", *lines, sep="\n")
    if worse:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
