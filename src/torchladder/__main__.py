"""``python -m torchladder``."""

from torchladder.cli.main import console

if __name__ == "__main__":
    raise SystemExit(console())
