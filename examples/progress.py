"""How far a training run is: a bar on a terminal, a line per epoch anywhere else."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TextIO

WIDTH = 30
INTERVAL = 0.1  # seconds between two drawings of the bar
WINDOW = 500  # the running loss is the mean over this many steps


class Progress:
    """Report the running loss of `epochs` epochs of `steps` steps each to a stream."""

    def __init__(self, epochs: int, steps: int, stream: TextIO) -> None:
        self.epochs = epochs
        self.steps = steps
        self.stream = stream
        self.is_terminal = stream.isatty()
        self.started = self.drawn = time.perf_counter()

    def step(self, epoch: int, done: int, losses: Sequence[float]) -> None:
        """Report that `done` steps of `epoch` (from 0) are done, given the losses of all steps."""
        now = time.perf_counter()
        finished = done == self.steps
        if not finished and (not self.is_terminal or now - self.drawn < INTERVAL):
            return
        self.drawn = now
        text = f"epoch {epoch + 1}/{self.epochs}"
        if self.is_terminal:
            filled = WIDTH * done // self.steps
            text = f"\r{text} [{'#' * filled}{'.' * (WIDTH - filled)}] {done:>6,}/{self.steps:,}"
        recent = losses[-WINDOW:]
        text += f"  loss {sum(recent) / len(recent):8.3f}  {now - self.started:6.1f} s"
        self.stream.write(text + ("\n" if finished else ""))
        self.stream.flush()
