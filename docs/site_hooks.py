"""What the site has besides this folder's pages: the documents at the top of the project, and its example files.

MkDocs calls the two hooks. A link is written so that it leads somewhere in a checkout; here it becomes the site's.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[1]
TOP = {
    "README.md": "index.md",
    "README.ja.md": "ja.md",
    "ARCHITECTURE.md": "architecture.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
}
EXAMPLES = "files.md"  # the page that lists config/
LINK = re.compile(r"(\]\()([^)\s#]+)(#[^)\s]*)?(\))")


def example_files() -> list[Path]:
    """Return the example configurations, policies and templates, by name."""
    return sorted(path for path in (ROOT / "config").rglob("*") if path.is_file() and path.suffix != ".pyc")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the documents at the top, the licence, and the example files with a page that lists them."""
    for name, page in TOP.items():
        if (ROOT / name).exists() and files.get_file_from_path(page) is None:
            files.append(File.generated(config, page, content=(ROOT / name).read_text()))
    files.append(File.generated(config, "LICENSE.txt", content=(ROOT / "LICENSE").read_text()))
    lines = ["# Example files", "", "Each is loaded by a test.", ""]
    for path in example_files():
        name = path.relative_to(ROOT).as_posix()
        files.append(File.generated(config, name, abs_src_path=str(path)))
        lines.append(f"- [`{name}`]({name})")
    files.append(File.generated(config, EXAMPLES, content="\n".join(lines) + "\n"))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Turn links that lead out of this folder, or into it, into links of the site."""
    top = next((name for name, shown in TOP.items() if shown == page.file.src_path and _is_top(page)), "")
    folder = "" if top else posixpath.join("docs", posixpath.dirname(page.file.src_path))

    def site(match: re.Match[str]) -> str:
        target, anchor = match[2], match[3] or ""
        if ":" in target or target.startswith("/"):
            return match[0]
        found = _place(posixpath.normpath(posixpath.join(folder, target)))
        here = posixpath.dirname(page.file.src_path)
        return f"{match[1]}{posixpath.relpath(found, here or '.')}{anchor}{match[4]}"

    return LINK.sub(site, markdown)


def _is_top(page: Page) -> bool:
    return page.file.generated_by is not None


def _place(path: str) -> str:
    """Return the site's path of a path in the project."""
    if path in TOP:
        return TOP[path]
    if path == "LICENSE":
        return "LICENSE.txt"
    if path == "config" or (path.startswith("config/") and (ROOT / path).is_dir()):
        return EXAMPLES
    return path.removeprefix("docs/")
