#!/usr/bin/env python3
"""Writes tests/data/files/: what PyTorch and Python themselves write, for tests/data/{torch_file,pickle}_test.cc.

Made with Python 3.11 and torch 2.11.0, from a copy in /tmp, since TorchScript keeps the script's path:
python3 /tmp/make_torch_files.py tests/data/files
"""

import collections
import pathlib
import pickle
import sys

import torch


def state():
    shared = torch.arange(24, dtype=torch.float32)
    return collections.OrderedDict(
        [
            ("float", torch.tensor([[1.0, -2.5], [0.5, 4.0]])),
            ("double", torch.tensor([0.1, 0.2], dtype=torch.float64)),
            ("half", torch.tensor([0.5, -1.5, 65504.0], dtype=torch.float16)),
            ("bfloat16", torch.tensor([1.0, -3.0], dtype=torch.bfloat16)),
            ("long", torch.tensor([-(2**40), 7])),
            ("int", torch.tensor([-5, 6], dtype=torch.int32)),
            ("byte", torch.tensor([0, 255], dtype=torch.uint8)),
            ("bool", torch.tensor([True, False, True])),
            ("scalar", torch.tensor(3)),
            ("empty", torch.empty(0, 4)),
            ("rows", shared[:12].view(3, 4)),
            ("columns", shared[12:].view(3, 4).t()),
            ("every_other", shared[1::2]),
            ("parameter", torch.nn.Parameter(torch.tensor([8.0, 9.0]))),
        ]
    )


class Visual(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = torch.nn.Conv2d(3, 4, 1, bias=False)
        self.layer1 = torch.nn.Sequential(torch.nn.BatchNorm2d(4), torch.nn.ReLU())

    def forward(self, x):
        return self.layer1(self.conv1(x))


class TwoTowers(torch.nn.Module):
    """Like CLIP: the picture's tower beside one for text, numbers and lists among the attributes."""

    def __init__(self):
        super().__init__()
        self.visual = Visual()
        self.transformer = torch.nn.Linear(5, 2)
        self.logit_scale = torch.nn.Parameter(torch.tensor(2.5))
        self.sizes = [3, 4]
        self.scale = 0.5

    def forward(self, x, tokens):
        return self.visual(x).mean() * self.scale * self.sizes[0] + self.transformer(tokens).sum() * self.logit_scale


def fill(module):
    """Values that a test can say: 0, 1/4, 2/4, ... through each tensor."""
    with torch.no_grad():
        for tensor in list(module.parameters()) + list(module.buffers()):
            tensor.copy_((torch.arange(tensor.numel()) / 4).view(tensor.shape))
    return module


def main(folder):
    folder.mkdir(parents=True, exist_ok=True)
    torch.save(state(), folder / "zip.pth")
    torch.save(state(), folder / "old.pth", _use_new_zipfile_serialization=False)
    torch.save(state(), folder / "protocol4.pth", pickle_protocol=4)
    torch.save({"float8": torch.tensor([1.0, -0.5]).to(torch.float8_e4m3fn)}, folder / "float8.pth")

    network = fill(torch.nn.DataParallel(Visual()))
    optimizer = torch.optim.Adam(network.parameters())
    network(torch.ones(1, 3, 2, 2)).sum().backward()
    optimizer.step()
    scheduler = torch.optim.lr_scheduler.MultiStepLR(optimizer, [1, 2])
    fill(network)
    checkpoint = {
        "epoch": 3,
        "arch": "visual",
        "best_acc1": torch.tensor(76.5),
        "history": [0.1, (1, None), {"loss"}, b"bytes", 2**70],
        "optimizer": optimizer.state_dict(),
        "scheduler": scheduler.state_dict(),
        "state_dict": network.state_dict(),
    }
    torch.save(checkpoint, folder / "checkpoint.pth.tar")
    torch.save(checkpoint, folder / "old_checkpoint.pth.tar", _use_new_zipfile_serialization=False)

    towers = fill(TwoTowers()).half().eval()
    torch.jit.save(torch.jit.script(towers), folder / "script.pt")
    torch.save(torch.nn.ReLU(), folder / "whole_module.pth")

    twice = [7]
    values = [1, -1, 255, 65535, 2**31 - 1, -(2**40), 0.5, "text", None, True, False]
    values += [(), (1,), (1, 2), (1, 2, 3), (1, 2, 3, 4), {"a": 1, "b": [2]}, [], {}, twice, twice]
    for protocol in range(6):
        (folder / f"values{protocol}.pkl").write_bytes(pickle.dumps(values, protocol))


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
