"""Which shape is it? A small convolutional network of PyTorch, in one process or in several.

    python pytorch_shapes.py --epochs 3

Each process trains on a part of the images and keeps its gradients in step with the others'. All
of them could log to the run; what is the same in all is logged by the one of rank 0.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

import torch
from shapes import CLASSES, draw_shapes
from torch import distributed, nn
from torch.nn.parallel import DistributedDataParallel
from torch.utils.data import DataLoader, TensorDataset
from torch.utils.data.distributed import DistributedSampler

from tandemlab import get_current_run


def main() -> None:
    """Train, and after each epoch log the loss of all processes and the accuracy."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--images", type=int, default=1536)
    arguments = parser.parse_args()

    if "RANK" not in os.environ:  # started by itself
        os.environ |= {"RANK": "0", "WORLD_SIZE": "1"}
        os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "0"}
    distributed.init_process_group("gloo")
    torch.manual_seed(1)
    torch.set_num_threads(1)
    train, test = as_dataset(arguments.images, seed=1), as_dataset(512, seed=2)
    sampler = DistributedSampler(train, seed=1)
    loader = DataLoader(train, batch_size=64 // distributed.get_world_size(), sampler=sampler)
    model = DistributedDataParallel(new_model())
    optimizer = torch.optim.Adam(model.parameters(), lr=0.005)

    run = get_current_run()
    for epoch in range(arguments.epochs):
        sampler.set_epoch(epoch)
        loss = train_epoch(model, loader, optimizer)
        if distributed.get_rank() == 0:
            run.log("loss", loss, step=epoch)
            run.log("accuracy", accuracy(model.module, test), step=epoch)
    if distributed.get_rank() == 0:
        run.log("processes", distributed.get_world_size())
        Path("outputs").mkdir(exist_ok=True)
        torch.save(model.module.state_dict(), "outputs/model.pt")
    print(f"The process of rank {distributed.get_rank()} has trained on {len(sampler)} images.")
    distributed.destroy_process_group()


def as_dataset(count: int, seed: int) -> TensorDataset:
    """Generated images and their classes."""
    images, classes = draw_shapes(count, seed)
    return TensorDataset(torch.from_numpy(images), torch.from_numpy(classes))


def new_model() -> nn.Module:
    """Two convolutions and a linear layer."""
    return nn.Sequential(
        *(nn.Conv2d(1, 8, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(8, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Flatten(), nn.Linear(16 * 4 * 4, len(CLASSES))),
    )


def train_epoch(model: nn.Module, loader: DataLoader, optimizer: torch.optim.Optimizer) -> float:
    """Train on all images once; the mean loss over all processes."""
    total = torch.zeros(2)
    for images, classes in loader:
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(images), classes)
        loss.backward()
        optimizer.step()
        total += torch.tensor([loss.item() * len(images), len(images)])
    distributed.all_reduce(total)
    return float(total[0] / total[1])


def accuracy(model: nn.Module, data: TensorDataset) -> float:
    """The share of images whose class is found."""
    images, classes = data.tensors
    with torch.no_grad():
        return float((model(images).argmax(1) == classes).float().mean())


if __name__ == "__main__":
    main()
