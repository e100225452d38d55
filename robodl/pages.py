"""Write a page of documentation for each environment, from its code: python -m robodl.pages"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from robodl import cli
from robodl.documentation.markdown import MADE
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
    folder = Path(options.output)
    if not folder.resolve().parent.is_dir():
        raise cli.UsageError(f"there is no folder {folder.resolve().parent} to write {folder} to")
    if folder.exists() and not folder.is_dir():
        raise cli.UsageError(f"output must be a folder, got the file {folder}")
    with cli.settings_errors():
        made = content(options.env, Path(options.videos), Path(options.results))
    there = {name: text for name in made if (text := existing(folder / name)) is not None}
    if foreign := [name for name, text in there.items() if not text.startswith(MADE)]:
        raise cli.UsageError(f"{', '.join(foreign)} in {folder} was not made by robodl.pages: choose another output=")
    stale = sorted(name for name, text in made.items() if there.get(name) != text)
    obsolete = [] if options.env else obsolete_pages(folder, made)
    if options.check and stale + obsolete:
        names = ", ".join(stale + obsolete)
        cli.fail(f"not up to date in {folder}: {names}; python -m robodl.pages writes them anew", code=1)
    if not options.check:
        folder.mkdir(exist_ok=True)
        for name in stale:
            (folder / name).write_text(made[name], encoding="utf-8", newline="\n")
            print(f"wrote {folder / name}")
        for name in obsolete:
            (folder / name).unlink()
            print(f"removed {folder / name}")
    print(f"{len(made)} pages in {folder} are up to date")


def existing(path: Path) -> str | None:
    return path.read_bytes().decode("utf-8", "replace") if path.is_file() else None


def obsolete_pages(folder: Path, made: dict[str, str]) -> list[str]:
    """Pages of ours whose environments no longer exist."""
    paths = sorted(path for path in folder.glob("*.md") if path.name not in made)
    return [path.name for path in paths if str(existing(path)).startswith(MADE)]


def content(tasks: Sequence[str], videos: Path, results: Path) -> dict[str, str]:
    """Each page's text, by file name."""
    from robodl.documentation.index import index
    from robodl.documentation.page import page, subject
    from robodl.documentation.results import load
    from robodl.evaluation.robot_support import chosen

    names, robots = chosen(tasks, [])
    found = load(results)
    subjects = [subject(task, robots) for task in names]
    texts = {f"{about.task}.md": page(about, videos, found) for about in subjects}
    return {**texts, "README.md": index(subjects, robots, found)}


if __name__ == "__main__":
    main()
