"""All measurements: `python -m benchmarks [DIR …]`, where DIR are judged collections."""

from __future__ import annotations

import subprocess
import sys

FOLDERS = sys.argv[1:]
PARTS = [("matching", []), ("http", []), *([("relevance", FOLDERS)] if FOLDERS else [])]

if __name__ == "__main__":
    for name, arguments in PARTS:
        print(f"\n## {name}\n", flush=True)
        subprocess.run([sys.executable, "-m", f"benchmarks.{name}", *arguments], check=True)
