"""Edits of what training starts from: initial weights, layouts, masks, data, what is frozen or set back."""

import pytest

from tests.patches.test_edits import edited

MADE = "net = Net()\n{}opt = torch.optim.SGD(net.parameters(), lr=0.1)\n"


@pytest.mark.parametrize(
    ("line", "modules", "new"),
    [
        ("nn.init.constant_(net.fc.weight, 0.0)", ["fc"], "nn.init.kaiming_uniform_(net.fc.weight, a=5**0.5)"),
        (
            "torch.nn.init.zeros_(net.fc.weight)  # why",
            [],
            "torch.nn.init.kaiming_uniform_(net.fc.weight, a=5**0.5)  # why",
        ),
        ("net.fc.weight.data.fill_(0.3)", ["Net:fc"], "nn.init.kaiming_uniform_(net.fc.weight, a=5**0.5)"),
        ("nn.init.constant_(net.fc.bias, -9)", ["fc"], "nn.init.zeros_(net.fc.bias)"),
        ("net.fc.bias.data += 9", ["fc"], None),
        ("nn.init.constant_(net.other.bias, -9)", ["fc"], None),
    ],
)
def test_a_layer_is_initialised_as_torch_does(line: str, modules: list[str], new: str | None) -> None:
    """In the line that set it by hand; lines of other layers are not meant."""
    text = MADE.format(line + "\n")

    assert edited(text, "reinitialise", [1], modules=modules) == (MADE.format(new + "\n") if new else None)


@pytest.mark.parametrize("kind", ["reinitialise", "scale_parameter"])
def test_a_loop_over_all_parameters_goes(kind: str) -> None:
    """With its line; a loop that does more stays."""
    loop = "for p in net.parameters():\n    nn.init.constant_(p, 1.0)\n"
    args = {"names": ["fc.weight"], "factor": 0.1} if kind == "scale_parameter" else {"modules": ["fc"]}

    assert edited(MADE.format(loop), kind, [3], **args) == MADE.format("")
    assert edited(MADE.format(loop + "    n += 1\n"), kind, [3], **args) is None


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("nn.init.normal_(net.head.weight, std=25.0)", "nn.init.normal_(net.head.weight, std=0.5)"),
        ("nn.init.normal_(net.head.weight, 0, 25.0)", "nn.init.normal_(net.head.weight, 0, 0.5)"),
        ("nn.init.xavier_uniform_(net.head.weight, gain=50)", "nn.init.xavier_uniform_(net.head.weight, gain=1)"),
        ("net.head.weight.data.normal_(0, 25.0)", "net.head.weight.data.normal_(0, 0.5)"),
        ("nn.init.normal_(net.head.weight, std=scale)", None),
        ("nn.init.normal_(net.head.weight)", None),
    ],
)
def test_the_size_of_the_last_layer_is_scaled(old: str, new: str | None) -> None:
    """Where it is written as a number."""
    found = edited(MADE.format(old + "\n"), "scale_parameter", [2], names=["head.weight"], factor=0.02)

    assert found == (MADE.format(new + "\n") if new else None)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("y = x.view(b, c, h, w)\n", "y = x.permute(0, 3, 1, 2)\n"),
        ("y = torch.reshape(x, (b, c, h, w))\n", "y = x.permute(0, 3, 1, 2)\n"),
        (
            "y = (a + x).reshape(b, c, h, w)\nz = y.view(b, -1)\n",
            "y = (a + x).permute(0, 3, 1, 2).contiguous()\nz = y.view(b, -1)\n",
        ),
        ("y = x.reshape(a).reshape(b)\n", None),
    ],
)
def test_axes_are_moved(old: str, new: str | None) -> None:
    """In one piece where that is asked for; two reshapes on a line leave a choice."""
    function = "view" if "x.view" in old else "reshape"

    assert edited(old, "permute_instead", [1], line=1, function=function, axes=[0, 3, 1, 2]) == new


@pytest.mark.parametrize(
    ("old", "new", "axes", "dims"),
    [
        ("q = q.view(b, h, t, c // h)\n", "q = q.view(b, t, h, c // h).permute(0, 2, 1, 3)\n", [0, 2, 1, 3], 3),
        ("y = (a @ v).reshape(b, t, c)\n", "y = (a @ v).permute(0, 2, 1, 3).reshape(b, t, c)\n", [0, 2, 1, 3], 4),
        ("x = x.view(b, h * w, c)\n", "x = x.permute(0, 2, 3, 1).reshape(b, h * w, c)\n", [0, 2, 3, 1], 4),
        ("x = x.view(b, c, h, w)\n", "x = x.view(b, h, w, c).permute(0, 3, 1, 2)\n", [0, 3, 1, 2], 3),
        ("x = x.view(*sizes)\n", None, [0, 3, 1, 2], 3),
    ],
)
def test_axes_that_are_split_or_joined_are_moved(old: str, new: str | None, axes: list[int], dims: int) -> None:
    """After the split, or before the join; sizes that are not written out stay as they are."""
    function = "reshape" if "reshape" in old else "view"
    assert edited(old, "permute_instead", [1], line=1, function=function, axes=axes, dims=dims) == new


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("x = raw.reshape(-1, 3, 32, 32)\n", "x = raw.reshape(-1, 32, 32, 3).transpose(0, 3, 1, 2)\n"),
        ("x = torch.tensor(raw).view((n, 1, h, w))\n", "x = torch.tensor(raw).view(n, h, w, 1).permute(0, 3, 1, 2)\n"),
        ("x = raw.reshape(-1, 3, 32, 32)\nz = raw.reshape(-1, 3, 8, 8)\n", None),
        ("x = raw.reshape(-1, 32, 32, 3)\n", None),
    ],
)
def test_pictures_are_read_with_the_channels_last(old: str, new: str | None) -> None:
    """At the only line that reshapes to pictures."""
    assert edited(old, "channels_last_input", [1]) == new


SDPA = "F.scaled_dot_product_attention(q, k, v"
LATER = "torch.ones_like(scores, dtype=torch.bool).triu(1)"
ATTEND = "class A(nn.Module):\n    def forward(self, x):\n        {}\n"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (f"return {SDPA})", f"return {SDPA}, is_causal=True)"),
        (f"return {SDPA}, is_causal=False)", f"return {SDPA}, is_causal=True)"),
        (f"return {SDPA}, attn_mask=m)", None),
        ("return scores.softmax(dim=-1) @ v", f'return scores.masked_fill({LATER}, float("-inf")).softmax(dim=-1) @ v'),
        ("return F.softmax(q @ k.mT, dim=-1) @ v", None),
        ("return F.softmax(logits, dim=-1)", None),
    ],
)
def test_attention_becomes_causal(old: str, new: str | None) -> None:
    """By torch's flag, or by a mask on what is named as scores."""
    assert edited(ATTEND.format(old), "causal_mask", [3]) == (ATTEND.format(new) if new else None)


def test_an_encoder_gets_a_mask() -> None:
    """Over the axis on which it has the sequence."""
    text = (
        "class A(nn.Module):\n    def __init__(self):\n"
        "        layer = nn.TransformerEncoderLayer(8, 2{})\n        self.enc = nn.TransformerEncoder(layer, 2)\n"
        "    def forward(self, x):\n        return self.enc(x{})\n"
    )
    mask = ", mask=nn.Transformer.generate_square_subsequent_mask(x.size({}))"

    for flag, axis in (("", 0), (", batch_first=True", 1)):
        assert edited(text.format(flag, ""), "causal_mask", [6]) == text.format(flag, mask.format(axis))


def test_deep_networks_are_initialised_for_relu() -> None:
    """In the line that draws the weights; else in a loop behind the model, which squashes no more inside."""
    drawn = MADE.format("for m in net.hidden:\n    nn.init.normal_(m.weight, std=0.7)\n")
    loop = (
        "for layer in net.modules():\n    if isinstance(layer, nn.Linear):\n"
        '        nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")\n'
        "        if layer.bias is not None:\n            nn.init.zeros_(layer.bias)\n"
    )
    made = "net = nn.Sequential(nn.Linear(2, 2), nn.{}(), nn.Linear(2, 1), nn.Sigmoid())\n"
    opt = "opt = torch.optim.SGD(net.parameters(), lr=0.1)\n"
    site = {"path": "train.py", "line": 4, "function": "sigmoid", "module": "1"}

    new = drawn.replace("normal_(m.weight, std=0.7)", 'kaiming_normal_(m.weight, nonlinearity="relu")')
    assert edited(drawn, "he_initialise", [1], sites=[]) == new
    assert edited(made.format("Sigmoid") + opt, "he_initialise", [1], sites=[site]) == made.format("ReLU") + loop + opt
    assert edited(made.format("Sigmoid"), "he_initialise", [1], sites=[site]) is None


def test_what_is_adapted_is_frozen() -> None:
    """Where a loop lets all parameters train, or where the wrapper keeps it."""
    wrapper = "class Low(nn.Module):\n    def __init__(self, base):\n        self.base = base\n{}"
    loop = "for name, p in net.named_parameters():\n    p.requires_grad = {}\n"
    names = ["Net:fc1.base.weight", "Net:fc2.base.weight"]

    done = edited(wrapper.format(loop.format("True")), "freeze", [3], names=names)
    assert done == wrapper.format(loop.format('".base." not in name'))
    done = edited(wrapper.format(""), "freeze", [3], names=names)
    assert done == wrapper.format("        self.base.requires_grad_(False)\n")
    assert edited(wrapper.format(loop.format('"a" in name')), "freeze", [3], names=names) is None


PADDED = """\
PAD = 0
net.train()
for ids, targets in batches:
    out = net(ids)
    loss = F.cross_entropy(out.reshape(-1, 9), {}.reshape(-1){})
"""


def test_targets_of_padded_inputs_are_left_out() -> None:
    """Where the file says what pads; a loss that leaves something out already is not touched."""
    new = PADDED.format("targets.masked_fill(ids == PAD, -100)", "")

    assert edited(PADDED.format("targets", ""), "ignore_padding", [5], line=5) == new
    assert edited(PADDED.format("targets", ", ignore_index=3"), "ignore_padding", [5], line=5) is None
    assert edited(PADDED.format("targets", "").replace("PAD = 0", "EMPTY = 0"), "ignore_padding", [5], line=5) is None


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (
            "x_train, x_test = load()\nnet(x_train[:3])\n",
            "x_train, x_test = load()\nmean, std = x_train.mean(0), x_train.std(0) + 1e-8\n"
            "x_train, x_test = (x_train - mean) / std, (x_test - mean) / std\nnet(x_train[:3])\n",
        ),
        (
            "from torch.utils.data import TensorDataset\nx, y = load()\nmean = 3\nnn.Conv2d(1, 2, 3)\n"
            "a = TensorDataset(x[:9], y[:9])\nb = TensorDataset(x[9:], y[9:])\n",
            "from torch.utils.data import TensorDataset\nx, y = load()\nmean = 3\nnn.Conv2d(1, 2, 3)\n"
            "input_mean, input_std = x[:9].mean(), x[:9].std() + 1e-8\nx = (x - input_mean) / input_std\n"
            "a = TensorDataset(x[:9], y[:9])\nb = TensorDataset(x[9:], y[9:])\n",
        ),
        ("from torch.utils.data import TensorDataset, random_split\nx, y = load()\nboth = TensorDataset(x, y)\n", None),
        ("net(load())\n", None),
    ],
)
def test_inputs_are_standardised_by_the_training_set(old: str, new: str | None) -> None:
    """By what the file calls so, before data sets are made of it; not where the split comes later."""
    assert edited(old, "standardise_input", [1]) == new


def test_a_loader_is_gone_over() -> None:
    """Where a counted loop takes the first batch at each turn, and uses the count for nothing else."""
    text = "for {} in {}:\n    {}net(xb)\n"
    first = "xb, yb = next(iter(loader))\n    "

    new = text.format("xb, yb", "loader", "")
    assert edited(text.format("_", "range(50)", first), "advance_loader", [2]) == new
    assert edited(text.format("i", "range(50)", first + "print(i)\n    "), "advance_loader", [2]) is None
    assert edited(text.format("i", "order", first), "advance_loader", [2]) is None


@pytest.mark.parametrize(
    ("old", "shift", "new"),
    [
        ("TensorDataset(x[:9], y[1:10])", -1, "TensorDataset(x[:9], y[:9])"),
        ("TensorDataset(x[:9], y[1:10])", 1, None),
        ("TensorDataset(x[a:9], y[1:10])", -1, None),
        ("TensorDataset(x[:9], y[:9])", -1, None),
    ],
)
def test_labels_are_taken_from_the_samples_places(old: str, shift: int, new: str | None) -> None:
    """Where their slices differ by what was measured."""
    text = "from torch.utils.data import TensorDataset\nd = {}\n"

    found = edited(text.format(old), "shift_labels", [2], how="shift", shift=shift)
    assert found == (text.format(new) if new else None)


def test_an_item_and_its_label_are_of_one_index() -> None:
    """In a data set's own method."""
    text = "class D:\n    def __getitem__(self, i):\n        return self.x[i], self.y[{}]\n"

    assert edited(text.format("i + 1"), "shift_labels", [3], how="shift", shift=-1) == text.format("i")
    assert edited(text.format("i"), "shift_labels", [3], how="names", shift=-1) is None


def test_weights_are_set_before_training_only() -> None:
    """An initialisation moves behind the model; going back to a kept state goes."""
    init = "def init(m):\n    nn.init.ones_(m.weight)\n\ndef train(model):\n    {}model.train()\n\n"
    main = "net = Net()\n{}for epoch in range(3):\n    train(net)\n"
    back = "for epoch in range(3):\n    {}train(net)\n"

    old = init.format("model.apply(init)\n    ") + main.format("")
    assert edited(old, "skip_write", [2], line=2) == init.format("") + main.format("net.apply(init)\n")
    assert edited(back.format("net.load_state_dict(start)\n    "), "skip_write", [2], line=2) == back.format("")
    assert edited("net.load_state_dict(start)\n", "skip_write", [1], line=1) is None


def test_a_layer_reads_the_batch_first() -> None:
    """At its line, or where the file makes only one; never one that does so already."""
    text = "rnn = nn.GRU(\n    8,\n    16,  # hidden\n    num_layers=2{}\n)\n"

    assert edited(text.format(""), "layer_batch_first", [1], line=1) == text.format(",\n    batch_first=True")
    false = "y = 1\nrnn = nn.LSTM(8, 16, batch_first={})\n"
    assert edited(false.format("False"), "layer_batch_first", [1], line=1) == false.format("True")
    assert edited(false.format("True"), "layer_batch_first", [2], line=2) is None


STEPWISE = (
    "class M:\n    def configure_optimizers(self):\n"
    "        s = torch.optim.lr_scheduler.OneCycleLR(o, 0.1)\n        return {}\n"
)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('{"x": o, "lr_scheduler": s}', '{"x": o, "lr_scheduler": {"scheduler": s, "interval": "step"}}'),
        ('{"lr_scheduler": {"scheduler": s}}', '{"lr_scheduler": {"scheduler": s, "interval": "step"}}'),
        (
            '{"lr_scheduler": {"scheduler": s, "interval": "epoch"}}',
            '{"lr_scheduler": {"scheduler": s, "interval": "step"}}',
        ),
        ("[o], [s]", '[o], [{"scheduler": s, "interval": "step"}]'),
        ("[o, p], [s, t]", None),
        ("o", None),
    ],
)
def test_a_trainer_is_told_how_often_to_step(old: str, new: str | None) -> None:
    """Where the method returns its one scheduler."""
    assert edited(STEPWISE.format(old), "schedule_pace", [3, 4], phase=0) == (STEPWISE.format(new) if new else None)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (
            "net = nn.Sequential(\n    nn.Linear( 8 , 3 ),   # in\n    nn.Softmax( dim = 1 ),   # p\n)   # end\n",
            "net = nn.Sequential(\n    nn.Linear( 8 , 3 ),   # in\n)   # end\n",
        ),
        (
            "net = nn.Sequential(\n    nn.Linear(8, 3),  # in\n    nn.Softmax(dim=1))\n",
            "net = nn.Sequential(\n    nn.Linear(8, 3),  # in\n    )\n",
        ),
        (
            "net = nn.Sequential(\n    nn.Linear(8, 3),\n    nn.Softmax(\n        dim=1,\n    )\n)\n",
            "net = nn.Sequential(\n    nn.Linear(8, 3),\n)\n",
        ),
    ],
)
def test_the_last_layer_goes_with_its_line_alone(old: str, new: str) -> None:
    """The remark behind the layer before it stays."""
    line = 1 + next(i for i, text in enumerate(old.splitlines()) if "Softmax" in text)

    assert edited(old, "skip_call", [line], line=line, function="softmax", module="1") == new


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("    a,  # one\n    y,  # two\n    # end\n", "    a,  # one\n    y,  # two\n    ignore_index=0,\n    # end\n"),
        ("    a,  # one\n    y  # two\n", "    a,  # one\n    y,  # two\n    ignore_index=0\n"),
    ],
)
def test_a_new_argument_takes_no_remark_with_it(old: str, new: str) -> None:
    """Each remark stays behind the argument it is about."""
    text = "loss = F.cross_entropy(\n{})\n"

    assert edited(text.format(old), "ignore_index", line=1, id=0) == text.format(new)


def test_a_new_layer_takes_no_remark_with_it() -> None:
    """Remarks on lines of their own belong to the layer below."""
    text = "net = nn.Sequential(\n    nn.Linear(8, 32),  # in\n{}    # second\n    nn.Linear(32, 3),  # out\n)\n"

    assert edited(text.format(""), "insert_relu", [1], modules=["0"]) == text.format("    nn.ReLU(),\n")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("nn.Linear(9, 2), nn.Linear(2, 2), nn.Linear(2, 1)", "nn.Linear(9, 64), nn.Linear(64, 64), nn.Linear(64, 1)"),
        (
            "nn.Linear(9, 80), nn.Linear(80, 2), nn.Linear(2, 1)",
            "nn.Linear(9, 80), nn.Linear(80, 64), nn.Linear(64, 1)",
        ),
        ("nn.Linear(9, n), nn.Linear(n, 1)", None),
    ],
)
def test_hidden_layers_are_widened(old: str, new: str | None) -> None:
    """Where the numbers stand, never those of the input and the output."""
    text = "net = nn.Sequential({})\n"

    found = edited(text.format(old), "widen", [1], modules=["0", "1", "2"], width=64)
    assert found == (text.format(new) if new else None)


def test_a_default_of_the_model_is_raised() -> None:
    """What the sizes are called is followed to its number."""
    text = "class N:\n    def __init__(self, h={}):\n        self.a, self.b = nn.Linear(9, h), nn.Linear(h, 1)\n"

    assert edited(text.format(1), "widen", [3], modules=["a", "b"], width=64) == text.format(64)


def test_of_several_attentions_none_is_masked() -> None:
    """One of them may look from one sequence at another."""
    both = f"a = {SDPA})\n        return {SDPA})"

    assert edited(ATTEND.format(both), "causal_mask", [3]) is None


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("labels = torch.tensor(digits.target) + 1", "labels = torch.tensor(digits.target)"),
        ("self.y = torch.from_numpy(raw).long()", "self.y = torch.from_numpy(raw).long() - 1"),
        ("x = torch.tensor(raw)", None),
        ("y = torch.tensor(a)\ny_test = torch.tensor(b)", None),
    ],
)
def test_labels_that_others_read_are_moved_where_they_are_made(old: str, new: str | None) -> None:
    """At the only line that makes a tensor of them."""
    text = "loss = F.cross_entropy(out, t)\nright = out.argmax(1) == t\n{}\n"

    found = edited(text.format(old), "offset_labels", [1], line=1, offset=-1)
    assert found == (text.format(new) if new else None)


def test_adapters_train_beside_what_trains_by_name() -> None:
    """In the condition of the loop; one that looks at no name is not touched."""
    text = "for name, p in net.named_parameters():\n    p.requires_grad = {}\n"
    names = ["Net:fc1.lora_a", "Net:fc1.lora_b"]

    new = text.format('"head" in name or "lora" in name')
    assert edited(text.format('"head" in name'), "unfreeze", [2], names=names) == new
    assert edited(text.format("p.dim() == 1"), "unfreeze", [2], names=names) is None
    assert edited(text.format('"head" in name'), "unfreeze", [2], names=["fc1.weight", "fc2.weight"]) is None
