# Named-entity style tagging of synthetic token strings
import random
import warnings

import torch
import torch.nn as nn
import torch.nn.functional as F

warnings.filterwarnings("ignore")
random.seed(4)
torch.manual_seed(4)

TITLES = ["mr", "mrs", "dr"]
NAMES = ["lee", "kim", "ada", "max", "rio", "paris"]
PREPS = ["in", "near", "to"]
FILLER = ["the", "met", "went", "saw", "today", "and", "then", "slowly"]
TAGS = ["O", "PER", "LOC"]
word_to_ix = {w: i for i, w in enumerate(TITLES + NAMES + PREPS + FILLER)}
tag_to_ix = {t: i for i, t in enumerate(TAGS)}


def sentence(length=12):
    words, tags = [], []
    while len(words) < length:
        kind = random.random()
        if kind < 0.3 and len(words) + 1 < length:
            words += [random.choice(TITLES), random.choice(NAMES)]
            tags += ["O", "PER"]
        elif kind < 0.6 and len(words) + 1 < length:
            words += [random.choice(PREPS), random.choice(NAMES)]
            tags += ["O", "LOC"]
        else:
            words.append(random.choice(FILLER))
            tags.append("O")
    return [word_to_ix[w] for w in words], [tag_to_ix[t] for t in tags]


def dataset(n):
    pairs = [sentence() for _ in range(n)]
    return torch.tensor([p[0] for p in pairs]), torch.tensor([p[1] for p in pairs])


class LSTMTagger(nn.Module):
    def __init__(self, embedding_dim, hidden_dim, vocab_size, tagset_size):
        super().__init__()
        self.word_embeddings = nn.Embedding(vocab_size, embedding_dim)
        self.lstm = nn.LSTM(embedding_dim, hidden_dim, batch_first=True)
        self.hidden2tag = nn.Linear(hidden_dim, tagset_size)

    def forward(self, sentences):
        embeds = self.word_embeddings(sentences)
        lstm_out, _ = self.lstm(embeds)
        tag_space = self.hidden2tag(lstm_out)
        tag_scores = F.log_softmax(tag_space)
        return tag_scores


train_x, train_y = dataset(800)
test_x, test_y = dataset(200)
model = LSTMTagger(16, 24, len(word_to_ix), len(tag_to_ix))
loss_function = nn.NLLLoss()
optimizer = torch.optim.SGD(model.parameters(), lr=0.5)

for epoch in range(15):
    model.train()
    total = 0.0
    for idx in torch.randperm(len(train_x)).split(40):
        model.zero_grad()
        tag_scores = model(train_x[idx])
        loss = loss_function(tag_scores.reshape(-1, len(TAGS)), train_y[idx].reshape(-1))
        loss.backward()
        optimizer.step()
        total += loss.item()
    if epoch % 3 == 2:
        model.eval()
        with torch.no_grad():
            pred = model(test_x).argmax(-1)
        entity = test_y > 0
        print("epoch %2d loss %.4f token accuracy %.3f entity recall %.3f" % (
            epoch + 1, total / 20, (pred == test_y).float().mean().item(), (pred == test_y)[entity].float().mean().item()))
