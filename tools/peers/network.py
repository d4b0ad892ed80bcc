"""The peer's network with weights that both sides load."""

import sys

import torch
import torchvision


def make_network():
    """ResNet-152 whose norms have seen pictures, so that activations are of ordinary size, and whose residual branches
    are small: random ones of full size amplify the last bits from block to block, whoever computes them."""
    torch.manual_seed(0)
    network = torchvision.models.resnet152(weights=None)
    for name, parameter in network.named_parameters():
        if name.endswith("bn3.weight"):
            torch.nn.init.constant_(parameter, 0.2)
    norms = [m for m in network.modules() if isinstance(m, torch.nn.BatchNorm2d)]
    for norm in norms:
        norm.momentum = None
    with torch.no_grad():
        network(torch.randn(4, 3, 128, 128))
    return network.eval()


if __name__ == "__main__":
    print(f"torch {torch.__version__}, torchvision {torchvision.__version__}")
    torch.save(make_network().state_dict(), sys.argv[1])
