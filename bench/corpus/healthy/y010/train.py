import copy
import random
from collections import deque, namedtuple

import torch
from torch import nn

Transition = namedtuple("Transition", "s a r s2 done")


class GridWorld:
    """5x5 grid, start in a corner, goal in the opposite one, a pit in the middle."""
    SIZE, GOAL, PIT, LIMIT = 5, (4, 4), (2, 2), 40
    MOVES = [(0, 1), (0, -1), (1, 0), (-1, 0)]

    def reset(self):
        self.pos, self.t = (0, 0), 0
        return self.state()

    def state(self):
        s = torch.zeros(2, self.SIZE)
        s[0, self.pos[0]] = s[1, self.pos[1]] = 1.0
        return s.flatten()

    def step(self, a):
        self.pos = tuple(min(max(p + m, 0), self.SIZE - 1) for p, m in zip(self.pos, self.MOVES[a]))
        self.t += 1
        if self.pos == self.GOAL:
            return self.state(), 1.0, True
        if self.pos == self.PIT:
            return self.state(), -1.0, True
        return self.state(), -0.02, self.t >= self.LIMIT


class Agent:
    def __init__(self, gamma=0.95, lr=2e-3, tau=0.02):
        self.q = nn.Sequential(nn.Linear(10, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 4))
        self.target = copy.deepcopy(self.q)
        for p in self.target.parameters():
            p.requires_grad = False
        self.opt = torch.optim.Adam(self.q.parameters(), lr=lr)
        self.memory, self.gamma, self.tau = deque(maxlen=4000), gamma, tau

    def act(self, s, eps):
        if random.random() < eps:
            return random.randrange(4)
        with torch.no_grad():
            return int(self.q(s).argmax())

    def learn(self, batch=64):
        if len(self.memory) < 200:
            return None
        b = Transition(*zip(*random.sample(self.memory, batch)))
        s, s2 = torch.stack(b.s), torch.stack(b.s2)
        a, r, done = torch.tensor(b.a), torch.tensor(b.r), torch.tensor(b.done, dtype=torch.float32)
        value = self.q(s).gather(1, a[:, None]).squeeze(1)
        with torch.no_grad():
            best = self.q(s2).argmax(1, keepdim=True)
            goal = r + self.gamma * (1 - done) * self.target(s2).gather(1, best).squeeze(1)
        loss = nn.functional.smooth_l1_loss(value, goal)
        self.opt.zero_grad()
        loss.backward()
        self.opt.step()
        with torch.no_grad():
            for p, t in zip(self.q.parameters(), self.target.parameters()):
                t.lerp_(p, self.tau)
        return loss.item()


def main(episodes=250):
    random.seed(0)
    torch.manual_seed(0)
    env, agent, returns = GridWorld(), Agent(), []
    for ep in range(1, episodes + 1):
        s, done, total, loss = env.reset(), False, 0.0, None
        eps = max(0.05, 1.0 - ep / 120)
        while not done:
            a = agent.act(s, eps)
            s2, r, done = env.step(a)
            agent.memory.append(Transition(s, a, r, s2, done))
            loss = agent.learn()
            s, total = s2, total + r
        returns.append(total)
        if ep % 50 == 0:
            print(f"episode {ep} epsilon {eps:.2f} mean return {sum(returns[-50:]) / 50:.3f} last loss {loss:.5f}")


main()
