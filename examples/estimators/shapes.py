"""Images of squares, crosses and rings with noise: the same ones for the same seed."""

from __future__ import annotations

import numpy as np

CLASSES = ("square", "cross", "ring")
SIZE = 16


def draw_shapes(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Images (count x 1 x 16 x 16, float32, about 0 to 1) and their classes (count, int64)."""
    random = np.random.default_rng(seed)
    classes = random.integers(0, len(CLASSES), count)
    rows, columns = np.mgrid[0:SIZE, 0:SIZE]
    images = np.empty((count, 1, SIZE, SIZE), np.float32)
    for image, kind in zip(images, classes, strict=True):
        row, column = random.integers(5, SIZE - 5, 2)
        radius = random.integers(3, 5)
        across, down = abs(rows - row), abs(columns - column)
        square = np.maximum(across, down) <= radius
        cross = square & (np.minimum(across, down) == 0)
        ring = abs(np.hypot(across, down) - radius) < 0.7
        image[0] = (square, cross, ring)[kind]
    images += random.normal(0, 0.3, images.shape)
    return images, classes
