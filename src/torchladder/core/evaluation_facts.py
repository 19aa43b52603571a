"""Rows about what a program does with its model besides training it: evaluation passes."""

from dataclasses import dataclass

from torchladder.core.findings import Place


@dataclass(frozen=True, slots=True)
class EvaluationFact:
    """One pass over held-out (or any) data: calls of a model that no backward pass followed.

    Calls are recognised by having no gradient, or by not being part of what was differentiated next.

    Attributes:
        step: Optimizer steps made before it, over all phases; ``phase`` the last phase by then.
        place: Line of its first call.
        calls, rows: Calls of the model, and samples (first axis of its output) in them.
        in_training_mode: Calls made while the model's ``training`` flag was set.
        with_grad: Calls made with gradients enabled through which nothing was differentiated.
        loader: ``id`` of the LoaderFact that served it, None when no loader did.
        data: Number of the data set object behind that loader: passes with the same number read the same data.
        loader_trained: Whether backward passes followed that loader's batches, too.
        data_trained: Whether its data set object is the one a training loader reads.
        feeds_training: Whether its outputs entered a training step's arithmetic (teachers, targets).
        loss: Mean over samples of one loss call a batch, in nats or squared units: the one whose function training
            uses too, else the first; ``loss_function`` its name, ``loss_place`` its line.
        kind: "classes", "binary" or "values": what predictions and targets were compared as.
        accuracy: Share of predictions that are right, for classes and binary targets.
        majority: Share of the most frequent target, ``blind`` the loss of the best answer that ignores the
            input: the entropy of the targets in nats, or their variance.
        error: Mean squared error, for values.
        batch_accuracy: Unweighted mean over batches of the accuracy, ``last_accuracy`` that of the last batch.
        repeat_change: Largest relative difference when the same call was made again; 0 means repeatable.
        mode_change: The same against the call in evaluation mode. None: not asked.
        steady_change: The same between two calls in evaluation mode: above 0 where the model is random by design.
        asked_accuracy, mode_accuracy: On that batch: as the program called it, and in evaluation mode.
        buffers_moved: Whether the call changed the model's buffers (running statistics).
        mode_layers: Dropout and BatchNorm layers inside the model.
        train_loss, train_accuracy: Means over training batches seen since the pass before; ``train_function`` the
            loss function of the last of them.
        hurried: Whether loaders were cut short by then.
        repeated: Calls that were given the very tensors of the call before.
        kept_graphs: Most graphs of its calls that were alive at once (64 at most are counted); None without gradients.
        site: Line at which the block of its calls begins: the ``with no_grad()``, or the loop, around ``place``.
    """

    index: int
    step: int
    phase: int
    root: str
    place: Place | None
    calls: int
    rows: int
    in_training_mode: int = 0
    with_grad: int = 0
    loader: int | None = None
    data: int | None = None
    loader_trained: bool = False
    data_trained: bool = False
    feeds_training: bool = False
    loss: float | None = None
    loss_function: str | None = None
    loss_place: Place | None = None
    kind: str | None = None
    accuracy: float | None = None
    majority: float | None = None
    blind: float | None = None
    error: float | None = None
    batch_accuracy: float | None = None
    last_accuracy: float | None = None
    repeat_change: float | None = None
    mode_change: float | None = None
    asked_accuracy: float | None = None
    mode_accuracy: float | None = None
    buffers_moved: bool | None = None
    mode_layers: int = 0
    train_loss: float | None = None
    train_accuracy: float | None = None
    train_function: str | None = None
    hurried: bool = False
    repeated: int = 0
    steady_change: float | None = None
    kept_graphs: int | None = None
    site: Place | None = None
