"""Print the README's fenced shell command that contains a word, as CI runs it in the clone."""

import re
import sys
from pathlib import Path


def command(readme: str, word: str) -> str:
    blocks = re.findall(r"```(?:sh|bash|console)\n(.*?)```", readme, flags=re.S)
    found = [block for block in blocks if word in block]
    if len(found) != 1:
        raise SystemExit(f"README.md has {len(found)} shell blocks with {word!r}; it must have one")
    # CI stands in the clone already.
    lines = [line.removeprefix("$ ") for line in found[0].strip().splitlines()]
    return "\n".join(line for line in lines if not line.startswith(("git clone", "cd ")))


if __name__ == "__main__":
    print(command(Path("README.md").read_text(encoding="utf-8"), sys.argv[1]))
