"""deployer completion: static scripts, so that TAB starts no Python."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any

from typer import Argument

from deployer.cli.common import Output, command
from deployer.cli.console import console
from deployer.cli.verbs import GROUPS, VERBS


class Shell(StrEnum):
    """Shells that a script exists for."""

    BASH = "bash"
    ZSH = "zsh"
    FISH = "fish"


HOW = {
    Shell.BASH: 'eval "$(deployer completion bash)", in ~/.bashrc',
    Shell.ZSH: 'eval "$(deployer completion zsh)", in ~/.zshrc after compinit',
    Shell.FISH: "deployer completion fish > ~/.config/fish/completions/deployer.fish",
}


@command
def run(output: Output, shell: Annotated[Shell, Argument(help="bash, zsh or fish")]) -> int:
    """Print a completion script for a shell. It is complete in itself: TAB runs no deployer."""
    to = console("completion", output)
    text = script(shell)
    to.text(text.rstrip("\n"))
    if to.out.tty:
        to.note("", f"to install it: {HOW[shell]}")
    return to.done(shell=shell, script=text)


def script(shell: Shell) -> str:
    """The completion script for `shell`."""
    words = {name: _words(name) for name in VERBS}
    return {Shell.BASH: _bash, Shell.ZSH: _zsh, Shell.FISH: _fish}[shell](words)


def _words(name: str) -> dict[str, str]:
    """Everything that may follow a verb, with its help: its own verbs and its options."""
    from deployer.cli.main import verb

    made = verb(name)
    below = made.commands if name in GROUPS else {}
    found = {sub: _first(one.help) for sub, one in below.items()}
    for one in [made, *below.values()]:
        found.update(_options(one))
    return found


def _options(one: Any) -> dict[str, str]:
    params = [param for param in one.params if getattr(param, "opts", None)]
    options = [param for param in params if param.opts[0].startswith("-")]
    return {opt: _first(param.help) for param in options for opt in param.opts}


def _first(text: str | None) -> str:
    return (text or "").strip().split("\n")[0].replace("'", "").replace(":", " -")


def _bash(words: dict[str, dict[str, str]]) -> str:
    cases = "\n".join(f'    {name}) words="{" ".join(found)}" ;;' for name, found in words.items())
    return f"""\
_deployer() {{
  local current="${{COMP_WORDS[COMP_CWORD]}}" verb="${{COMP_WORDS[1]}}" words
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W "{" ".join(words)} --help --version" -- "$current"))
    return
  fi
  case "$verb" in
{cases}
  esac
  COMPREPLY=($(compgen -W "$words --help" -- "$current"))
}}
complete -o default -F _deployer deployer
"""


def _zsh(words: dict[str, dict[str, str]]) -> str:
    verbs = "\n".join(f"    '{name}:{_first(VERBS[name])}'" for name in words)
    cases = "\n".join(
        f"    {name}) found=({' '.join(_quoted(found))}) ;;" for name, found in words.items()
    )
    return f"""\
_deployer() {{
  local verb="${{words[2]}}"
  local -a verbs found
  verbs=(
{verbs}
  )
  if (( CURRENT == 2 )); then
    _describe 'command' verbs
    return
  fi
  case "$verb" in
{cases}
  esac
  _describe 'option' found || _files
}}
compdef _deployer deployer
"""


def _quoted(found: dict[str, str]) -> list[str]:
    return [f"'{word}:{text}'" for word, text in found.items()]


def _fish(words: dict[str, dict[str, str]]) -> str:
    lines = [
        f"complete -c deployer -n __fish_use_subcommand -f -a {name} -d '{_first(VERBS[name])}'"
        for name in words
    ]
    for name, found in words.items():
        seen = f"complete -c deployer -n '__fish_seen_subcommand_from {name}'"
        lines += [f"{seen} {_flag(word)} -d '{text}'" for word, text in found.items()]
    return "\n".join(lines) + "\n"


def _flag(word: str) -> str:
    if word.startswith("--"):
        return f"-l {word[2:]}"
    return f"-s {word[1:]}" if word.startswith("-") else f"-f -a {word}"
