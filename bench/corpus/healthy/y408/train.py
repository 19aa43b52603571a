"""DQN with a target network on a small grid."""
import random
from collections import deque

import torch
import torch.nn as nn

random.seed(0)
torch.manual_seed(0)
SIZE, GOAL, PIT = 4, (3, 3), (1, 2)
MOVES = [(0, 1), (0, -1), (1, 0), (-1, 0)]


def encode(s):
    v = torch.zeros(SIZE * SIZE)
    v[s[0] * SIZE + s[1]] = 1
    return v


def step(s, a):
    n = (min(max(s[0] + MOVES[a][0], 0), SIZE - 1), min(max(s[1] + MOVES[a][1], 0), SIZE - 1))
    if n == GOAL:
        return n, 1.0, True
    if n == PIT:
        return n, -1.0, True
    return n, -0.02, False


def make_net():
    return nn.Sequential(nn.Linear(SIZE * SIZE, 64), nn.ReLU(), nn.Linear(64, 4))


policy_net, target_net = make_net(), make_net()
target_net.load_state_dict(policy_net.state_dict())
for p in target_net.parameters():
    p.requires_grad_(False)
optimizer = torch.optim.AdamW(policy_net.parameters(), lr=1e-3, amsgrad=True)
memory, TAU, GAMMA, BATCH = deque(maxlen=3000), 0.02, 0.95, 64
returns = []

for episode in range(220):
    s, total, eps = (0, 0), 0.0, max(0.05, 1 - episode / 120)
    for t in range(30):
        with torch.no_grad():
            a = random.randrange(4) if random.random() < eps else policy_net(encode(s)).argmax().item()
        n, r, done = step(s, a)
        memory.append((encode(s), a, r, encode(n), done))
        s, total = n, total + r
        if len(memory) >= 200:
            st, ac, rw, nx, dn = zip(*random.sample(memory, BATCH))
            q = policy_net(torch.stack(st)).gather(1, torch.tensor(ac).unsqueeze(1))
            with torch.no_grad():
                best = target_net(torch.stack(nx)).max(1).values
                expected = torch.tensor(rw) + GAMMA * best * (1 - torch.tensor(dn, dtype=torch.float32))
            loss = nn.functional.smooth_l1_loss(q, expected.unsqueeze(1))
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_value_(policy_net.parameters(), 100)
            optimizer.step()
            with torch.no_grad():
                for tp, pp in zip(target_net.parameters(), policy_net.parameters()):
                    tp.mul_(1 - TAU).add_(pp, alpha=TAU)
        if done:
            break
    returns.append(total)
    if (episode + 1) % 44 == 0:
        print(f"episode {episode + 1} eps {eps:.2f} mean return {sum(returns[-30:]) / 30:.3f} td loss {loss.item():.4f}")
