"""The tools for coding agents, driven by the client of the official SDK over standard input and output."""

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import pytest

mcp = pytest.importorskip("mcp")
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]


def asked(calls: list[tuple[str, dict[str, Any]]]) -> tuple[list[str], list[Any]]:
    """Return the names of the tools, and what each call answered."""
    from mcp import ClientSession, StdioServerParameters
    from mcp.client.stdio import stdio_client

    async def talk() -> tuple[list[str], list[Any]]:
        parameters = StdioServerParameters(command=sys.executable, args=["-m", "torchladder", "mcp"])
        async with stdio_client(parameters) as (read, write), ClientSession(read, write) as session:
            await session.initialize()
            names = [tool.name for tool in (await session.list_tools()).tools]
            answers = []
            for name, arguments in calls:
                result = await session.call_tool(name, arguments)
                answers.append(result.content[0].text)
            return names, answers

    return asyncio.run(talk())


def test_the_tools_measure(tmp_path: Path) -> None:
    """A curve, a gradient, a rule's page, a program that is sick, and one that is not there."""
    from torchladder.report.pages import specimen_source

    (tmp_path / "log.csv").write_text(
        "epoch,train_loss,val_loss\n" + "".join(f"{i},{1 / i},{1 + i / 9}\n" for i in range(1, 40))
    )
    (tmp_path / "grad.py").write_text(
        "import torch\n\n\nclass Twice(torch.autograd.Function):\n"
        "    @staticmethod\n    def forward(ctx, x):\n        return 2 * x\n\n"
        "    @staticmethod\n    def backward(ctx, g):\n        return 3 * g\n\n\n"
        "def make():\n    return Twice.apply, torch.randn(3)\n"
    )
    source = specimen_source("digits_mlp")
    assert source is not None
    (tmp_path / "train.py").write_text("\n".join(r for r in source.split("\n") if "zero_grad" not in r))
    folder = {"folder": str(tmp_path)}
    names, answers = asked([
        ("diagnose", {"logs": ["log.csv"], **folder}),
        ("gradcheck", {"target": "grad.py:make", **folder}),
        ("explain", {"rule": "TL404"}),
        ("explain", {"rule": "nothing-like-it"}),
        ("climb", {"script": "train.py", "to": 3, "budget_seconds": 120, **folder}),
        ("climb", {"script": "gone.py", **folder}),
        ("climb", {"script": "train.py", "folder": "/no/such/place"}),
    ])  # fmt: skip

    assert set(names) == {"climb", "diagnose", "data_check", "gradcheck", "explain"}
    curve, gradient, climbed, gone, nowhere = (json.loads(answers[i]) for i in (0, 1, 4, 5, 6))
    assert curve["report"]["findings"][0]["name"] == "overfitting"
    assert gradient["status"] == 1
    assert "missing-zero-grad" in answers[2]
    assert "no rule is called" in answers[3]
    assert climbed["report"]["cause"]["code"] == "TL404"
    assert gone["status"] == 2
    assert "gone.py" in gone["said"]
    assert nowhere["said"] == "there is no folder /no/such/place"


def test_a_tool_that_takes_too_long_is_ended(tmp_path: Path) -> None:
    """With its experiments; the sentence says so."""
    from torchladder.agents.server import run_verb

    (tmp_path / "slow.py").write_text("import time\ntime.sleep(60)\n")
    answer = asyncio.run(run_verb(["climb", "slow.py"], folder=str(tmp_path), seconds=1))

    assert answer["status"] == -1
    assert answer["said"] == "ended after 1 s"
