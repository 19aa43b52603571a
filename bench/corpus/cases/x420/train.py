import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn, optim

torch.manual_seed(13)

X, y = load_digits(return_X_y=True)
X = (X - X.mean()) / X.std()
X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.2, random_state=13)
X_train, X_test = torch.tensor(X_train).float(), torch.tensor(X_test).float()
y_train, y_test = torch.tensor(y_train), torch.tensor(y_test)

sizes = [64, 100, 100, 80, 60, 40, 10]
modules = []
for i in range(len(sizes) - 2):
    modules.append(nn.Linear(sizes[i], sizes[i + 1]))
    modules.append(nn.Sigmoid())
modules.append(nn.Linear(sizes[-2], sizes[-1]))
model = nn.Sequential(*modules)

criterion = nn.CrossEntropyLoss()
optimizer = optim.SGD(model.parameters(), lr=0.1, momentum=0.5)

for epoch in range(30):
    permutation = torch.randperm(X_train.size()[0])
    epoch_loss = 0.0
    for i in range(0, X_train.size()[0], 32):
        optimizer.zero_grad()
        indices = permutation[i:i + 32]
        batch_x, batch_y = X_train[indices], y_train[indices]
        outputs = model(batch_x)
        loss = criterion(outputs, batch_y)
        loss.backward()
        optimizer.step()
        epoch_loss += loss.item() * len(indices)
    if (epoch + 1) % 5 == 0:
        with torch.no_grad():
            accuracy = (model(X_test).argmax(1) == y_test).float().mean()
        print('Epoch: %d, loss: %.4f, test accuracy: %.4f' % (epoch + 1, epoch_loss / len(X_train), accuracy))
