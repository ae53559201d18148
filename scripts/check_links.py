"""Check every link in the Markdown files that points into the repository: the file and, where named, the heading.

Run by `make check`. Links to other sites are left alone: checking them would need a network.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LINK = re.compile(r"!?\[[^\]]*\]\(\s*<?([^)\s>]+)>?[^)]*\)|(?:src|href)=\"([^\"]+)\"")
HEADING = re.compile(r"^#{1,6}\s+(.+?)\s*#*$", re.MULTILINE)
UNSHOWN = re.compile(r"^```.*?^```|`[^`\n]*`|<!--.*?-->", re.MULTILINE | re.DOTALL)  # code and comments
ELSEWHERE = re.compile(r"^[a-z][a-z0-9+.-]*:")


def anchors(text: str) -> set[str]:
    """The anchors that GitHub gives to the headings of a Markdown text."""
    headings = HEADING.findall(re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def broken_links(page: Path) -> list[str]:
    """One line for each link of the page that leads nowhere."""
    problems = []
    text = page.read_text(encoding="utf-8")
    for groups in LINK.findall(UNSHOWN.sub("", text)):
        link = next(filter(None, groups))
        if ELSEWHERE.match(link):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if not target.exists():
            problems.append(f"{page.relative_to(ROOT)}: {link}: no such file")
        elif anchor and target.suffix == ".md" and anchor not in anchors(target.read_text(encoding="utf-8")):
            problems.append(f"{page.relative_to(ROOT)}: {link}: no such heading")
    return problems


def main() -> int:
    """Print the broken links; 1 where there is one."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.md"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    pages = [ROOT / name for name in listed.stdout.splitlines() if (ROOT / name).is_file()]
    problems = [problem for page in pages for problem in broken_links(page)]
    sys.stdout.write(
        "".join(f"{problem}\n" for problem in problems) + f"{len(pages)} pages, {len(problems)} broken links\n"
    )
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
