from dataclasses import asdict, dataclass, field

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


@dataclass
class ModelArgs:
    n_inputs: int = 9
    widths: tuple = (48, 24)
    n_outputs: int = 1
    output: str = "sigmoid"


@dataclass
class Args:
    model: ModelArgs = field(default_factory=ModelArgs)
    lr: float = 2e-3
    epochs: int = 10
    batch_size: int = 64
    seed: int = 31


OUTPUTS = {"softmax": lambda: nn.Softmax(dim=1), "sigmoid": nn.Sigmoid, "none": nn.Identity}


def make_model(a):
    dims = [a.n_inputs, *a.widths]
    body = []
    for i, o in zip(dims, dims[1:]):
        body += [nn.Linear(i, o), nn.LeakyReLU(0.1)]
    return nn.Sequential(*body, nn.Linear(dims[-1], a.n_outputs), OUTPUTS[a.output]())


def churn_table(rng, n):
    x = rng.normal(size=(n, 9)).astype("float32")
    z = 1.6 * x[:, 0] * x[:, 1] + 1.2 * x[:, 2] - np.abs(x[:, 3]) + 0.3 * rng.normal(size=n)
    return torch.from_numpy(x), torch.from_numpy((z > -0.4).astype("float32")).unsqueeze(1)


class Experiment:
    def __init__(self, args):
        self.args = args
        torch.manual_seed(args.seed)
        rng = np.random.default_rng(args.seed)
        self.train_dl = DataLoader(TensorDataset(*churn_table(rng, 3000)), args.batch_size, shuffle=True)
        self.test_x, self.test_y = churn_table(rng, 1000)
        self.model = make_model(args.model)
        self.opt = torch.optim.Adam(self.model.parameters(), lr=args.lr)
        self.loss = nn.BCELoss()

    def epoch(self):
        self.model.train()
        seen = []
        for x, y in self.train_dl:
            self.opt.zero_grad()
            value = self.loss(self.model(x), y)
            value.backward()
            self.opt.step()
            seen.append(value.item())
        return float(np.mean(seen))

    def test(self):
        self.model.eval()
        with torch.no_grad():
            p = self.model(self.test_x)
        return ((p > 0.5).float() == self.test_y).float().mean().item(), p.std().item()

    def run(self):
        print(asdict(self.args))
        for e in range(self.args.epochs):
            loss = self.epoch()
            acc, spread = self.test()
            print(f"epoch {e} loss {loss:.4f} test accuracy {acc:.3f} spread of predictions {spread:.3f}")


if __name__ == "__main__":
    Experiment(Args()).run()
