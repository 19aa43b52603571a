"""The assertions for a user's own tests: each holds for a sound model, and fails with a diagnosis for a broken one."""

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
import torch
from torch import nn

from torchladder.testing.failure import SanityError
from torchladder.testing.ladder import Ladder

CHECK = Ladder()


def batch(n: int = 16, classes: int = 4) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    return torch.randn(n, 8, generator=generator), torch.randint(0, classes, (n,), generator=generator)


def net(*extra: nn.Module) -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(8, 64), nn.ReLU(), *extra, nn.Linear(64, 4))


def frozen() -> nn.Module:
    """Return a model with a layer that is never used, and one that is cut off."""

    class Frozen(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.used, self.cut, self.spare = nn.Linear(8, 4), nn.Linear(8, 4), nn.Linear(8, 4)

        def forward(self, x):
            return self.used(x) + self.cut(x).detach()

    return Frozen()


def applied(function) -> nn.Module:
    """Return a layer that applies a function."""

    class Applied(nn.Module):
        def forward(self, x):
            return function(x)

    return Applied()


def test_a_sound_model_passes_every_check():
    """And is left as it was, with the random numbers to come."""
    model, (x, y) = net(nn.BatchNorm1d(64)), batch()
    before, state = [p.clone() for p in model.state_dict().values()], torch.get_rng_state()

    assert CHECK.overfits_one_batch(model, (x, y)) < 0.2
    assert CHECK.loss_at_init(model, (x, y)) == pytest.approx(1.386, rel=0.2)
    CHECK.no_batch_mixing(model, x)
    CHECK.all_parameters_get_gradients(model, (x, y))
    CHECK.eval_is_repeatable(model, x)

    assert all(torch.equal(a, b) for a, b in zip(before, model.state_dict().values(), strict=True))
    assert torch.equal(state, torch.get_rng_state())
    assert all(p.grad is None for p in model.parameters())


def test_one_batch_that_is_not_memorised_fails():
    """Logits that are squashed twice cannot reach a low loss."""
    model = nn.Sequential(net(), nn.Softmax(dim=1))

    with pytest.raises(SanityError, match=r"one-batch: .*(?s:.*)= seen: loss after 300 steps"):
        CHECK.overfits_one_batch(model, batch())


def test_a_loss_at_the_start_that_is_no_guess_fails():
    """Weights a hundred times too large."""
    model = net()
    with torch.no_grad():
        model[-1].weight.mul_(100)

    with pytest.raises(SanityError, match="= ln 4"):
        CHECK.loss_at_init(model, batch())


def test_samples_that_see_each_other_fail():
    """A softmax over the batch."""
    with pytest.raises(SanityError, match="depends on other samples"):
        CHECK.no_batch_mixing(nn.Sequential(net(), applied(lambda x: torch.softmax(x, dim=0))), batch()[0])
    with pytest.raises(ValueError, match="floating-point"):
        CHECK.no_batch_mixing(net(), torch.arange(3))


def test_parameters_that_get_no_gradient_are_named():
    """Unused and cut off, unless they are excepted."""
    with pytest.raises(SanityError, match=r"does not reach cut\.weight, cut\.bias, spare\.weight, spare\.bias"):
        CHECK.all_parameters_get_gradients(frozen(), batch())
    CHECK.all_parameters_get_gradients(frozen(), batch(), except_=("spare", "cut"))


def test_dropout_that_ignores_the_mode_fails():
    """`F.dropout` without `training=`."""
    with pytest.raises(SanityError, match="two calls in evaluation mode differ"):
        CHECK.eval_is_repeatable(nn.Sequential(net(), applied(nn.functional.dropout)), batch()[0])


def test_a_model_may_take_several_inputs():
    """A tuple is handed over as arguments, a mapping by name."""

    class Two(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(8, 4)

        def forward(self, a, b):
            return self.layer(a + b)

    x, y = batch()
    CHECK.overfits_one_batch(Two(), ((x, x), y), below=0.9)
    CHECK.eval_is_repeatable(Two(), {"a": x, "b": x})


def test_the_plugin_costs_nothing_before_it_is_used():
    """Pytest loads it with every start: no torch, no numpy."""
    code = "import sys, torchladder.testing.plugin; print({'torch', 'numpy', 'rich'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "set()"


def test_the_fixture_in_a_project_of_ones_own(tmp_path: Path):
    """One test that holds and one that fails with its diagnosis."""
    (tmp_path / "test_model.py").write_text(
        textwrap.dedent("""
        import torch
        from torch import nn

        X, Y = torch.randn(8, 3), torch.arange(8) % 2

        def test_repeats(ladder):
            ladder.eval_is_repeatable(nn.Sequential(nn.Linear(3, 2), nn.Dropout()), X)

        def test_gradients(ladder):
            ladder.all_parameters_get_gradients(Sum(), (X, Y))

        class Sum(nn.Module):
            def __init__(self):
                super().__init__()
                self.used, self.spare = nn.Linear(3, 2), nn.Linear(3, 2)

            def forward(self, x):
                return self.used(x)
        """)
    )
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "."]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)

    assert "1 failed, 1 passed" in done.stdout
    assert "the loss does not reach spare.weight, spare.bias" in done.stdout


@pytest.mark.slow
def test_a_project_of_twenty_checks_passes():
    """Found by the entry point of the installed package, with no option of pytest's."""
    project = Path(__file__).parent / "project"
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", str(project), str(project)]
    done = subprocess.run(command, cwd=project, capture_output=True, text=True, check=False)

    assert "20 passed" in done.stdout, done.stdout


@pytest.mark.slow
def test_a_program_climbs_clean_or_fails_with_its_report(tmp_path: Path):
    """The healthy specimen, and the same with its gradients never cleared."""
    from torchladder.report.pages import specimen_source

    source = specimen_source("digits_mlp")
    assert source is not None
    (tmp_path / "healthy.py").write_text(source)
    (tmp_path / "sick.py").write_text("\n".join(r for r in source.split("\n") if "zero_grad" not in r))

    CHECK.climbs_clean(tmp_path / "healthy.py")
    with pytest.raises(SanityError, match=r"TL404\] missing-zero-grad"):
        CHECK.climbs_clean(tmp_path / "sick.py")
