# %% [markdown]
# # Wine cultivars with a small network
# %%
import pandas as pd
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_wine
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

torch.manual_seed(41)

# %%
wine = load_wine(as_frame=True)
df = wine.frame
print(df.iloc[:3, :6])
X = df.drop('target', axis=1).values
y = df['target'].values

# %%
X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.3, random_state=41, stratify=y)
scaler = StandardScaler().fit(X_train)
X_train = torch.FloatTensor(scaler.transform(X_train))
X_test = torch.FloatTensor(scaler.transform(X_test))
y_train = torch.LongTensor(y_train)
y_test = torch.LongTensor(y_test)


# %%
class Model(nn.Module):
    def __init__(self, in_features=13, h1=16, h2=12, out_features=3):
        super().__init__()
        self.fc1 = nn.Linear(in_features, h1)
        self.fc2 = nn.Linear(h1, h2)
        self.out = nn.Linear(h2, out_features)

    def forward(self, x):
        x = F.relu(self.fc1(x))
        x = F.relu(self.fc2(x))
        return self.out(x)


model = Model()
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)

# %%
epochs = 300
losses = []
for i in range(epochs):
    y_pred = model(X_train)
    loss = criterion(y_pred, y_train)
    losses.append(loss.item())
    if i % 30 == 0:
        print(f'epoch {i:3} loss {loss.item():.4f}')
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()

# %%
correct = 0
with torch.no_grad():
    for i, row in enumerate(X_test):
        if model(row).argmax().item() == y_test[i]:
            correct += 1
print(f'{correct} of {len(y_test)} correct, accuracy {correct / len(y_test):.4f}')
