"""Which shape is it? A small convolutional network of Keras, in one process or in several.

    python tensorflow_shapes.py --epochs 3

The processes find each other by TF_CONFIG. All of them could log to the run; what is the same in
all is logged by the one of rank 0.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import tensorflow as tf
from shapes import CLASSES, SIZE, draw_shapes

from tandemlab import get_current_run

BATCH = 64  # images of all processes together


def main() -> None:
    """Train, and after each epoch log the loss of all processes and the accuracy."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--images", type=int, default=1536)
    arguments = parser.parse_args()

    strategy = tf.distribute.MultiWorkerMirroredStrategy()
    workers = strategy.num_replicas_in_sync
    rank = int(os.environ.get("RANK", "0"))
    tf.keras.utils.set_random_seed(1)
    with strategy.scope():
        model = new_model()
        optimizer = tf.keras.optimizers.Adam(0.005)
        optimizer.build(model.trainable_variables)
    train_step = new_step(strategy, model, optimizer)
    train = strategy.experimental_distribute_dataset(as_dataset(arguments.images, seed=1))
    images, classes = as_arrays(512, seed=2)

    run = get_current_run()
    for epoch in range(arguments.epochs):
        losses = [float(train_step(*batch)) for batch in train]
        if rank == 0:
            found = model(images, training=False).numpy().argmax(1)
            run.log("loss", sum(losses) / len(losses), step=epoch)
            run.log("accuracy", float((found == classes).mean()), step=epoch)
    if rank == 0:
        run.log("processes", workers)
        Path("outputs").mkdir(exist_ok=True)
        model.save_weights("outputs/model.weights.h5")
    print(f"The process of rank {rank} is one of {workers}.")


def new_step(
    strategy: tf.distribute.Strategy,
    model: tf.keras.Model,
    optimizer: tf.keras.optimizers.Optimizer,
) -> Callable:
    """What trains on one batch, a part of it in each process; gives its mean loss.

    Keras's own `fit` does not train in several processes since its version 3.
    """
    entropy = tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True, reduction="none")

    def train_part(images: tf.Tensor, classes: tf.Tensor) -> tf.Tensor:
        with tf.GradientTape() as tape:
            scores = model(images, training=True)
            loss = tf.reduce_sum(entropy(classes, scores)) / BATCH
        gradients = tape.gradient(loss, model.trainable_variables)
        optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))
        return loss

    @tf.function
    def train_step(images: tf.Tensor, classes: tf.Tensor) -> tf.Tensor:
        losses = strategy.run(train_part, args=(images, classes))
        return strategy.reduce(tf.distribute.ReduceOp.SUM, losses, axis=None)

    return train_step


def as_arrays(count: int, seed: int) -> tuple:
    """Generated images, their channel last, and their classes."""
    images, classes = draw_shapes(count, seed)
    return images.transpose(0, 2, 3, 1), classes


def as_dataset(count: int, seed: int) -> tf.data.Dataset:
    """Generated images in batches of 64 over all processes; each takes its part of them."""
    options = tf.data.Options()
    options.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.DATA
    data = tf.data.Dataset.from_tensor_slices(as_arrays(count, seed))
    return data.shuffle(count, seed).batch(BATCH, drop_remainder=True).with_options(options)


def new_model() -> tf.keras.Model:
    """Two convolutions and a linear layer."""
    layers = tf.keras.layers
    return tf.keras.Sequential(
        [
            layers.Input((SIZE, SIZE, 1)),
            *(layers.Conv2D(8, 3, padding="same", activation="relu"), layers.MaxPooling2D()),
            *(layers.Conv2D(16, 3, padding="same", activation="relu"), layers.MaxPooling2D()),
            *(layers.Flatten(), layers.Dense(len(CLASSES))),
        ]
    )


if __name__ == "__main__":
    main()
