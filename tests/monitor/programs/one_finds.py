# mypy: ignore-errors
"""Several processes train; from a step on, the loss of the last one takes the logarithm of zero, and of no other.

python one_finds.py ddp|apart STEPS [CODE ...]: with a CODE, the training is to stop at it.
"""

import sys
import time

import torch
import torch.distributed as dist
from torch import nn
from torch.nn.parallel import DistributedDataParallel

import torchladder

HOW, STEPS, STOP_ON = sys.argv[1], int(sys.argv[2]), sys.argv[3:]
FAULTY = 20
STEP_S = 0.005


def main():
    rank, last = dist.get_rank(), dist.get_world_size() - 1
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(8, 16), nn.Tanh(), nn.Linear(16, 3))
    model = DistributedDataParallel(net) if HOW == "ddp" else net
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    torch.manual_seed(100 + rank)
    for step in range(STEPS):
        x, y = torch.randn(32, 8), torch.randint(0, 3, (32,))
        p = torch.softmax(model(x), 1)
        if rank == last and step >= FAULTY:
            p = torch.relu(p - 0.5)
        loss = -torch.log(p[torch.arange(32), y]).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        time.sleep(STEP_S)
    print(f"rank {rank} ended", flush=True)


if __name__ == "__main__":
    dist.init_process_group("gloo")
    with torchladder.watch(stop_on=STOP_ON) as run:
        main()
    print(f"rank {dist.get_rank()} found {[f.code for f in run.findings]}", flush=True)
