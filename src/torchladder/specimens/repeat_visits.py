"""Tell eight conditions apart from two visits of each patient; a visit is six readings in no order."""

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
epochs = 20
patients, conditions = 500, 8

# a patient's condition shows faintly in the mean of the readings; both visits find the same readings, in another order
condition = torch.randint(conditions, (patients,))
readings = torch.randn(patients, 6, 40) + 0.1 * torch.randn(conditions, 1, 40)[condition]
first = torch.stack([r[torch.randperm(6)] for r in readings])
second = torch.stack([r[torch.randperm(6)] for r in readings])
visits = torch.cat([first, second]) + 0.05 * torch.randn(2 * patients, 6, 40)
labels = torch.cat([condition, condition])
patient = torch.arange(2 * patients) % patients

# both visits of a patient are on the same side
held_out = torch.isin(patient, torch.randperm(patients)[:150])
train_set = TensorDataset(visits[~held_out], labels[~held_out])
test_set = TensorDataset(visits[held_out], labels[held_out])
train_loader = DataLoader(train_set, batch_size=32, shuffle=True)
test_loader = DataLoader(test_set, batch_size=256)


class Pooled(nn.Module):
    """Reads each reading alone, and decides from their mean."""

    def __init__(self, width=128):
        super().__init__()
        self.reader = nn.Sequential(nn.Linear(40, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU())
        self.head = nn.Sequential(nn.Linear(width, width), nn.ReLU(), nn.Linear(width, conditions))

    def forward(self, x):
        return self.head(self.reader(x).mean(dim=1))


model = Pooled()
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)

for epoch in range(epochs):
    model.train()
    total = 0.0
    for xb, yb in train_loader:
        loss = criterion(model(xb), yb)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(xb)
    model.eval()
    right = 0
    with torch.no_grad():
        for xb, yb in test_loader:
            right += (model(xb).argmax(dim=1) == yb).sum().item()
    if (epoch + 1) % 5 == 0:
        print(f"epoch {epoch + 1} loss {total / len(train_set):.4f} test accuracy {right / len(test_set):.3f}")
