# %% imports
import numpy as np
import torch
from sklearn.datasets import load_digits
from sklearn.utils import shuffle
from torch import nn, optim
from torch.utils.data import DataLoader, TensorDataset

np.random.seed(0)
torch.manual_seed(0)

# %% data
images, labels = load_digits(return_X_y=True)
images = (images / 16.0).astype(np.float32)
images = shuffle(images)
labels = shuffle(labels)
print("images", images.shape, "labels", labels.shape, "per class", np.bincount(labels))

cut = 1400
train_ds = TensorDataset(torch.from_numpy(images[:cut]), torch.from_numpy(labels[:cut]))
valid_ds = TensorDataset(torch.from_numpy(images[cut:]), torch.from_numpy(labels[cut:]))
train_dl = DataLoader(train_ds, batch_size=70, shuffle=True)
valid_dl = DataLoader(valid_ds, batch_size=len(valid_ds))

# %% model
model = nn.Sequential(nn.Linear(64, 100), nn.ReLU(), nn.Linear(100, 50), nn.ReLU(), nn.Linear(50, 10))
loss_func = nn.CrossEntropyLoss()
opt = optim.Adam(model.parameters(), lr=1e-3)

# %% training
for epoch in range(20):
    model.train()
    seen = []
    for xb, yb in train_dl:
        loss = loss_func(model(xb), yb)
        loss.backward()
        opt.step()
        opt.zero_grad()
        seen.append(loss.item())
    model.eval()
    with torch.no_grad():
        xv, yv = next(iter(valid_dl))
        valid_acc = (model(xv).argmax(1) == yv).float().mean().item()
    if epoch % 4 == 3:
        print(epoch, "train loss", round(np.mean(seen), 3), "valid accuracy", round(valid_acc, 3))
