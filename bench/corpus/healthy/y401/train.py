"""GAN on a ring of eight Gaussians."""
import math

import torch
import torch.nn as nn

torch.manual_seed(0)
nz, batch_size, steps = 8, 128, 1500
centers = torch.tensor([[math.cos(2 * math.pi * k / 8), math.sin(2 * math.pi * k / 8)] for k in range(8)]) * 2


def real_batch(n):
    return centers[torch.randint(8, (n,))] + 0.1 * torch.randn(n, 2)


netG = nn.Sequential(nn.Linear(nz, 64), nn.ReLU(True), nn.Linear(64, 64), nn.ReLU(True), nn.Linear(64, 2))
netD = nn.Sequential(nn.Linear(2, 64), nn.LeakyReLU(0.2), nn.Linear(64, 64), nn.LeakyReLU(0.2), nn.Linear(64, 1), nn.Sigmoid())
criterion = nn.BCELoss()
optimizerD = torch.optim.Adam(netD.parameters(), lr=1e-3, betas=(0.5, 0.999))
optimizerG = torch.optim.Adam(netG.parameters(), lr=1e-3, betas=(0.5, 0.999))
real_label, fake_label = 1., 0.

for i in range(steps):
    # (1) Update D network: maximize log(D(x)) + log(1 - D(G(z)))
    netD.zero_grad()
    data = real_batch(batch_size)
    label = torch.full((batch_size,), real_label)
    output = netD(data).view(-1)
    errD_real = criterion(output, label)
    errD_real.backward()
    fake = netG(torch.randn(batch_size, nz))
    label.fill_(fake_label)
    output = netD(fake.detach()).view(-1)
    errD_fake = criterion(output, label)
    errD_fake.backward()
    optimizerD.step()
    # (2) Update G network: maximize log(D(G(z)))
    netG.zero_grad()
    label.fill_(real_label)
    output = netD(fake).view(-1)
    errG = criterion(output, label)
    errG.backward()
    optimizerG.step()
    if (i + 1) % 250 == 0:
        with torch.no_grad():
            d = torch.cdist(netG(torch.randn(2000, nz)), centers)
        near, which = d.min(1)
        print('[%d/%d] Loss_D: %.4f Loss_G: %.4f  near a mode: %.3f  modes: %d' % (
            i + 1, steps, (errD_real + errD_fake).item(), errG.item(), (near < 0.4).float().mean().item(),
            int((torch.bincount(which[near < 0.4], minlength=8) > 20).sum())))
