"""Which rules a climb uses."""

from collections.abc import Sequence

from torchladder.rules.registry import WATCHED, Rule, all_rules


def chosen(select: Sequence[str], ignore: Sequence[str]) -> tuple[Rule, ...]:
    """Return the rules that a selection leaves; those that no climb sees only by name."""

    def matches(rule: Rule, keys: Sequence[str]) -> bool:
        return any(rule.code.startswith(k.upper()) or rule.name == k.lower() for k in keys)

    wanted = [r for r in all_rules() if (matches(r, select) if select else r.family not in WATCHED and not r.of_sets)]
    return tuple(r for r in wanted if not matches(r, ignore))
