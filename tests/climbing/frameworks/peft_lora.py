# mypy: ignore-errors
"""LoRA by PEFT on a small GPT-2 made from a configuration, that is taught to repeat a pattern."""

import torch
from peft import LoraConfig, TaskType, get_peft_model
from torch.utils.data import DataLoader
from transformers import GPT2Config, GPT2LMHeadModel

torch.manual_seed(0)
config = GPT2Config(vocab_size=24, n_positions=16, n_embd=64, n_layer=2, n_head=4, bos_token_id=0, eos_token_id=0)
base = GPT2LMHeadModel(config)
lora = LoraConfig(
    task_type=TaskType.CAUSAL_LM,
    r=16,
    lora_alpha=32,
    lora_dropout=0.0,
    target_modules=["c_attn", "c_fc"],
    modules_to_save=["lm_head", "wte"],
)
model = get_peft_model(base, lora)
model.print_trainable_parameters()

starts = torch.randint(1, 20, (512, 1))
rows = (starts + torch.arange(12)) % 20 + 1
loader = DataLoader(rows, batch_size=32, shuffle=True)
optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=5e-3)

model.train()
for epoch in range(8):
    for ids in loader:
        out = model(input_ids=ids, labels=ids)
        out.loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    print(epoch, out.loss.item())
