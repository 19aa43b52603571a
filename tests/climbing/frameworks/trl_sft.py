# mypy: ignore-errors
"""Supervised fine-tuning by TRL: a tiny Llama and a tokenizer, both made here."""

from datasets import Dataset
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast, set_seed
from trl import SFTConfig, SFTTrainer

set_seed(0)
words = [
    "<pad>",
    "<eos>",
    "<unk>",
    "the",
    "cat",
    "dog",
    "bird",
    "sat",
    "ran",
    "flew",
    "on",
    "under",
    "over",
    "mat",
    "tree",
    "sky",
    ".",
]
plain = Tokenizer(models.WordLevel({w: i for i, w in enumerate(words)}, unk_token="<unk>"))
plain.pre_tokenizer = pre_tokenizers.Whitespace()
tokenizer = PreTrainedTokenizerFast(tokenizer_object=plain, pad_token="<pad>", eos_token="<eos>", unk_token="<unk>")

stories = [("cat", "sat", "on", "mat"), ("dog", "ran", "under", "tree"), ("bird", "flew", "over", "sky")]
texts = ["the {} {} {} the {} .".format(*stories[i % 3]) for i in range(240)]

model = LlamaForCausalLM(
    LlamaConfig(
        vocab_size=len(words),
        hidden_size=48,
        intermediate_size=96,
        num_hidden_layers=2,
        num_attention_heads=4,
        max_position_embeddings=64,
        pad_token_id=0,
        bos_token_id=1,
        eos_token_id=1,
    )
)
trainer = SFTTrainer(
    model=model,
    args=SFTConfig(
        output_dir="sft",
        per_device_train_batch_size=8,
        num_train_epochs=8,
        learning_rate=3e-3,
        report_to=[],
        use_cpu=True,
        disable_tqdm=True,
        save_strategy="no",
        logging_steps=20,
        max_length=32,
        bf16=False,
        gradient_checkpointing=False,
    ),
    train_dataset=Dataset.from_dict({"text": texts}),
    processing_class=tokenizer,
)
trainer.train()
