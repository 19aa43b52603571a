"""``torchladder completion SHELL``: a script that completes verbs, options, and the words they choose from."""

import argparse
import shlex
import sys

from torchladder.cli.main import VERBS, Parser, parser_of

SHELLS = ("bash", "zsh", "fish")
HELP = {
    "bash": "source <(torchladder completion bash)    # in ~/.bashrc",
    "zsh": "source <(torchladder completion zsh)     # in ~/.zshrc, after compinit",
    "fish": "torchladder completion fish | source     # in ~/.config/fish/config.fish",
}


def parser() -> argparse.ArgumentParser:
    """Return the parser of ``completion``."""
    made = Parser(
        prog="torchladder completion",
        description="Print a script that completes torchladder's words in a shell.",
        epilog="\n".join(HELP.values()),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    made.add_argument("shell", choices=SHELLS, help="the shell that is to read it")
    return made


def words_of(verb: str) -> tuple[list[str], dict[str, list[str]], list[str]]:
    """Return a verb's options, what those choose from that offer a choice, and the choices of its first word."""
    options: list[str] = []
    chosen: dict[str, list[str]] = {}
    first: list[str] = []
    for action in parser_of(verb)._actions:  # noqa: SLF001 - argparse has no public list of them
        choices = [str(c) for c in action.choices or ()]
        if action.option_strings:
            options += action.option_strings
            chosen |= {name: choices for name in action.option_strings if choices}
        elif choices and not first:
            first = choices
    return options, chosen, first


def bash() -> str:
    """Return the script for bash."""
    cases = []
    for verb in VERBS:
        options, chosen, first = words_of(verb)
        for name, choices in chosen.items():
            cases.append(f"    {verb}:{name}) words={shlex.quote(' '.join(choices))} ;;")
        cases.append(f"    {verb}:*) words={shlex.quote(' '.join([*first, *options]))} ;;")
    return f"""_torchladder() {{
  local word="${{COMP_WORDS[COMP_CWORD]}}" verb="${{COMP_WORDS[1]}}" before="${{COMP_WORDS[COMP_CWORD-1]}}" words=""
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W {shlex.quote(" ".join(VERBS))} -- "$word")); return
  fi
  case "$verb:$before" in
{chr(10).join(cases)}
  esac
  COMPREPLY=($(compgen -W "$words" -- "$word"))
  [ "${{word:0:1}}" = - ] || COMPREPLY+=($(compgen -f -- "$word"))
}}
complete -o filenames -F _torchladder torchladder
"""


def zsh() -> str:
    """Return the script for zsh, which reads that of bash."""
    return f"autoload -U +X bashcompinit && bashcompinit\n{bash()}"


def fish() -> str:
    """Return the script for fish."""
    lines = []
    for verb, what in VERBS.items():
        lines.append(f"complete -c torchladder -n __fish_use_subcommand -a {verb} -d {shlex.quote(what)}")
        options, chosen, first = words_of(verb)
        inside = f"complete -c torchladder -n '__fish_seen_subcommand_from {verb}'"
        lines += [f"{inside} -a {shlex.quote(' '.join(first))}"] if first else []
        for name in options:
            flag = f"-l {name[2:]}" if name.startswith("--") else f"-s {name[1:]}"
            more = f" -x -a {shlex.quote(' '.join(chosen[name]))}" if name in chosen else ""
            lines.append(f"{inside} {flag}{more}")
    return "\n".join(lines) + "\n"


def run(options: argparse.Namespace) -> int:
    """Print the script."""
    sys.stdout.write({"bash": bash, "zsh": zsh, "fish": fish}[options.shell]())
    return 0
