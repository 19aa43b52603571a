import torch
from accelerate import Accelerator
from accelerate.utils import set_seed
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


def loaders(micro):
    x, y = load_breast_cancer(return_X_y=True)
    x_tr, x_va, y_tr, y_va = train_test_split(x, y, test_size=0.3, stratify=y, random_state=3)
    scale = StandardScaler().fit(x_tr)
    pack = lambda a, b: TensorDataset(torch.tensor(scale.transform(a), dtype=torch.float32), torch.tensor(b, dtype=torch.float32))
    return DataLoader(pack(x_tr, y_tr), batch_size=micro, shuffle=True, drop_last=True), DataLoader(pack(x_va, y_va), batch_size=64)


def main(micro=8, accumulate=4, epochs=16, peak=5e-3):
    set_seed(3)
    accelerator = Accelerator(cpu=True, gradient_accumulation_steps=accumulate)
    train, valid = loaders(micro)
    model = nn.Sequential(nn.Linear(30, 48), nn.GELU(), nn.Dropout(0.1), nn.Linear(48, 1))
    optimizer = torch.optim.AdamW(model.parameters(), lr=peak, weight_decay=1e-2)
    updates = epochs * -(-len(train) // accumulate)
    scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=peak, total_steps=updates + 1, pct_start=0.25)
    model, optimizer, train, valid, scheduler = accelerator.prepare(model, optimizer, train, valid, scheduler)

    for epoch in range(1, epochs + 1):
        model.train()
        seen = 0.0
        for x, y in train:
            with accelerator.accumulate(model):
                loss = nn.functional.binary_cross_entropy_with_logits(model(x).squeeze(-1), y)
                accelerator.backward(loss)
                if accelerator.sync_gradients:
                    accelerator.clip_grad_norm_(model.parameters(), 2.0)
                optimizer.step()
                scheduler.step()
                optimizer.zero_grad()
            seen += loss.item()
        model.eval()
        good = total = 0
        with torch.inference_mode():
            for x, y in valid:
                p, y = accelerator.gather_for_metrics((model(x).squeeze(-1), y))
                good += ((p > 0) == (y > 0.5)).sum().item()
                total += len(y)
        if epoch % 4 == 0:
            accelerator.print(f"epoch {epoch:2d} lr {scheduler.get_last_lr()[0]:.2e} loss {seen / len(train):.4f} valid accuracy {good / total:.3f}")


if __name__ == "__main__":
    main()
