"""Grid features of one picture, as a script of a user of torchvision computes them: FILE.pth PICTURE SIZE."""

import sys

import torch
import torchvision
from PIL import Image

weights, picture, size = sys.argv[1], sys.argv[2], int(sys.argv[3])
network = torchvision.models.resnet152()
network.load_state_dict(torch.load(weights))
network.eval()
body = torch.nn.Sequential(*list(network.children())[:-2])
transform = torchvision.transforms.Compose(
    [
        torchvision.transforms.Resize((size, size)),
        torchvision.transforms.ToTensor(),
        torchvision.transforms.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]),
    ]
)
with torch.no_grad():
    grid = body(transform(Image.open(picture).convert("RGB")).unsqueeze(0))
print(tuple(grid.shape), grid.abs().mean().item())
