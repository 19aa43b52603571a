"""Node classification with a two-layer graph network on a dense adjacency matrix (transductive, full batch)."""
import torch
import torch.nn as nn
import torch.nn.functional as F


def block_model(n=300, blocks=3, p_in=0.06, p_out=0.006, dims=16, seed=3):
    g = torch.Generator().manual_seed(seed)
    y = torch.arange(n) % blocks
    same = y[:, None] == y[None, :]
    prob = torch.where(same, p_in, p_out)
    upper = torch.triu((torch.rand(n, n, generator=g) < prob).float(), diagonal=1)
    adj = upper + upper.T
    centres = torch.randn(blocks, dims, generator=g)
    x = 0.5 * centres[y] + torch.randn(n, dims, generator=g)
    return x, adj, y, torch.randperm(n, generator=g)


def normalise(adj):
    a = adj + torch.eye(len(adj))
    d = a.sum(1).rsqrt()
    return d[:, None] * a * d[None, :]


class GraphConv(nn.Module):
    def __init__(self, n_in, n_out):
        super().__init__()
        self.lin = nn.Linear(n_in, n_out, bias=False)
        self.bias = nn.Parameter(torch.zeros(n_out))

    def forward(self, x, a):
        return a @ self.lin(x) + self.bias


class GCN(nn.Module):
    def __init__(self, n_in, hidden, classes):
        super().__init__()
        self.c1, self.c2 = GraphConv(n_in, hidden), GraphConv(hidden, classes)
        self.drop = nn.Dropout(0.5)

    def forward(self, x, a):
        return self.c2(self.drop(F.relu(self.c1(x, a))), a)


torch.manual_seed(3)
x, adj, y, order = block_model()
a_hat = normalise(adj)
idx_train, idx_val, idx_test = order[:90], order[90:190], order[190:]
model = GCN(x.size(1), 16, 3)
optimizer = torch.optim.Adam(model.parameters(), lr=0.01, weight_decay=5e-4)

for epoch in range(1, 151):
    model.train()
    optimizer.zero_grad()
    out = model(x, a_hat)
    loss = F.cross_entropy(out[idx_train], y[idx_train])
    loss.backward()
    optimizer.step()
    if epoch % 30 == 0:
        model.eval()
        with torch.no_grad():
            pred = model(x, a_hat).argmax(1)
        val, test = ((pred[i] == y[i]).float().mean().item() for i in (idx_val, idx_test))
        print(f"epoch {epoch} loss {loss.item():.4f} val {val:.3f} test {test:.3f}")
