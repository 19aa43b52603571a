"""Worked numbers: accumulation, clipping, schedules, losses, averages, and what is drawn."""

import math
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from torchladder.sets.block import Kind
from torchladder.training import draws
from torchladder.training.averaging import Average, decay_at
from torchladder.training.groups import freeze, groups, optimizer, stages
from torchladder.training.loop import Loop
from torchladder.training.losses import ClassLoss, ValueLoss, effective_weights, focal
from torchladder.training.machine import machine
from torchladder.training.mixing import Mixer
from torchladder.training.models import Made, Shape
from torchladder.training.order import Batches, Order, counted
from torchladder.training.parts import Parts
from torchladder.training.place import Listener
from torchladder.training.recipe import Augment, Loss, Model, Optimizer, Recipe, Training
from torchladder.training.samples import Rows
from torchladder.training.schedule import Schedule, schedule
from torchladder.training.sets_ready import Ready
from torchladder.training.small import SmallCnn
from torchladder.training.targets import Targets


def loop_of(x: Any, y: Any, model: nn.Module, training: Training, *, lr: float) -> Loop:
    """Return a loop over rows with plain SGD at a constant rate."""
    recipe = Recipe(optimizer=Optimizer(name="sgd", lr=lr, momentum=0.0, weight_decay=0.0), training=training)
    samples = Rows(torch.as_tensor(x), np.asarray(y), [str(i) for i in range(len(y))])
    ready = Ready(samples, samples, None, Targets(), Shape(Kind.TABLE, (1,), 1), None, [])
    optimizer = torch.optim.SGD([{"params": list(model.parameters()), "lr": lr, "base": lr}], lr=lr)
    order = Order(len(y), training.batch_size, training.accumulate, 0)
    level = Schedule(10, 0, level=True)
    parts = Parts(Made(model, "by hand", (), []), ValueLoss(Loss()), optimizer, level, order, [], None, ())
    return Loop(recipe, ready, parts, machine(training), None, Listener())


def test_accumulation_by_hand() -> None:
    """From w = 0 with (2, 1) and (3, 2), the gradients are -2, then -8, and w becomes 0.8."""
    model = nn.Linear(1, 1, bias=False)
    nn.init.zeros_(model.weight)
    loop = loop_of([[2.0], [3.0]], np.float32([1, 2]), model, Training(batch_size=1, accumulate=2, clip=0.0), lr=0.1)

    loop._backward(torch.tensor([[2.0]]), torch.tensor([1.0]), 0, 1, 2, last=False)
    assert model.weight.grad.item() == pytest.approx(-2)
    loop._backward(torch.tensor([[3.0]]), torch.tensor([2.0]), 1, 1, 2, last=True)
    assert model.weight.grad.item() == pytest.approx(-8)
    loop._step()

    assert model.weight.item() == pytest.approx(0.8)


@pytest.mark.parametrize(("batch", "group"), [(4, 5), (7, 3), (5, 4), (1, 20), (6, 9)])
def test_small_batches_equal_a_large_one(batch: int, group: int) -> None:
    """A step over 19 samples is the same however they are cut, a smaller last batch included, in float64."""
    torch.manual_seed(0)
    x, y = torch.randn(19, 3, dtype=torch.float64), np.random.default_rng(0).normal(size=19)

    def trained(size: int, many: int) -> torch.Tensor:
        torch.manual_seed(1)
        model = nn.Sequential(nn.Linear(3, 8), nn.Tanh(), nn.Linear(8, 1)).double()
        training = Training(epochs=1, batch_size=size, accumulate=many, clip=0.5)
        loop_of(x, y, model, training, lr=0.1).run()
        return torch.cat([p.detach().reshape(-1) for p in model.parameters()])

    assert torch.allclose(trained(batch, group), trained(19, 1), rtol=1e-12, atol=1e-15)


def test_the_last_partial_group_is_a_mean_of_its_own() -> None:
    """With 5 samples, batches of 2 and groups of 2, the second step is made with the one sample that is left."""
    order = Order(5, 2, 2, seed=0)

    assert order.batches == 3
    assert order.steps == 2
    assert order.sizes() == [4, 1]


def test_clipping_is_by_the_global_norm() -> None:
    """[3, 4] at a norm of 1 becomes [0.6, 0.8]."""
    model = nn.Linear(2, 1, bias=False)
    nn.init.zeros_(model.weight)
    training = Training(batch_size=1, clip=1.0)
    loop = loop_of([[1.0, 1.0]], np.float32([1]), model, training, lr=1.0)
    model.weight.grad = torch.tensor([[3.0, 4.0]])
    loop._part = torch.tensor(0.0)

    loop._step()

    assert torch.allclose(model.weight, -torch.tensor([[0.6, 0.8]]))


def test_warm_up_and_cosine() -> None:
    """The rate rises in a line to its full height, then falls along a cosine, per step."""
    plan = schedule(Optimizer(warmup=0.1, lr_end=0.1), 100)

    assert plan.warm == 10
    assert [plan.factor(s) for s in (0, 4, 9)] == pytest.approx([0.1, 0.5, 1.0])
    assert plan.factor(10) == pytest.approx(1.0)
    assert plan.factor(55) == pytest.approx(0.1 + 0.9 / 2)
    assert plan.factor(100) == pytest.approx(0.1)
    assert plan.factor(40) == pytest.approx(0.1 + 0.9 * 0.5 * (1 + math.cos(math.pi / 3)))
    assert schedule(Optimizer(schedule="constant", warmup=0.0), 100).factor(99) == 1.0


def test_effective_weights_are_the_paper_s() -> None:
    """(1 - beta) / (1 - beta^n), scaled to sum to the number of classes; beta 0 weighs all alike."""
    raw = np.array([(1 - 0.9) / (1 - 0.9**10), (1 - 0.9) / (1 - 0.9**2)])

    assert effective_weights(np.array([10, 2]), 0.9) == pytest.approx(2 * raw / raw.sum())
    assert effective_weights(np.array([10, 2]), 0.0) == pytest.approx([1, 1])
    nearly = effective_weights(np.array([10, 2]), 0.999999)
    assert nearly[1] / nearly[0] == pytest.approx(5, rel=1e-4)


def test_focal_loss_is_the_paper_s() -> None:
    """-(1 - p)^2 log p; with gamma 0 it is cross entropy; soft targets give the mean."""
    logits = torch.tensor([[2.0, 0.0], [0.0, 1.0]], dtype=torch.float64)
    y = torch.tensor([0, 0])
    p = logits.softmax(1)[:, 0]

    assert torch.allclose(focal(logits, y, 2.0), -((1 - p) ** 2) * p.log())
    assert torch.allclose(focal(logits, y, 0.0), nn.functional.cross_entropy(logits, y, reduction="none"))
    soft = nn.functional.one_hot(y, 2).double()
    assert torch.allclose(focal(logits, 0.5 * soft + 0.5 * soft.flip(1), 2.0),
                          0.5 * focal(logits, y, 2.0) + 0.5 * focal(logits, 1 - y, 2.0))  # fmt: skip


def test_losses_are_one_number_a_sample() -> None:
    """Their mean is what torch computes over the batch."""
    logits, y = torch.randn(6, 3), torch.tensor([0, 1, 2, 0, 1, 2])
    mine = ClassLoss(Loss(label_smoothing=0.1), None)(logits, y)

    assert mine.shape == (6,)
    assert torch.allclose(mine.mean(), nn.functional.cross_entropy(logits, y, label_smoothing=0.1))


def test_averages_by_hand() -> None:
    """The first update takes the weights over, the next ones mix by min(decay, (1 + t) / (10 + t))."""
    model = nn.Linear(1, 1, bias=False)
    average = Average(model, 0.9)
    seen = []
    for value in (1.0, 2.0, 4.0):
        nn.init.constant_(model.weight, value)
        average.update()
        seen.append(next(average.module.parameters()).item())

    first = 1.0
    second = first * 2 / 11 + 2.0 * 9 / 11
    third = second * 3 / 12 + 4.0 * 9 / 12
    assert seen == pytest.approx([first, second, third])
    assert [decay_at(0.9, t) for t in (0, 1, 1000)] == pytest.approx([0.1, 2 / 11, 0.9])


def test_averages_follow_buffers_and_go_on_from_a_state() -> None:
    """Buffers are averaged, also where a step puts another tensor in their place; counts are copied."""
    norm = nn.BatchNorm1d(1)
    model = nn.Sequential(norm, nn.Linear(1, 1))
    average, again = Average(model, 0.5), Average(model, 0.5)
    average.update()
    again.load_state_dict(average.state_dict())
    norm.running_mean = torch.full((1,), 11.0)
    norm.num_batches_tracked = torch.tensor(7)
    for one in (average, again):
        one.update()

        kept = dict(one.module.named_buffers())
        assert kept["0.running_mean"].item() == pytest.approx(11 * 9 / 11)
        assert kept["0.num_batches_tracked"].item() == 7
    assert norm.running_mean.item() == 11.0


def test_an_epoch_s_order_is_a_function_of_seed_and_epoch() -> None:
    """Every sample comes once; another epoch or seed is another order; starting later leaves out what was."""
    order = Order(10, 3, 1, seed=4)
    batches = Batches(order)
    batches.epoch = 2
    whole = list(batches)
    batches.start = 2

    assert sorted(p - 20 for b in whole for p in b) == list(range(10))
    assert list(batches) == whole[2:]
    assert list(order.samples(2)) == list(Order(10, 3, 1, seed=4).samples(2))
    assert list(order.samples(2)) != list(order.samples(3))
    assert list(order.samples(2)) != list(Order(10, 3, 1, seed=5).samples(2))


def test_processes_share_out_a_batch() -> None:
    """Together they see each sample once; one that has none sees one that counts for nothing."""
    order = Order(5, 3, 1, seed=0)
    shares = [list(Batches(order, rank, 2)) for rank in (0, 1)]
    whole = list(Batches(order))

    assert [sorted(a + b) for a, b in zip(*shares, strict=True)] == [sorted(b) for b in whole[:1]] + [
        sorted({*whole[1]}) if len(whole[1]) > 1 else [whole[1][0]] * 2
    ]
    assert [counted(3, r, 2) for r in (0, 1)] == [2, 1]
    lone = Order(4, 3, 1, seed=0)
    assert [len(list(Batches(lone, rank, 2))[1]) for rank in (0, 1)] == [1, 1]
    assert [counted(1, r, 2) for r in (0, 1)] == [1, 0]


def test_a_balanced_sampler_draws_every_class_equally_often() -> None:
    """Of 90 to 10, about half of an epoch is of either class."""
    classes = np.array([0] * 900 + [1] * 100)
    drawn = classes[Order(1000, 10, 1, seed=0, classes=classes).samples(0)]

    assert drawn.mean() == pytest.approx(0.5, abs=0.06)


def test_draws_depend_on_seed_epoch_and_sample_alone() -> None:
    """In any order and company a sample gets its number; the numbers are uniform."""
    index = np.arange(20_000)
    drawn = draws.uniforms(1, 2, index, 3)

    assert np.array_equal(draws.uniforms(1, 2, index[::-1], 3), drawn[::-1])
    assert draws.uniforms(1, 2, np.array([77]), 3)[0] == drawn[77]
    assert drawn.mean() == pytest.approx(0.5, abs=0.01)
    assert np.histogram(drawn, 10, (0, 1))[0].min() > 1800
    for other in (draws.uniforms(1, 3, index, 3), draws.uniforms(2, 2, index, 3), draws.uniforms(1, 2, index, 4)):
        assert abs(np.corrcoef(drawn, other)[0, 1]) < 0.03


def test_seeded_draws_leave_torch_s_generator_alone() -> None:
    """Augmentation takes no number from the generator that dropout needs."""
    before = torch.get_rng_state()
    with draws.torch_seeded(1, 2, 3, 4):
        first = torch.rand(3)
    with draws.torch_seeded(1, 2, 3, 4):
        again = torch.rand(3)

    assert torch.equal(first, again)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("augment", [Augment(mixup=0.4), Augment(cutmix=1.0)])
def test_mixing_mixes_labels_too(augment: Augment) -> None:
    """Soft targets sum to one, and say how much of each picture there is."""
    mixer = Mixer(augment, 3, Kind.IMAGES, seed=0)
    y = torch.tensor([0, 1, 2, 0])
    x = nn.functional.one_hot(y, 3).float()[:, :, None, None].expand(4, 3, 8, 8).contiguous()
    mixed, soft = mixer(x, y, 1, 2)
    again, _ = mixer(x, y, 1, 2)

    assert torch.allclose(soft.sum(1), torch.ones(4))
    assert torch.allclose(mixed.mean((2, 3)), soft, atol=1e-5)
    assert torch.equal(mixed, again)
    assert not torch.equal(mixer(x, y, 2, 2)[0], mixed)


def test_norms_and_biases_have_no_decay() -> None:
    """Matrices and filters decay, what has one axis does not; every parameter is in one group."""
    module = SmallCnn(1, 3, 8, 2, 0.0)
    made = groups(module, Recipe())
    flat = {id(p) for g in made if g["weight_decay"] == 0 for p in g["params"]}

    assert {n for n, p in module.named_parameters() if id(p) in flat} == {
        n for n, p in module.named_parameters() if p.ndim == 1
    }  # fmt: skip
    assert sum(len(g["params"]) for g in made) == len(list(module.parameters()))


@pytest.mark.parametrize(("name", "plain"), [("adamw", torch.optim.AdamW), ("sgd", torch.optim.SGD)])
def test_fused_updates_are_those_of_torch_s_default(name: str, plain: Any) -> None:
    """Ten steps of the recipe's optimizer end where ten of torch's plain one with the same groups end."""
    recipe = Recipe(optimizer=Optimizer.model_validate({"name": name, "lr": 0.01}))
    ends = []
    for is_plain in (False, True):
        torch.manual_seed(0)
        model = nn.Sequential(nn.Linear(33, 17), nn.Linear(17, 3))
        o = recipe.optimizer
        rest: Any = {"momentum": o.momentum} if name == "sgd" else {"betas": (o.momentum, 0.999)}
        made = plain(groups(model, recipe), lr=o.lr, fused=False, **rest) if is_plain else optimizer(model, recipe)
        for _ in range(10):
            model(torch.randn(5, 33)).square().sum().backward()
            made.step()
            made.zero_grad()
        ends.append(nn.utils.parameters_to_vector(model.parameters()).detach())
    assert torch.allclose(ends[0], ends[1], rtol=1e-4, atol=1e-5)


def test_layers_far_from_the_head_learn_slower() -> None:
    """Each stage has half the rate of the one after it."""
    module = SmallCnn(1, 3, 8, 2, 0.0)
    away = stages(module)
    made = groups(module, Recipe(optimizer=Optimizer(lr=0.4, layer_decay=0.5)))
    rates = {id(p): g["base"] for g in made for p in g["params"]}

    assert away["head.weight"] == 0
    assert away["body.1.0.weight"] == 1
    assert away["body.0.0.weight"] == 2
    for name, p in module.named_parameters():
        assert rates[id(p)] == pytest.approx(0.4 * 0.5 ** away[name]), name


def test_a_frozen_backbone_stays_as_it_is() -> None:
    """Only the head learns; its norms are among the parts that stay in evaluation mode, the head is not."""
    module = SmallCnn(1, 3, 8, 2, 0.0)
    frozen = freeze(module, ("head.",))

    assert [n for n, p in module.named_parameters() if p.requires_grad] == ["head.weight", "head.bias"]
    assert any(part is module.get_submodule("body.0.1") for part in frozen)
    assert all(part is not module.head for part in frozen)
    assert Model(freeze="backbone").freeze == "backbone"
