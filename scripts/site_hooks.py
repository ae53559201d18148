"""What mkdocs does besides: links that leave docs/ become the names of what they point to, and nothing is fetched.

Pages are written for the repository, where `../SECURITY.md` is a link. The site holds docs/ alone, so there the same
link is the file's name. After the build every page and style is looked through for what a browser would load from
another host.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.pages import Page

LINK = re.compile(r"(?<!!)\[([^\]]*)\]\((\.\.?/[^)\s]*)\)")
ELSEWHERE = r"(?:https?:)?//[\w.-]+"
LOADED = re.compile(
    rf"<(?:script|img|iframe|source|audio|video|embed)\b[^>]*?\s(?:src|srcset)=[\"']?({ELSEWHERE})"
    rf"|<link\b(?=[^>]*\brel=[\"']?(?:stylesheet|preconnect|preload|icon|manifest))[^>]*?\shref=[\"']?({ELSEWHERE})"
    rf"|(?:url\(|@import)\s*[\"']?({ELSEWHERE})"
)


def named_outside(text: str, page: str) -> str:
    """A page's text with each link out of docs/ replaced by its words and the place in the repository.

    >>> named_outside("see [what is checked](../SECURITY.md) and [data](data.md)", "export.md")
    'see what is checked (`SECURITY.md`) and [data](data.md)'
    >>> named_outside("[why](../log.md)", "decisions/0006.md")
    '[why](../log.md)'
    """

    def named(link: re.Match[str]) -> str:
        place = posixpath.normpath(posixpath.join("docs", posixpath.dirname(page), link[2].partition("#")[0]))
        if place.startswith("docs/"):
            return link[0]
        return f"{link[1]} (`{place}`)" if link[1].strip("`") != place else f"`{place}`"

    return LINK.sub(named, text)


def fetched(text: str) -> list[str]:
    """The other hosts from which a page or style would load something.

    >>> fetched('<a href="https://a.org">x</a><script src="https://cdn.org/x.js"></script>')
    ['https://cdn.org']
    >>> fetched("@import url(//fonts.org/css); a { background: url(x.png) }")
    ['//fonts.org']
    """
    return [next(filter(None, groups)) for groups in LOADED.findall(text)]


def on_page_markdown(markdown: str, *, page: Page, **_: object) -> str:
    """Called by mkdocs for each page."""
    return named_outside(markdown, page.file.src_uri)


def on_post_build(*, config: MkDocsConfig) -> None:
    """Called by mkdocs when the site is written."""
    from mkdocs.exceptions import PluginError

    site = Path(config.site_dir)
    for path in sorted(site.rglob("*")):
        if path.suffix in {".html", ".css"} and (hosts := fetched(path.read_text(encoding="utf-8"))):
            raise PluginError(f"{path.relative_to(site)} would load from {', '.join(sorted(set(hosts)))}")
