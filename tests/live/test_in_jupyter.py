"""In a running notebook the objects of its cells climb, and the report shows itself."""

import html
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

SOURCE = Path(__file__).parents[2] / "src"
CELLS = [
    "import torch\nimport torchladder\nfrom torch import nn",
    """class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(8, 64), nn.ReLU(), nn.Linear(64, 4))

    def forward(self, x):
        print("forward")
        return torch.softmax(self.layers(x), dim=1)
""",
    """torch.manual_seed(0)
x = torch.randn(320, 8)
batches = [(x[i::10], x[i::10, :4].argmax(1)) for i in range(10)]
model = Net()
optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
before = [p.tolist() for p in model.parameters()]
""",
    """torchladder.climb(model=model, optimizer=optimizer, loss_fn=nn.CrossEntropyLoss(),
                  train_loader=batches, to=3, budget=60)
""",
    "before == [p.tolist() for p in model.parameters()]",
]
RUN = """
import sys, nbformat, nbclient
notebook = nbformat.read(sys.argv[1], 4)
nbclient.NotebookClient(notebook, timeout=300, kernel_name="python3").execute()
nbformat.write(notebook, sys.argv[1])
"""


@pytest.mark.slow
def test_objects_of_a_running_notebook_climb(tmp_path: Path) -> None:
    """The finding names the cell by its number, nothing the copies print is shown, and the model stays as it was."""
    pytest.importorskip("nbclient")
    pytest.importorskip("ipykernel")
    blank: dict[str, Any] = {"cell_type": "code", "metadata": {}, "outputs": [], "execution_count": None}
    cells = [blank | {"id": f"c{i}", "source": c} for i, c in enumerate(CELLS)]
    file = tmp_path / "live.ipynb"
    file.write_text(json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}))
    done = subprocess.run(
        [sys.executable, "-c", RUN, file.name], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=400,
        env={**os.environ, "PYTHONPATH": str(SOURCE), "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]

    outputs: list[list[Any]] = [c["outputs"] for c in json.loads(file.read_text())["cells"]]
    (shown,) = outputs[3]
    page = html.unescape(re.sub("<[^>]+>", "", "".join(shown["data"]["text/html"])))
    assert "--> In[2]:8 in Net.forward" in page
    assert "return torch.softmax(self.layers(x), dim=1)" in page
    assert "In[4]:1" in page
    assert "".join(outputs[4][0]["data"]["text/plain"]) == "True"
