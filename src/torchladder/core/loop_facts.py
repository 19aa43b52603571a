"""Rows about the loop around the training step: seeds, kept graphs, states, writes, checkpoints, printed figures."""

from dataclasses import dataclass

from torchladder.core.findings import Place


@dataclass(frozen=True, slots=True)
class SeedFact:
    """One line that sets the seed of a global random generator.

    Attributes:
        generator: "torch", "numpy" or "random".
        calls: How often; ``values`` how many different seeds.
        steps: Optimizer steps made before each of the first calls, over all phases.
        renewed: Calls in the midst of a phase that came after at least one step since the call before.
        same_start: Of the training steps right after these, how many were given the very inputs of the first one.
        drawn: How many of these came after a random order or choice had been drawn since the seed was set.
        variety: Different inputs among the first training steps of the program.
    """

    generator: str
    place: Place | None
    calls: int
    values: int
    steps: tuple[int, ...] = ()
    renewed: int = 0
    same_start: int = 0
    drawn: int = 0
    variety: int = 0


@dataclass(frozen=True, slots=True)
class EpochStartFact:
    """The first training batches of the passes over one line's random loaders.

    Attributes:
        place: Line that iterates; ``created`` the line that made the loader.
        passes: Passes compared with the one before, each after training steps, within one phase.
        identical: How many of them began with the very batches of the one before.
        batches: Training batches compared at the start of each pass.
        n_batches: Batches of a whole pass.
    """

    place: Place | None
    created: Place | None
    passes: int
    identical: int
    batches: int
    n_batches: int | None = None


@dataclass(frozen=True, slots=True)
class GraphFact:
    """Graphs of training steps that outlive their step.

    Attributes:
        steps: Steps of the phase at the looks; ``alive`` how many earlier steps had a graph that still lived at each.
        place: Line of the backward call; ``kept`` lines that put a differentiated tensor into something that lasts.
        entry: Line of a call of the model that was given a tensor with the graph of an earlier step, in ``entries``
            steps.
        walked: Operations that the backward passes of dense steps walked through; ``ages`` how many steps ago the
            oldest call of the model among them was made.
        memory: Bytes held at the looks.
        since: The step whose graph was the first to be marked.
    """

    phase: int
    place: Place | None
    steps: tuple[int, ...]
    alive: tuple[int, ...]
    kept: tuple[Place, ...] = ()
    entry: Place | None = None
    entries: int = 0
    walked: tuple[int, ...] = ()
    ages: tuple[int, ...] = ()
    memory: tuple[int, ...] = ()
    since: int = 0


@dataclass(frozen=True, slots=True)
class MemoryFact:
    """What a run holds over its steps: its tensors on a GPU, else the process without files that are mapped.

    Attributes:
        steps: Steps made at the looks, ``held`` the bytes then, ``passes`` the passes over the training loader that
            had begun; evenly spaced.
        room: Bytes that may still be taken; None where that is not known.
        device: "cuda" or "cpu".
    """

    steps: tuple[int, ...]
    held: tuple[int, ...]
    passes: tuple[int, ...]
    room: int | None = None
    device: str = "cpu"


@dataclass(frozen=True, slots=True)
class StateFact:
    """A model or a recurrent layer that is given what it returned in an earlier training step.

    Attributes:
        times: Training steps looked at in which that happened; ``steps`` how many were looked at.
        shuffled: Whether the training samples come in random order.
        layer: Its class name; ``module`` its path in the model, "" for the model itself.
        size: Largest absolute value of the state.
        place: Line of the call that hands it on.
    """

    phase: int
    layer: str
    module: str | None
    place: Place | None
    times: int
    steps: int
    shuffled: bool
    size: float | None = None


@dataclass(frozen=True, slots=True)
class WriteFact:
    """Parameters that something else than their optimizer wrote between two of its steps, and left changed.

    Attributes:
        place: Line of the last write; ``function`` its name ("copy_", "data.__set__").
        times: Gaps between two steps in which that was seen; ``steps`` optimizer steps of the phase.
        share: Share of the optimizer's values that lie in the tensors written, median over the gaps.
        likeness: Median cosine between these tensors before the write and at the next step.
        undone: Gaps after which they held exactly what they had held before the first step of the phase.
        inside: Whether a model's forward was running.
    """

    phase: int
    place: Place | None
    function: str
    times: int
    steps: int
    share: float
    likeness: float
    undone: int
    inside: bool = False


@dataclass(frozen=True, slots=True)
class RestoreFact:
    """One line that loads a state into a model, or saves one that was taken earlier.

    Attributes:
        action: "load", "save", or "copy" (a tensor that is copied onto itself).
        place: Its line; ``taken`` the line of the ``state_dict()`` call that the state comes from.
        times: Calls; ``aliased`` of these, those in which the state's tensors were live ones of the model.
        stale: Of these, those after optimizer steps since the state was taken.
        taken_step: Optimizer steps made before the state was taken, ``step`` before the last call.
        takings: Times that ``state_dict()`` was called at ``taken``.
        strict: Whether keys had to match; ``matched`` parameters that the state had, of ``parameters``.
        unexpected: Keys of the state that the model does not have; ``fitting`` how many of these are a parameter left
            out once a prefix is added or removed.
        missing_statistics: Statistics of the model that the state lacks, while it has that layer's weights.
        from_file: Whether the state was read from a file; ``held_optimizer`` whether that file held one's state, too.
        optimizer_loaded: Whether any optimizer was given a state.
        optimizer_type: Class of the optimizer that stepped after it, None if none did within the run.
        steps_after: Optimizer steps made after it; ``evaluated_after`` calls of evaluation, before any of these.
        whole: Whether whole modules were saved, not states.
        saved: Line that wrote the file.
        before, after: Passes (``index`` of EvaluationFact) right before the state was saved to its file, and right
            after it was loaded again, with no step in between; None where there are none.
    """

    action: str
    place: Place | None
    times: int = 1
    taken: Place | None = None
    aliased: int = 0
    stale: int = 0
    taken_step: int | None = None
    takings: int = 0
    step: int = 0
    strict: bool = True
    matched: int = 0
    parameters: int = 0
    unexpected: int = 0
    fitting: int = 0
    missing_statistics: tuple[str, ...] = ()
    from_file: bool = False
    held_optimizer: bool = False
    optimizer_loaded: bool = False
    optimizer_type: str | None = None
    steps_after: int = 0
    evaluated_after: int = 0
    whole: bool = False
    saved: Place | None = None
    before: int | None = None
    after: int | None = None


@dataclass(frozen=True, slots=True)
class PrintedFact:
    """One number that a line prints after evaluation passes.

    Attributes:
        place: Line of the print; ``index`` which number of its text; ``word`` the text right before the number.
        compared: Line that compared predictions with targets in the passes.
        passes: ``index`` of the EvaluationFact each value follows; ``values`` and ``digits`` after the point.
    """

    place: Place | None
    index: int
    word: str
    passes: tuple[int, ...]
    values: tuple[float, ...]
    digits: int
    compared: Place | None = None


@dataclass(frozen=True, slots=True)
class FrozenStatsFact:
    """Batch-norm layers whose every parameter is frozen, in training steps.

    Attributes:
        layers: Such layers; ``moving`` of these, those that run in training mode and whose statistics changed.
        frozen_share: Share of the model's parameters that are frozen.
        drift: Largest change of a running mean over the running deviation, from the first step looked at to the last.
        trained_before: Whether the frozen part was loaded, or trained in an earlier phase.
        place: Line that called train() on the model.
    """

    phase: int
    layers: int
    moving: int
    frozen_share: float
    drift: float
    trained_before: bool
    names: tuple[str, ...] = ()
    place: Place | None = None


@dataclass(frozen=True, slots=True)
class ReadingFact:
    """A comparison of a model's raw outputs with a number between 0 and 1, outside training.

    Attributes:
        function: "gt", "ge", "lt", "le" or "round"; ``threshold`` the number.
        values: Values compared; ``low`` and ``high`` their range, ``outside`` the share below 0 or above 1.
        between: Share of the values that fall on the other side when the threshold is taken as a probability.
    """

    place: Place | None
    function: str
    threshold: float
    values: int
    low: float
    high: float
    outside: float
    between: float


@dataclass(frozen=True, slots=True)
class SpareFact:
    """Data that was set apart and never used: a loader nobody iterated, a part of a split nobody read.

    Attributes:
        kind: "loader" or "name"; ``name`` what the program calls it, None when not known.
        n_samples: Samples in it, None when not known.
    """

    kind: str
    place: Place | None
    name: str | None = None
    n_samples: int | None = None


@dataclass(frozen=True, slots=True)
class SourceFact:
    """Where the samples of one evaluation pass were seen before.

    Attributes:
        index: Of the EvaluationFact.
        trained_share: Share of its samples that training steps had been given, by value, None when not compared.
        caller: Line that called the function in which the model was called.
    """

    index: int
    trained_share: float | None
    caller: Place | None = None
