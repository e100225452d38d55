"""Write a page of documentation for each environment, from its code: python -m robodl.pages"""

import sys
from dataclasses import dataclass
from pathlib import Path

from robodl import cli
from robodl.options import option


@dataclass
class Options:
    """Pages on environments, one for each and an index, made from code and from results; the same bytes every time."""

    env: list[str] = option([], help="tasks, such as [my_task]; ours if not given")
    output: str = option("docs/environments", help="folder to write to")
    results: str = option("docs/results", help="folder of suite.json and trained.json, if any")
    videos: str = option("videos", help="folder of <task>.gif, if any")
    check: bool = option(False, help="write nothing; exit code 1 if a page is not up to date")


def main() -> None:
    cli.guarded(lambda: pages(cli.parse(Options, sys.argv[1:], "robodl.pages")))


def pages(options: Options) -> None:
    """Make all pages, then write or compare them."""
    from robodl.documentation.environment_pages import MADE, environment_pages
    from robodl.documentation.markdown import update_files

    folder = Path(options.output)
    if not folder.resolve().parent.is_dir():
        raise cli.UsageError(f"there is no folder {folder.resolve().parent} to write {folder} to")
    if folder.exists() and not folder.is_dir():
        raise cli.UsageError(f"output must be a folder, got the file {folder}")
    with cli.settings_errors():
        made = environment_pages(options.env, Path(options.videos), Path(options.results))
    ours = {path.name for path in folder.glob("*.md") if path.read_bytes().startswith(MADE.encode())}
    if foreign := [name for name in made if name not in ours and (folder / name).exists()]:
        raise cli.UsageError(f"{', '.join(foreign)} in {folder} was not made by robodl.pages: choose another output=")
    obsolete = set() if options.env else ours - set(made)  # their environments no longer exist
    update_files({folder / name: made.get(name) for name in {*made, *obsolete}}, options.check, "robodl.pages")
    print(f"{len(made)} pages in {folder} are up to date")


if __name__ == "__main__":
    main()
