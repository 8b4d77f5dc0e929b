"""The programs of a team's own commands (``commands:``) on this machine: where each is, and why one cannot be run."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path, PurePath

import msgspec

from oncall_tui.domain.own_command import OwnCommand

_INTERPRETER = r"(ba|da|k|z)?sh|python[\d.]*|perl|ruby|node"


class CommandSettings(msgspec.Struct, frozen=True):
    """The commands of a configuration. *folders* are those of the files that they stand in, by the commands' names.

    *unsafe* says how others could change a file, in words; empty: they cannot.
    """

    commands: tuple[OwnCommand, ...] = ()
    folders: Mapping[str, str] = {}
    unsafe: Callable[[Path], str] = lambda path: ""

    def unusable(self) -> Iterator[tuple[str, str]]:
        """Yield each command that cannot be run on this machine, with why. Looks at files."""
        for command in self.commands:
            if why := self.problem(command):
                yield command.name, why

    def problem(self, command: OwnCommand) -> str:
        """Say why the command cannot be run on this machine, and what to do; empty: it can. Looks at files."""
        folder = self.folder_of(command)
        if not folder.is_dir():
            return f"its folder {folder} is not there"
        program = self.program_of(command)
        if not program:
            named = command.argv[0]
            there = "/" in named and (folder / os.path.expanduser(named)).exists()
            return (
                f"{named} is not executable (chmod +x)"
                if there
                else f"{named} is not on this machine, or not on the PATH"
            )
        for path in (Path(program), *self._script(command, folder)):
            if why := self.unsafe(path):
                return f"others could change what it runs: {why}"
        missing = [name for name in command.secrets if not os.environ.get(name)]
        return f"the environment has no {missing[0]}, which it is to get" if missing else ""

    def folder_of(self, command: OwnCommand) -> Path:
        """Return the folder that it runs in."""
        return (Path(self.folders.get(command.name, ".")) / os.path.expanduser(command.folder)).absolute()

    def program_of(self, command: OwnCommand) -> str:
        """Return the path of its program; empty: there is none that can be run."""
        import shutil  # rarely needed

        named = os.path.expanduser(command.argv[0])  # Path.expanduser raises where there is no such user
        if "/" in named:
            named = str(self.folder_of(command) / named)
        found = shutil.which(named, path=command.env.get("PATH"))
        return os.path.abspath(found) if found else ""  # what is looked at is what runs, though its folder is another

    def _script(self, command: OwnCommand, folder: Path) -> list[Path]:
        """The script that an interpreter is given: its first argument that is a file, also behind options."""
        if not re.fullmatch(_INTERPRETER, PurePath(command.argv[0]).name):
            return []
        files = (folder / argument for argument in command.argv[1:])
        return [one for one in files if os.path.isfile(one)][:1]  # Path.is_file raises where an argument is long
