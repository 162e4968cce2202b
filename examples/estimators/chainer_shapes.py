"""Which shape is it? A small convolutional network of Chainer.

python chainer_shapes.py --epochs 3
mpiexec -n 2 python chainer_shapes.py --epochs 3 --communicator naive
"""

from __future__ import annotations

import argparse
from pathlib import Path

import chainer
import chainer.functions as F
import chainer.links as L
import numpy as np
from shapes import CLASSES, draw_shapes

from tandemlab import get_current_run


class Model(chainer.Chain):
    """Two convolutions and a linear layer."""

    def __init__(self) -> None:
        super().__init__()
        with self.init_scope():
            self.first = L.Convolution2D(1, 8, 3, pad=1)
            self.second = L.Convolution2D(8, 16, 3, pad=1)
            self.last = L.Linear(16 * 4 * 4, len(CLASSES))

    def forward(self, images: np.ndarray) -> chainer.Variable:
        """A score for each class."""
        hidden = F.max_pooling_2d(F.relu(self.first(images)), 2)
        return self.last(F.max_pooling_2d(F.relu(self.second(hidden)), 2))


parser = argparse.ArgumentParser()
parser.add_argument("--epochs", type=int, default=3)
parser.add_argument("--images", type=int, default=1536)
parser.add_argument("--communicator", help="how several processes find each other")
arguments = parser.parse_args()

np.random.seed(1)
images, classes = draw_shapes(arguments.images, seed=1)
test = draw_shapes(512, seed=2)
model = L.Classifier(Model())
optimizer = chainer.optimizers.Adam(0.005)
rank, processes = 0, 1
if arguments.communicator:
    import chainermn

    communicator = chainermn.create_communicator(arguments.communicator)
    rank, processes = communicator.rank, communicator.size
    optimizer = chainermn.create_multi_node_optimizer(optimizer, communicator)
    images, classes = images[rank::processes], classes[rank::processes]
optimizer.setup(model)

run = get_current_run()
for epoch in range(arguments.epochs):
    losses = []
    for batch in np.split(np.random.permutation(len(images)), len(images) * processes // 64):
        optimizer.update(model, images[batch], classes[batch])
        losses.append(float(model.loss.array))
    with chainer.using_config("train", False), chainer.no_backprop_mode():
        model(*test)
    if rank == 0:
        run.log("loss", float(np.mean(losses)), step=epoch)
        run.log("accuracy", float(model.accuracy.array), step=epoch)
if rank == 0:
    run.log("processes", processes)
    Path("outputs").mkdir(exist_ok=True)
    chainer.serializers.save_npz("outputs/model.npz", model)
print(f"Fitted to {len(images)} images, tested on {len(test[0])}.")
