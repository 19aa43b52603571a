import random

import torch
import torch.nn as nn

# Language model over a stream of characters, truncated back-propagation through time
torch.manual_seed(1)
gen = random.Random(1)
nouns, verbs, places = ["fox", "dog", "bear", "cat", "bird", "wolf"], ["sees", "hears", "follows", "leaves", "finds"], ["hill", "river", "road", "barn"]
text = " ".join(f"the {gen.choice(nouns)} {gen.choice(verbs)} the {gen.choice(nouns)} by the {gen.choice(places)} ." for _ in range(420)) + " "
chars = sorted(set(text))
data = torch.tensor([chars.index(c) for c in text])


def batchify(data, bsz):
    nbatch = data.size(0) // bsz
    return data[:nbatch * bsz].view(bsz, -1).t().contiguous()


def get_batch(source, i, bptt):
    seq_len = min(bptt, len(source) - 1 - i)
    return source[i:i + seq_len], source[i + 1:i + 1 + seq_len].view(-1)


def repackage_hidden(h):
    """Wraps hidden states in new Tensors, to detach them from their history."""
    if isinstance(h, torch.Tensor):
        return h.detach()
    return tuple(repackage_hidden(v) for v in h)


class RNNModel(nn.Module):
    def __init__(self, ntoken, ninp, nhid):
        super().__init__()
        self.encoder = nn.Embedding(ntoken, ninp)
        self.rnn = nn.LSTM(ninp, nhid)
        self.decoder = nn.Linear(nhid, ntoken)
        self.nhid = nhid
        self.encoder.weight.data.uniform_(-0.1, 0.1)
        self.decoder.bias.data.zero_()
        self.decoder.weight.data.uniform_(-0.1, 0.1)

    def forward(self, x, hidden):
        output, hidden = self.rnn(self.encoder(x), hidden)
        return self.decoder(output).view(-1, self.decoder.out_features), hidden

    def init_hidden(self, bsz):
        return torch.zeros(1, bsz, self.nhid), torch.zeros(1, bsz, self.nhid)


split = int(0.9 * len(data))
train_data, val_data = batchify(data[:split], 20), batchify(data[split:], 10)
model = RNNModel(len(chars), 24, 64)
criterion = nn.CrossEntropyLoss()
lr, clip, bptt = 5.0, 0.25, 20


def evaluate(source):
    model.eval()
    total, hidden = 0., model.init_hidden(source.size(1))
    with torch.no_grad():
        for i in range(0, source.size(0) - 1, bptt):
            x, y = get_batch(source, i, bptt)
            out, hidden = model(x, hidden)
            total += len(x) * criterion(out, y).item()
    return total / (len(source) - 1)


for epoch in range(1, 11):
    model.train()
    total, hidden = 0., model.init_hidden(20)
    for i in range(0, train_data.size(0) - 1, bptt):
        x, y = get_batch(train_data, i, bptt)
        model.zero_grad()
        hidden = repackage_hidden(hidden)
        out, hidden = model(x, hidden)
        loss = criterion(out, y)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), clip)
        for p in model.parameters():
            p.data.add_(p.grad, alpha=-lr)
        total += len(x) * loss.item()
    print('| end of epoch {:2d} | train loss {:.3f} | valid loss {:.3f}'.format(epoch, total / (len(train_data) - 1), evaluate(val_data)))
