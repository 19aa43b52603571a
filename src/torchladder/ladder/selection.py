"""Which rules a climb uses."""

from collections.abc import Sequence

from torchladder.rules.registry import Family, Rule, all_rules


def chosen(select: Sequence[str], ignore: Sequence[str]) -> tuple[Rule, ...]:
    """Return the rules that a selection leaves; those about several processes, which no climb sees, only by name."""

    def matches(rule: Rule, keys: Sequence[str]) -> bool:
        return any(rule.code.startswith(k.upper()) or rule.name == k.lower() for k in keys)

    wanted = [r for r in all_rules() if (matches(r, select) if select else r.family is not Family.DISTRIBUTED)]
    return tuple(r for r in wanted if not matches(r, ignore))
