import torch
import torch.nn as nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_sequence
from torch.utils.data import DataLoader

torch.manual_seed(11)

VOCAB = ['<pad>', 'a', 'b', 'c', 'd', 'e', 'f', 'g', '(', ')']
itos = dict(enumerate(VOCAB))
stoi = {s: i for i, s in itos.items()}


def random_sentence():
    """label 1 when every 'a' comes before the first 'g'"""
    n = torch.randint(5, 13, (1,)).item()
    w = torch.randint(1, len(VOCAB), (n,))
    i, j = torch.randperm(n)[:2].tolist()
    w[i], w[j] = stoi['a'], stoi['g']
    first_g = (w == stoi['g']).nonzero()[0].item()
    last_a = (w == stoi['a']).nonzero()[-1].item()
    return w, int(last_a < first_g)


def collate(batch):
    batch = sorted(batch, key=lambda b: -len(b[0]))
    seqs, labels = zip(*batch)
    return pad_sequence(seqs, batch_first=True), torch.tensor([len(s) for s in seqs]), torch.tensor(labels)


class SentenceClassifier(nn.Module):
    def __init__(self, vocab_size, embedding_size=16, hidden_size=32, num_layers=1, bidirectional=True):
        super().__init__()
        self.hidden_size = hidden_size
        self.hidden_factor = (2 if bidirectional else 1) * num_layers
        self.embedding = nn.Embedding(vocab_size, embedding_size, padding_idx=0)
        self.embedding_dropout = nn.Dropout(p=0.1)
        self.encoder_rnn = nn.GRU(embedding_size, hidden_size, num_layers=num_layers, bidirectional=bidirectional, batch_first=True)
        self.outputs2class = nn.Linear(hidden_size * self.hidden_factor, 2)

    def forward(self, input_sequence, length):
        batch_size = input_sequence.size(0)
        input_embedding = self.embedding_dropout(self.embedding(input_sequence))
        packed_input = pack_padded_sequence(input_embedding, length, batch_first=True)
        _, hidden = self.encoder_rnn(packed_input)
        # flatten the directions
        hidden = hidden.view(batch_size, self.hidden_size * self.hidden_factor)
        return self.outputs2class(hidden)


train_set = [random_sentence() for _ in range(5000)]
valid_set = [random_sentence() for _ in range(1000)]
train_loader = DataLoader(train_set, batch_size=50, shuffle=True, collate_fn=collate)
valid_loader = DataLoader(valid_set, batch_size=50, collate_fn=collate)

model = SentenceClassifier(len(VOCAB))
optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
loss_fn = nn.CrossEntropyLoss()

for epoch in range(8):
    for split, loader in (('train', train_loader), ('valid', valid_loader)):
        model.train() if split == 'train' else model.eval()
        tracker, hits = [], 0
        for seq, length, label in loader:
            with torch.set_grad_enabled(split == 'train'):
                logits = model(seq, length)
                loss = loss_fn(logits, label)
            if split == 'train':
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
            tracker.append(loss.item())
            hits += (logits.argmax(1) == label).sum().item()
        print('%s epoch %02d  loss %.4f  accuracy %.4f' % (split.upper(), epoch, sum(tracker) / len(tracker), hits / len(loader.dataset)))
