"""Which rules judge data sets."""

from collections.abc import Sequence

from torchladder.rules.registry import Family, Rule, all_rules


def chosen(select: Sequence[str], ignore: Sequence[str]) -> tuple[Rule, ...]:
    """Return the rules about data that a selection leaves."""

    def matches(rule: Rule, keys: Sequence[str]) -> bool:
        return any(rule.code.startswith(k.upper()) or rule.name == k.lower() for k in keys)

    rules = [r for r in all_rules() if r.family is Family.DATA and (matches(r, select) or not select)]
    return tuple(r for r in rules if not matches(r, ignore))
