"""``python -m release.formula --repository OWNER/NAME dist``: the sums of a release, and its Homebrew formula.

The standard library alone: the job that publishes installs nothing.
"""

from __future__ import annotations

import argparse
import re
from pathlib import Path

from release import archive

TEMPLATE = Path(__file__).with_name("homebrew") / "oncall-tui.rb"


def main() -> None:
    """Write both into the folder of what is released."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repository", required=True, metavar="OWNER/NAME")
    parser.add_argument("dist", type=Path)
    asked = parser.parse_args()
    sums = archive.write_sums(asked.dist).read_text()
    (asked.dist / TEMPLATE.name).write_text(formula(asked.repository, sums))


def formula(repository: str, sums: str) -> str:
    """The formula for the files of *sums*. Raises SystemExit where one of them is not there."""
    found = {name: digest for digest, name in (line.split() for line in sums.splitlines())}
    words = {"@REPOSITORY@": repository}
    for word, kind in (("SOURCE", r"oncall_tui-.+"), ("X86_64", ".+-linux-x86_64"), ("AARCH64", ".+-linux-aarch64")):
        name = next((one for one in found if re.fullmatch(rf"{kind}\.tar\.gz", one)), "")
        if not name:
            raise SystemExit(f"no file named {kind}.tar.gz among what is released")
        words |= {f"@{word}@": name, f"@{word}_SUM@": found[name]}
        if word == "SOURCE":
            words["@VERSION@"] = name.removeprefix("oncall_tui-").removesuffix(".tar.gz")
    text = TEMPLATE.read_text()
    for word, value in words.items():
        assert word in text, word
        text = text.replace(word, value)
    return text


if __name__ == "__main__":
    main()
