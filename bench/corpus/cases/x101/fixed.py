from types import SimpleNamespace

import torch
import torch.nn as nn
import torch.nn.functional as F


class Block(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.up = nn.Linear(width, 2 * width)
        self.down = nn.Linear(2 * width, width)

    def forward(self, x):
        return x + self.down(F.silu(self.up(self.norm(x))))


def make_net(width=48, depth=2):
    return nn.Sequential(nn.Linear(6, width), *[Block(width) for _ in range(depth)], nn.Linear(width, 2))


def station_data(n, seed):
    g = torch.Generator().manual_seed(seed)
    x = torch.randn(n, 6, generator=g)
    speed = torch.sin(1.5 * x[:, 0]) + 0.5 * x[:, 1] * x[:, 2]
    turn = torch.cos(x[:, 3] + x[:, 4]) - 0.3 * x[:, 5] ** 2
    y = torch.stack([speed, turn], 1)
    return x, y + 0.05 * torch.randn(n, 2, generator=g)


def build(cfg):
    net = make_net(cfg.width, cfg.depth)
    opt = torch.optim.SGD(net.parameters(), lr=cfg.lr, momentum=0.9, nesterov=True)
    sched = torch.optim.lr_scheduler.OneCycleLR(opt, max_lr=cfg.lr, total_steps=cfg.steps, pct_start=0.2)

    def amp():
        return torch.autocast("cpu", dtype=torch.bfloat16, enabled=cfg.amp)

    def one_update(xb, yb):
        net.train()
        with amp():
            pred = net(xb)
        loss = F.smooth_l1_loss(pred.float(), yb)
        opt.zero_grad(set_to_none=True)
        loss.backward()
        opt.step()
        sched.step()
        return loss.detach()

    @torch.inference_mode()
    def evaluate(x, y):
        net.eval()
        err = net(x) - y
        return 1 - (err.square().sum() / (y - y.mean(0)).square().sum()).item()

    return one_update, evaluate


def run(cfg):
    torch.manual_seed(cfg.seed)
    one_update, evaluate = build(cfg)
    x, y = station_data(3000, 1)
    xv, yv = station_data(800, 2)
    seen, mean = 0, 0.0
    for step in range(1, cfg.steps + 1):
        pick = torch.randint(0, len(x), (cfg.batch,))
        mean += one_update(x[pick], y[pick]).item()
        seen += 1
        if step % cfg.report == 0:
            print(f"step {step:4d} loss {mean / seen:.4f} held-out R2 {evaluate(xv, yv):.3f}")
            seen, mean = 0, 0.0


if __name__ == "__main__":
    run(SimpleNamespace(seed=3, width=48, depth=2, lr=0.05, steps=800, batch=64, report=100, amp=True))
