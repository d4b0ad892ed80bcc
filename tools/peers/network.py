"""The peer's network with weights that both sides load."""

import sys

import torch
import torchvision


def make_network():
    """ResNet-152 whose norms have seen pictures, so that activations are of ordinary size."""
    torch.manual_seed(0)
    network = torchvision.models.resnet152(weights=None)
    norms = [m for m in network.modules() if isinstance(m, torch.nn.BatchNorm2d)]
    for norm in norms:
        norm.momentum = None
    with torch.no_grad():
        network(torch.randn(4, 3, 128, 128))
    return network.eval()


if __name__ == "__main__":
    torch.save(make_network().state_dict(), sys.argv[1])
