"""Collect measured results and write their tables: python -m robodl.results runs=[runs/push/a,runs/push/b]"""

import sys
from dataclasses import dataclass
from pathlib import Path

from robodl import cli
from robodl.options import option


@dataclass
class Options:
    """Tables of README.md and docs/benchmarks.md and curves, from the JSON files of docs/results, and these from runs.

    A run's folder gives a row of trained.json, a file that `robodl.evaluate output=` wrote a row of evaluations.json;
    each takes the place of an earlier row of the same command and seed. suite.json is what `robodl.suite output=`
    writes. Without runs= the tables and curves alone are made. Pages of environments are made by `robodl.pages`, and
    `robodl.reproduce` trains what a row says again.
    """

    runs: list[str] = option([], help="run folders and files of robodl.evaluate to collect")
    results: str = option("docs/results", help="folder of suite.json, trained.json and evaluations.json")
    texts: list[str] = option(["README.md", "docs/benchmarks.md"], help="files with tables between markers")
    check: bool = option(False, help="write nothing; exit code 1 if a table is not what the results give")


def main() -> None:
    cli.guarded(lambda: results(cli.parse(Options, sys.argv[1:], "robodl.results")))


def results(options: Options) -> None:
    """Collect, then write or compare the tables."""
    from robodl.documentation.collect import collect
    from robodl.documentation.curves import pictures
    from robodl.documentation.markdown import update_files
    from robodl.documentation.results import load
    from robodl.documentation.tables import filled

    folder, texts = Path(options.results), [Path(name) for name in options.texts]
    for path in [folder, *texts]:
        if not path.exists():
            raise cli.UsageError(f"there is no {path}; give results=<folder> and texts=<files>")
    if options.check and options.runs:
        raise cli.UsageError("check=true writes nothing: give runs= without it first")
    with cli.settings_errors():
        if options.runs:
            print(f"collected {collect(options.runs, folder)} results into {folder}")
        found = load(folder)
        new = {path: filled(path.read_text(encoding="utf-8"), found) for path in texts}
        curves = pictures(found.trained, folder / "curves")
    update_files({**{path: text for path, (text, _) in new.items()}, **curves}, options.check, "robodl.results")
    print(f"{sum(count for _, count in new.values())} tables in {len(texts)} files are up to date")


if __name__ == "__main__":
    main()
