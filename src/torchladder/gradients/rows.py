"""What became of each leaf, as rows for the rule; where an error arises is told from where it passes through."""

from dataclasses import dataclass

import torch

from torchladder.core.derivative_facts import DerivativeFact
from torchladder.core.findings import Place
from torchladder.gradients.compare import Verdict, relative
from torchladder.gradients.patterns import pattern
from torchladder.gradients.problem import Claimed, Leaf, Part, Problem

RIGHT = 1e-5  # relative error of an element that is not counted as wrong
FAR = 1_000_000  # the depth of what the graph does not show
SAME_LAYER = 1  # a weight may be one node farther than its bias
WRONG = ("differs", "absent", "nonfinite", "shape")


@dataclass
class Culprit:
    """The piece whose own backward pass is wrong, and its leaves that are."""

    part: Part
    facts: list[DerivativeFact]

    def of(self, leaf: Leaf) -> DerivativeFact:
        """Return the row of the argument that a leaf was given as, else of the first that is wrong."""
        return next((f for f in self.facts if self.part.owners.get(f.name) == leaf.name), self.facts[0])


def rows(
    problem: Problem, verdicts: dict[str, Verdict], claimed: dict[str, list[Claimed]], culprit: Culprit | None
) -> list[DerivativeFact]:
    """Return a row for each leaf."""
    wrong = [leaf for leaf in problem.leaves if verdicts[leaf.name].state in WRONG]
    origin = origins(problem, wrong, culprit) if wrong else set()
    found = []
    for i, leaf in enumerate(problem.leaves):
        verdict = verdicts[leaf.name]
        if verdict.state not in WRONG:
            found.append(_row(leaf, verdict))
            continue
        given = claimed[leaf.name][i]
        first = leaf.name in origin
        words = pattern(problem, leaf, given, verdict)
        found.append(_row(leaf, verdict, words, problem.place(leaf), culprit if first else None, first=first))
    return found


def _row(
    leaf: Leaf,
    v: Verdict,
    words: str | None = None,
    place: Place | None = None,
    culprit: Culprit | None = None,
    *,
    first: bool = True,
) -> DerivativeFact:
    shown = v.elements[0] if v.elements and v.elements[0].relative > 0 else None
    a, n = (shown.analytic, shown.numeric) if shown is not None else (v.analytic, v.numeric)
    return DerivativeFact(
        leaf.name,
        leaf.kind,
        tuple(leaf.value.shape),
        v.state,
        analytic=a,
        numeric=n,
        relative=None if a is None or n is None else relative(a, n),
        element=None if shown is None else unravelled(shown.index, leaf.value.shape),
        looked=len(v.elements),
        wrong=sum(e.relative > RIGHT for e in v.elements),
        pattern=words,
        culprit=None if culprit is None else culprit.part.name,
        argument=None if culprit is None else culprit.of(leaf).name,
        first=first,
        reason=v.reason,
        where=place if culprit is None else culprit.part.where,
    )


def origins(problem: Problem, wrong: list[Leaf], culprit: Culprit | None) -> set[str]:
    """Return the names of leaves at which the error arises rather than passes through.

    Those that the culprit itself was given; else, since an error that is handed back reaches everything before it, the
    parameters of the layer that is wrong nearest to the outputs.
    """
    names = [leaf.name for leaf in wrong]
    if culprit is not None:
        own = {culprit.part.owners.get(f.name) for f in culprit.facts} & set(names)
        if own:
            return {n for n in own if n is not None}
    parameters = [leaf.name for leaf in wrong if leaf.kind == "parameter"]
    if len(parameters) < 2:  # noqa: PLR2004 - nothing to choose from
        return set(parameters or names)
    depths = problem.depths()
    nearest = min(parameters, key=lambda n: depths.get(n, FAR))
    layer, reach = nearest.rpartition(".")[0], depths.get(nearest, FAR) + SAME_LAYER
    return {n for n in parameters if n.rpartition(".")[0] == layer and depths.get(n, FAR) <= reach}


def unravelled(index: int, shape: torch.Size) -> tuple[int, ...]:
    """Return the index of an element in its tensor."""
    found = []
    for size in reversed(shape):
        index, rest = divmod(index, size)
        found.append(rest)
    return tuple(reversed(found))
