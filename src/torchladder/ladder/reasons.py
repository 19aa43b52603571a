"""Why a rule could not tell, in the words of somebody who does not know how torchladder works."""

from collections.abc import Sequence

from torchladder.core.facts import Facts

SEVERAL = "several processes are compared while `torchladder watch` runs them"
SETS = "data sets themselves are looked at by `torchladder data check`"
LOADERS = "loaders are timed by `torchladder loader`"
UNSEEN = {
    "program": "the program was not run",
    "rounds": SEVERAL,
    "samplers": SEVERAL,
    "rank_norms": SEVERAL,
    "unused": SEVERAL,
    "feeding": "waiting for data is timed while `torchladder watch` runs the program",
    "batches": "one batch is looked at by `torchladder data batch`",
    "derivatives": "no backward pass could be compared with differences; `torchladder gradcheck` does it alone",
    "lines": "a scaling law is fitted by `torchladder scaling`",
    "logs": "logs are read by `torchladder diagnose`",
    "transfers": LOADERS,
    "evaluation_times": LOADERS,
    "reads": SETS,
    "sets": SETS,
    "groupings": SETS,
    "gaps": SETS,
    "scenes": SETS,
    "times": SETS,
    "preparations": "no table of two sides could be read whole; sets on disk: `torchladder data check`",
    "shifts": SETS,
    "duplicates": SETS,
    "pictures": SETS,
    "loaders": "no DataLoader could be watched",
    "roots": "no model was called in a training step",
    "loss_calls": "no loss was computed where it could be watched",
    "broadcasts": "the arithmetic of the training step could not be watched",
    "parameters": "the model's parameters could not be watched",
    "optimizers": "no optimizer could be watched",
    "activations": "the model's activations could not be watched",
    "affine_pairs": "the layers of the model could not be followed",
    "casts": "conversions of data could not be watched",
    "curves": "no loss was seen over the steps",
    "repeats": "batches could not be compared from step to step",
    "nonfinite": "no operation could be watched for NaN or Inf",
    "interrogations": "the model could not be asked directly",
    "trials": "the program was not trained on one batch",
    "sequences": "what the model does along its sequences could not be watched",
    "gradients": "the gradients could not be watched",
    "layer_gradients": "the gradients of the layers could not be watched",
    "dropouts": "calls of dropout could not be watched",
    "batch_norms": "calls of batch norm could not be watched",
    "reshapes": "reshapes could not be watched",
    "conflicts": "the samples of a batch could not be compared",
    "schedules": "learning-rate schedules could not be watched",
    "objectives": "what is differentiated could not be compared with the losses",
    "idle_losses": "losses without a backward pass could not be watched",
    "paddings": "the targets of sequence losses could not be watched",
    "padded_values": "the values of sequences could not be watched",
    "pulls": "the gradients at the model's outputs could not be watched",
    "decays": "weight decay could not be compared with the gradient",
    "clips": "calls that clip gradients could not be watched",
    "scalers": "loss scaling could not be watched",
    "renewals": "the making of optimizers could not be watched",
    "evaluations": "the model's evaluation could not be watched",
    "surveys": "the data could not be read beside the program",
    "lr_sweeps": "no learning-rate range test was made",
    "subsets": "the program was not run on a small share of its data",
    "halves": "the program was not run on halves of its data",
    "counterparts": "held-out samples could not be compared between halves of the data",
    "outcome": "the full run was not made: torchladder climb --to 6 makes it",
    "seeds": "calls that set seeds could not be watched",
    "epoch_starts": "the batches at the start of the epochs could not be compared",
    "graphs": "the graphs of past steps could not be counted",
    "memory": "the memory of the run was not looked at",
    "states": "states of recurrent layers could not be watched",
    "writes": "writes to the parameters could not be watched",
    "restores": "checkpoints could not be watched",
    "printed": "printed figures could not be watched",
    "frozen_stats": "statistics of frozen layers could not be watched",
    "readings": "the reading of outputs could not be watched",
    "sources": "evaluated samples could not be compared with those of training",
    "spares": "data that was set apart could not be watched",
}
PROBE_OF = {
    "loaders": "loaders",
    "roots": "modules",
    "loss_calls": "backward",
    "parameters": "optimizers",
    "optimizers": "optimizers",
}
FROM_ONE_BATCH = {"interrogations", "trials"}


def why_unseen(needs: Sequence[str], facts: Facts) -> str | None:
    """Return why a rule with these needs could not tell, None when nothing was missing."""
    missing = [n for n in needs if getattr(facts, n, None) is None]
    if missing:
        first = missing[0]
        words = UNSEEN.get(first, f"{first.replace('_', ' ')} could not be watched")
        detail = _detail(first, facts)
        return f"{words}: {detail}" if detail else words
    asked = facts.interrogations or ()
    if "interrogations" in needs and asked and all(a.input_dependence is None and a.mixing is None for a in asked):
        detail = next((a.reason for a in asked if a.reason), None)
        return f"{UNSEEN['interrogations']}: {detail}" if detail else UNSEEN["interrogations"]
    return None


def _detail(missing: str, facts: Facts) -> str | None:
    """Return what is known of the reason."""
    failures = facts.failures
    told = failures.get(missing) or failures.get(PROBE_OF.get(missing, missing)) or failures.get("observation")
    if told:
        return told
    if missing not in FROM_ONE_BATCH:
        return None
    failed = next((why for what, why in failures.items() if what.startswith("trial base")), None)
    return failed or "the climb ended before the same batch was trained on again and again"
