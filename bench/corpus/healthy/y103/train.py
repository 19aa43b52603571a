import torch
from torch import nn
from torch.distributions import Categorical

MOVES = torch.tensor([[0, 1], [0, -1], [1, 0], [-1, 0]])


class Grid:
    """Many 5x5 worlds side by side: walk from a random cell to the goal cell."""

    def __init__(self, n):
        self.n = n

    def reset(self):
        self.pos = torch.randint(0, 5, (self.n, 2))
        self.goal = torch.randint(0, 5, (self.n, 2))
        self.alive = torch.ones(self.n)
        return self.view()

    def view(self):
        return torch.cat([self.pos, self.goal], 1).float() / 2 - 1

    def step(self, action):
        new = (self.pos + MOVES[action]).clamp(0, 4)
        self.pos = torch.where(self.alive[:, None] > 0, new, self.pos)
        there = (self.pos == self.goal).all(1).float()
        reward = self.alive * (there - 0.05)
        live_before = self.alive.clone()
        self.alive = self.alive * (1 - there)
        return self.view(), reward, live_before


def returns(rewards, gamma=0.95):
    out, acc = [], torch.zeros_like(rewards[0])
    for r in reversed(rewards):
        acc = r + gamma * acc
        out.append(acc)
    return torch.stack(out[::-1])


def net(outputs):
    return nn.Sequential(nn.Linear(4, 48), nn.Tanh(), nn.Linear(48, 48), nn.Tanh(), nn.Linear(48, outputs))


torch.manual_seed(13)
env, actor, critic = Grid(64), net(4), net(1)
opt_actor = torch.optim.Adam(actor.parameters(), lr=3e-3)
opt_critic = torch.optim.Adam(critic.parameters(), lr=6e-3)
for episode in range(1, 251):
    obs = env.reset()
    seen, logp, entropy, rewards, mask = [], [], [], [], []
    for _ in range(12):
        dist = Categorical(logits=actor(obs))
        act = dist.sample()
        seen.append(obs)
        logp.append(dist.log_prob(act))
        entropy.append(dist.entropy())
        obs, r, live = env.step(act)
        rewards.append(r)
        mask.append(live)
    mask, target = torch.stack(mask), returns(rewards)
    value = critic(torch.stack(seen)).squeeze(-1)
    advantage = (target - value).detach()
    policy_loss = -((torch.stack(logp) * advantage + 0.01 * torch.stack(entropy)) * mask).sum() / mask.sum()
    value_loss = ((value - target).square() * mask).sum() / mask.sum()
    opt_actor.zero_grad()
    policy_loss.backward()
    opt_actor.step()
    opt_critic.zero_grad()
    value_loss.backward()
    opt_critic.step()
    if episode % 50 == 0:
        done = 1 - env.alive.mean().item()
        print(f"episode {episode} policy {policy_loss:+.4f} value {value_loss:.4f} arrived {done:.2f} return {torch.stack(rewards).sum(0).mean():.3f}")
