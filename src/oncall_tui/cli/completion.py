"""``completion``: the script that makes a shell complete commands, options and names; and what that script asks for.

The script runs the program with ``_ONCALL_TUI_COMPLETE`` set. The answer comes from the table of commands and from the
file of kept names: nothing is called, no configuration is read, and no command's module is imported.
"""

from __future__ import annotations

import os
import sys
from collections import Counter

import click
from click.shell_completion import CompletionItem, ShellComplete, split_arg_string

from oncall_tui.cli import COMMANDS, COMPLETE_VARIABLE, DONE, WRONG_USE
from oncall_tui.cli.completion_table import GLOBAL, SUBCOMMANDS, TABLE, CompletionRow
from oncall_tui.cli.output import put_exactly, say
from oncall_tui.engine import kept_names
from oncall_tui.runtime.folders import CONFIG_VARIABLE

PROGRAM = "oncall-tui"

# An id comes from outside and may hold what a shell would run: what is inserted is quoted. Where a quote is open at the
# cursor, or the line has a substitution (whose quotes are not followed), only plain names are offered: there bash
# would run what %q writes as $'...' where the locale cannot print a character. A name with a backtick or a backslash is
# never offered: within `...` a shell takes one backslash away first. Readline takes a word from its last colon, equals
# sign or @ on.
_BASH = r"""_oncall_tui_completion() {
    local line="${COMP_LINE:0:COMP_POINT}" breaks="${COMP_WORDBREAKS//[^:=@]/}" entry kind value typed head="" word
    local open="" at
    for ((at = 0; at < ${#line}; at++)); do
        case "$open${line:at:1}" in
            \\ | \"\\) ((at++)) ;;
            \' | \") open="${line:at:1}" ;;
            \'\' | \"\") open="" ;;
            \'*) ;;
            *[\$\`]) open="$line" && break ;;
        esac
    done
    typed="${line//\\?/__}" typed="${typed##*[[:space:]]}" typed="${line:${#line}-${#typed}}"
    case "$typed" in --*=*) typed="${typed#*=}" ;; esac
    if [[ -n "$breaks" ]]; then head="${typed%"${typed##*[$breaks]}"}"; fi
    COMPREPLY=()
    while IFS= read -r entry; do
        kind="${entry%%,*}" value="${entry#*,}"
        case "$kind" in
            file) while IFS= read -r word; do COMPREPLY+=("$word"); done < <(compgen -f -- "$value") ;;
            plain)
                case "$value" in *[\\\`]*) continue ;; esac
                if [[ -z "$open" ]]; then
                    printf -v value %q "$value"
                else
                    case "$value" in *[!A-Za-z0-9/._:@-]*) continue ;; esac
                fi
                COMPREPLY+=("${value#"$head"}")
                ;;
        esac
    done < <(COMP_WORDS="$line" _ONCALL_TUI_COMPLETE=bash "$1" 2>/dev/null)
    if [[ "$kind" == file ]]; then compopt -o filenames 2>/dev/null; fi
}
complete -o nosort -F _oncall_tui_completion oncall-tui 2>/dev/null || complete -F _oncall_tui_completion oncall-tui
"""

_ZSH = r"""#compdef oncall-tui
_oncall_tui_completion() {
    local -a told plain
    local kind value about
    (( $+commands[oncall-tui] )) || return 1
    for kind value about in "${(@f)$(COMP_WORDS="${(j: :)words[1,CURRENT-1]} ${PREFIX}" \
        _ONCALL_TUI_COMPLETE=zsh oncall-tui 2>/dev/null)}"; do
        case "$kind" in
            file) [[ $PREFIX == --*=* ]] && compset -P '--*='; _files; return ;;
            plain) if [[ "$about" == _ ]]; then plain+=("$value"); else told+=("${value//:/\\:}:$about"); fi ;;
        esac
    done
    [[ $PREFIX == --*=* ]] && compset -P '--*='
    (( $#told )) && _describe -V oncall-tui told
    (( $#plain )) && compadd -V oncall-tui -a plain
}
if [[ $zsh_eval_context[-1] == loadautofunc ]]; then
    _oncall_tui_completion "$@"
else
    compdef _oncall_tui_completion oncall-tui
fi
"""

_FISH = r"""function _oncall_tui_completion
    for line in (env COMP_WORDS=(commandline -cp | string collect) _ONCALL_TUI_COMPLETE=fish oncall-tui 2>/dev/null)
        set -l parts (string split -m 1 , -- $line)
        switch $parts[1]
            case file
                __fish_complete_path $parts[2]
            case plain
                echo $parts[2]
        end
    end
end
complete --no-files --command oncall-tui --arguments "(_oncall_tui_completion)"
"""

SCRIPTS = {"bash": _BASH, "zsh": _ZSH, "fish": _FISH}


@click.command()
@click.argument("shell", metavar="SHELL")
def completion(shell: str) -> None:
    """Print the script that makes SHELL complete commands, options, alerts, services and other names.

    bash: eval "$(oncall-tui completion bash)" in ~/.bashrc. zsh: the same with zsh in ~/.zshrc, after compinit. fish:
    oncall-tui completion fish > ~/.config/fish/completions/oncall-tui.fish
    """
    if shell not in SCRIPTS:
        say(f"oncall-tui: {shell!r} is not a shell that it knows (there are: {', '.join(SCRIPTS)})")
        sys.exit(WRONG_USE)
    put_exactly(SCRIPTS[shell])


# --- the answer to a script -------------------------------------------------------------------------------------------


def answer(shell: str) -> int:
    """Print what may stand at the end of the line that the script of *shell* gave; the exit code."""
    before, typed = _words(os.environ.get("COMP_WORDS", ""))
    try:
        found = ShellComplete(_tree(before), {}, PROGRAM, COMPLETE_VARIABLE).get_completions(before, typed)
    except click.ClickException:  # a line that is wrong already: there is nothing to offer
        found = []
    option, equals, _ = typed.partition("=")
    head = f"{option}=" if shell == "fish" and equals and option.startswith("--") else ""  # fish takes whole words
    put_exactly("".join(f"{_line(shell, item, head)}\n" for item in found))
    return DONE


def _words(line: str) -> tuple[list[str], str]:
    """The words before the one at the cursor, without the program's name; and that one."""
    words = split_arg_string(line)[1:]
    fresh = not words or (line[-1:].isspace() and line[-2:-1] != "\\")
    return (words, "") if fresh else (words[:-1], words[-1])


def _line(shell: str, item: CompletionItem[str], head: str) -> str:
    value, about = head + item.value, item.help or ""
    if shell == "zsh":
        return f"{item.type}\n{value}\n{about or '_'}"
    return f"{item.type},{value}\t{about}" if shell == "fish" and about else f"{item.type},{value}"


def _tree(words: list[str]) -> click.Group:
    """The commands as the table has them, whose values are completed by the names that are kept for the line."""
    names = kept_names.read(kept_names.path_of(_named_files(words), os.environ))
    names["commands"] = [(name, about) for name, (_, about) in COMMANDS.items()]
    group = click.Group(PROGRAM, params=[_parameter(row, names) for row in GLOBAL], add_help_option=False)
    for name, (_, about) in COMMANDS.items():
        group.add_command(_command(name, name, about, names))
    return group


def _named_files(words: list[str]) -> tuple[str, ...]:
    """The configuration that the line or the environment names; empty: the usual one."""
    named = os.environ.get(CONFIG_VARIABLE, "")
    for at, word in enumerate(words):
        if word == "--config" and at + 1 < len(words):
            named = words[at + 1]
        elif word.startswith("--config="):
            named = word.partition("=")[2]
    return (named,) if named else ()


def _command(path: str, name: str, about: str, names: kept_names.Names) -> click.Command:
    rows = TABLE[path]
    params = [_parameter(row, names) for row in (*rows, *GLOBAL)]
    if path not in SUBCOMMANDS:
        return click.Command(name, params=params, short_help=about, add_help_option=False)
    group = click.Group(name, params=params, short_help=about, add_help_option=False, invoke_without_command=True)
    for sub, words in SUBCOMMANDS[path]:
        group.add_command(_command(f"{path} {sub}", sub, words, names))
    return group


def _parameter(row: CompletionRow, names: kept_names.Names) -> click.Parameter:
    """One row of the table as click has it; its callbacks are of no use here."""

    def complete(_context: click.Context, _param: click.Parameter, typed: str) -> list[CompletionItem[str]]:
        if row.value == "file":
            return [CompletionItem(typed, type="file")]
        if row.value.startswith("="):
            return [CompletionItem(word) for word in row.value[1:].split("|") if word.startswith(typed)]
        return [CompletionItem(name, help=words) for name, words in _offered(row.value, names, typed)]

    words = row.names.split()
    if not words[0].startswith("-"):
        many = words[0].endswith("*")
        return click.Argument([words[0].rstrip("*")], nargs=-1 if many else 1, required=False, shell_complete=complete)
    flag = row.value == "flag"
    return click.Option(words, is_flag=flag, help=row.about, multiple=not flag, shell_complete=complete)


def _offered(kinds: str, names: kept_names.Names, typed: str) -> list[tuple[str, str]]:
    """The kept names of these kinds that begin with *typed*; of services also plain names that one alone has."""
    known = [pair for kind in kinds.split() for pair in names.get(kind, ())]
    found = [(name, words) for name, words in known if name.startswith(typed)]
    if "services" in kinds and typed and "/" not in typed:
        short = [(name.rpartition("/")[2], words) for name, words in names.get("services", ())]
        often = Counter(name for name, _ in short)
        found += [(name, words) for name, words in short if often[name] == 1 and name.startswith(typed)]
    return found
