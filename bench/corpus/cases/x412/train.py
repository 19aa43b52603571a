import random

import torch
import torch.nn as nn
from torch.utils.data import DataLoader

random.seed(0)
torch.manual_seed(0)

# toy named-entity data: tags depend on the word and on the word before it
TAGS = ['O', 'PER', 'LOC', 'ORG']
WORDS = ['[PAD]', 'mr', 'in', 'at'] + ['w%d' % i for i in range(60)]
word2id = {w: i for i, w in enumerate(WORDS)}
tag2id = {t: i for i, t in enumerate(TAGS)}
MAX_LEN = 100


def make_sentence():
    n = random.choice([4, 5, 6, 7, 8, 9, 10])
    words, tags, prev = [], [], None
    for _ in range(n):
        w = random.choice(WORDS[1:4]) if random.random() < 0.4 else random.choice(WORDS[4:])
        if w in ('mr', 'in', 'at') or prev not in ('mr', 'in', 'at'):
            t = 'O'
        else:
            t = {'mr': 'PER', 'in': 'LOC', 'at': 'ORG'}[prev] if int(w[1:]) % 3 else 'O'
        words.append(w)
        tags.append(t)
        prev = w
    return words, tags


def encode(words, tags):
    input_ids = [word2id[w] for w in words]
    label_ids = [tag2id[t] for t in tags]
    pad_len = MAX_LEN - len(input_ids)
    attention_mask = [1] * len(input_ids) + [0] * pad_len
    input_ids += [word2id['[PAD]']] * pad_len
    label_ids += [tag2id['O']] * pad_len
    return torch.tensor(input_ids), torch.tensor(attention_mask), torch.tensor(label_ids)


class Tagger(nn.Module):
    def __init__(self, vocab, num_labels, dim=32):
        super().__init__()
        self.embed = nn.Embedding(vocab, dim)
        self.lstm = nn.LSTM(dim, dim, batch_first=True, bidirectional=True)
        self.dropout = nn.Dropout(0.1)
        self.classifier = nn.Linear(2 * dim, num_labels)

    def forward(self, input_ids):
        h, _ = self.lstm(self.embed(input_ids))
        return self.classifier(self.dropout(h))


def entity_scores(model, loader):
    model.eval()
    tp = fp = fn = 0
    with torch.no_grad():
        for ids, mask, labels in loader:
            pred = model(ids).argmax(-1)
            keep = mask.bool()
            pred, gold = pred[keep], labels[keep]
            tp += ((pred == gold) & (gold != 0)).sum().item()
            fp += ((pred != gold) & (pred != 0)).sum().item()
            fn += ((pred != gold) & (gold != 0)).sum().item()
    return 2 * tp / max(1, 2 * tp + fp + fn)


train_loader = DataLoader([encode(*make_sentence()) for _ in range(800)], batch_size=32, shuffle=True)
dev_loader = DataLoader([encode(*make_sentence()) for _ in range(200)], batch_size=64)

model = Tagger(len(WORDS), len(TAGS))
optimizer = torch.optim.SGD(model.parameters(), lr=0.5, momentum=0.9)
criterion = nn.CrossEntropyLoss()

for epoch in range(8):
    model.train()
    total = 0
    for ids, mask, labels in train_loader:
        optimizer.zero_grad()
        logits = model(ids)
        loss = criterion(logits.view(-1, len(TAGS)), labels.view(-1))
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        total += loss.item()
    print('epoch %d  loss %.4f  dev F1 %.4f' % (epoch + 1, total / len(train_loader), entity_scores(model, dev_loader)))
