# mypy: ignore-errors
"""A loop in the manner of timm's train.py: its model, optimizer, schedule, loss and average of weights."""

import timm
import torch
from sklearn.datasets import load_digits
from timm.loss import LabelSmoothingCrossEntropy
from timm.optim import create_optimizer_v2
from timm.scheduler import create_scheduler_v2
from timm.utils import AverageMeter, ModelEmaV2, accuracy
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
digits = load_digits()
images = torch.tensor(digits.images, dtype=torch.float32)[:, None].repeat_interleave(2, 2).repeat_interleave(2, 3)
images = (images / 16 - 0.3) / 0.38
data = TensorDataset(images, torch.tensor(digits.target))
train_set, val_set = torch.utils.data.random_split(data, [512, 128, len(data) - 640])[:2]
loader_train = DataLoader(train_set, batch_size=32, shuffle=True, drop_last=True)
loader_eval = DataLoader(val_set, batch_size=64)

model = timm.create_model("resnet10t", pretrained=False, num_classes=10, in_chans=1)
model_ema = ModelEmaV2(model, decay=0.99)
optimizer = create_optimizer_v2(model, opt="adamw", lr=2e-3, weight_decay=0.02)
scheduler, num_epochs = create_scheduler_v2(
    optimizer, sched="cosine", num_epochs=6, warmup_epochs=1, warmup_lr=2e-4, updates_per_epoch=len(loader_train)
)
train_loss_fn = LabelSmoothingCrossEntropy(0.1)


def train_one_epoch(epoch):
    losses = AverageMeter()
    model.train()
    num_updates = epoch * len(loader_train)
    for input, target in loader_train:
        output = model(input)
        loss = train_loss_fn(output, target)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        model_ema.update(model)
        num_updates += 1
        losses.update(loss.item(), input.size(0))
        scheduler.step_update(num_updates=num_updates, metric=losses.avg)
    return losses.avg


@torch.inference_mode()
def validate():
    top1 = AverageMeter()
    model.eval()
    for input, target in loader_eval:
        acc1, _ = accuracy(model(input), target, topk=(1, 5))
        top1.update(acc1.item(), input.size(0))
    return top1.avg


for epoch in range(num_epochs):
    print(epoch, train_one_epoch(epoch), validate())
    scheduler.step(epoch + 1)
