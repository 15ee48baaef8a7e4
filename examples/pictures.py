"""PNG pictures of a training run: the loss, and images beside their reconstructions."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from mnist import SIDE

Array = np.ndarray


def save_reconstructions(path: Path, title: str, inputs: Array, outputs: Array) -> None:
    """Draw pairs of images, two pairs a row: the input on the left, the output on its right."""
    rows = -(-len(inputs) // 2)
    figure = Figure(figsize=(4.4, 1.1 * rows + 0.6), layout="constrained")
    figure.suptitle(title)
    axes = figure.subplots(rows, 4, squeeze=False)
    for axis in axes.flat:
        axis.axis("off")
    for heading, axis in zip(("input", "output") * 2, axes[0], strict=True):
        axis.set_title(heading, fontsize="small")
    images = np.stack((inputs, outputs), axis=1).reshape(-1, SIDE, SIDE)
    for image, axis in zip(images, axes.flat, strict=False):
        axis.imshow(image, cmap="gray_r", vmin=0.0, vmax=1.0)
    figure.savefig(path, dpi=150)


def save_loss_curve(path: Path, losses: Sequence[float], epochs: int) -> None:
    """Draw the loss over the epochs, each point the mean over a hundredth of an epoch."""
    span = max(1, len(losses) // epochs // 100)
    means = np.array([np.mean(losses[i : i + span]) for i in range(0, len(losses), span)])
    position = np.arange(len(means)) * span * epochs / len(losses)
    figure = Figure(figsize=(6.4, 4.0), layout="constrained")
    axis = figure.subplots()
    axis.plot(position, means, linewidth=1.0)
    axis.set(
        title="Training the autoencoder",
        xlabel="epoch",
        ylabel="squared error per image",
        ylim=(0.0, 1.05 * means.max()),
    )
    axis.grid(alpha=0.3)
    figure.savefig(path, dpi=150)
