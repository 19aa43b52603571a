"""Which rules a climb uses."""

from collections.abc import Sequence

from torchladder.rules.registry import Rule, all_rules


def chosen(select: Sequence[str], ignore: Sequence[str]) -> tuple[Rule, ...]:
    """Return the rules that a selection leaves."""

    def matches(rule: Rule, keys: Sequence[str]) -> bool:
        return any(rule.code.startswith(k.upper()) or rule.name == k.lower() for k in keys)

    return tuple(r for r in all_rules() if (not select or matches(r, select)) and not matches(r, ignore))
