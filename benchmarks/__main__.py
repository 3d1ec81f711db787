"""All measurements: `python -m benchmarks [DIR …]`, where DIR are judged collections.

What needs files or programs that are not there is left out, with a line that says so.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec


@dataclass(frozen=True, kw_only=True)
class Part:
    """A script of this package with its arguments; what it lacks, if it cannot run."""

    name: str
    arguments: tuple[str, ...] = ()
    lacks: str = ""


def list_parts(chosen: argparse.Namespace) -> Iterator[Part]:
    """Every part in the order of docs/benchmarks.md."""
    no_folders = "" if chosen.folders else "judged collections: COLLECTIONS='DIR DIR'"
    files = (chosen.bmf, chosen.missions, chosen.work)
    no_files = "" if all(files) else "files: BMF=FILE MISSIONS=DIR WORK=DIR"
    no_dask = "" if find_spec("dask") else "Dask: pip install -r benchmarks/requirements.txt"
    no_wrk = "" if shutil.which("wrk") else "wrk: apt install wrk, or brew install wrk"
    no_browser = "" if shutil.which("chromium") else "Chromium: apt install chromium"
    register = (chosen.bmf, chosen.missions, "--work", chosen.work)
    yield Part(name="relevance", arguments=tuple(chosen.folders), lacks=no_folders)
    yield Part(name="judged")
    yield Part(name="floor")
    yield Part(name="corrections")
    yield Part(name="bilingual")
    yield Part(name="known_items")
    yield Part(name="ablation", arguments=tuple(chosen.folders))
    yield Part(name="fairness")
    yield Part(name="matching")
    yield Part(name="scale", arguments=register, lacks=no_files)
    yield Part(name="cluster", arguments=register, lacks=no_files or no_dask)
    yield Part(name="publishing")
    yield Part(name="start")
    yield Part(name="http", lacks=no_wrk)
    yield Part(name="pages", lacks=no_browser)
    yield Part(name="widget", lacks=no_browser)


def run(part: Part) -> None:
    """Run a part as a process of its own, or say why not."""
    print(f"\n## {part.name}\n", flush=True)
    if part.lacks:
        print(f"Left out: needs {part.lacks}", flush=True)
        return
    subprocess.run([sys.executable, "-m", f"benchmarks.{part.name}", *part.arguments], check=True)


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """The files that the parts need; an empty name is none, as make gives it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", nargs="*", help="collections in BEIR's format")
    parser.add_argument("--bmf", default="", help="an IRS Business Master File")
    parser.add_argument("--missions", default="", help="a collection of missions by NTEE code")
    parser.add_argument("--work", default="", help="where large generations are kept")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    for each in list_parts(parse()):
        run(each)
