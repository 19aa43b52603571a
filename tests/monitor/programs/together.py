# mypy: ignore-errors
"""Several processes train a small net; the first argument says how, the environment who is who.

Prints, for each process, a digest of everything it has computed: weights, optimizer state, the next random number.
"""

import contextlib
import hashlib
import os
import sys

import torch
import torch.distributed as dist
import torch.nn.functional as F
from torch import nn
from torch.nn.parallel import DistributedDataParallel
from torch.utils.data import DataLoader, DistributedSampler, TensorDataset

import torchladder

HOW = sys.argv[1]
WATCHED = sys.argv[2] == "watched"
STEPS_BEFORE = 20  # of the process that is to fall out


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(20, 64)
        self.norm = nn.BatchNorm1d(64)
        self.drop = nn.Dropout(0.1)
        self.fc2 = nn.Linear(64, 4)

    def forward(self, x):
        return self.fc2(self.drop(F.relu(self.norm(self.fc1(x)))))


def digest(*parts):
    made = hashlib.sha256()
    for part in parts:
        for t in part:
            made.update(t.detach().cpu().reshape(-1).view(torch.uint8).numpy().tobytes())
    return made.hexdigest()[:16]


def data():
    torch.manual_seed(1)
    x = torch.randn(512, 20)
    return TensorDataset(x, x[:, :4].argmax(1))


def wrapped(net):
    if HOW == "apart":
        return net
    if HOW == "fsdp1":
        from torch.distributed.fsdp import FullyShardedDataParallel

        return FullyShardedDataParallel(net, device_id=torch.device("cpu"))
    if HOW == "fsdp2":
        from torch.distributed.fsdp import fully_shard

        return fully_shard(net)
    if HOW == "pairs":
        pairs = [dist.new_group([0, 1]), dist.new_group([2, 3])]
        return DistributedDataParallel(net, process_group=pairs[dist.get_rank() // 2])
    return DistributedDataParallel(net, find_unused_parameters=HOW == "hidden")


def main():
    dist.init_process_group("gloo")
    rank = dist.get_rank()
    torch.manual_seed(rank // 2 if HOW == "pairs" else 0)
    model_seed = torch.initial_seed()
    sampler = DistributedSampler(data())
    loader = DataLoader(data(), batch_size=32, sampler=sampler)
    torch.manual_seed(model_seed)
    net = Net()
    if HOW == "hidden":
        net.aside = nn.Linear(64, 4)
    model = wrapped(net)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    torch.manual_seed(100 + rank)
    step = 0
    for epoch in range(5):
        sampler.set_epoch(epoch)
        model.train()
        for x, y in loader:
            if HOW == "slices":
                x, y = x[rank::2], y[rank::2]
            optimizer.zero_grad()
            F.cross_entropy(model(x), y).backward()
            optimizer.step()
            step += 1
            if step == STEPS_BEFORE and os.environ.get("FALLS_OUT") == str(rank):
                os._exit(9)
    state = [t for s in optimizer.state.values() for t in s.values() if isinstance(t, torch.Tensor)]
    local = [getattr(t, "_local_tensor", t) for t in (*model.state_dict().values(), *state)]
    if HOW != "fsdp1":
        print(f"rank {rank} {digest(local, [torch.rand(3)])}", flush=True)
    if "FALLS_OUT" not in os.environ:
        dist.destroy_process_group()


if __name__ == "__main__":
    with torchladder.watch() if WATCHED else contextlib.nullcontext():
        main()
