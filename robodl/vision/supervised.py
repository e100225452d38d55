"""Supervised backpropagation: an encoder with a dense head learns labels from pictures."""

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from robodl.vision.augment import shifted
from robodl.vision.image_encoder import ImageEncoder
from robodl.vision.labelled_images import Dataset

WARMUP = 0.05  # share of the optimiser's steps in which the learning rate rises: else `article` may stay at a guess


class Reader(nn.Module):
    """Pictures to labels: ImageEncoder, whose features policies use later, and a dense head, (B, outputs).

    Args:
        mean, std: of labels that are numbers, (k,), so that the head learns numbers of size 1; None for classes.
    """

    mean: torch.Tensor
    std: torch.Tensor

    def __init__(self, eyes: ImageEncoder, outputs: int, mean=None, std=None):
        super().__init__()
        self.eyes, self.head = eyes, nn.Linear(eyes.features, outputs)
        self.register_buffer("mean", torch.zeros(outputs) if mean is None else torch.as_tensor(mean))
        self.register_buffer("std", torch.ones(outputs) if std is None else torch.as_tensor(std))

    def forward(self, pictures: dict[str, torch.Tensor]) -> torch.Tensor:
        return self.head(self.eyes(scaled(pictures))) * self.std + self.mean


@dataclass
class Epoch:
    """What one pass over the training pictures came to."""

    number: int
    train_loss: float
    test_loss: float
    score: float  # share of test pictures classified rightly, or the mean distance of numbers from their labels
    seconds: float  # since training began


def fit(
    reader: Reader,
    data: Dataset,
    epochs: int,
    batch_size: int,
    learning_rate: float,
    shift: int,
    seed: int,
    device: torch.device,
    told: Callable[[Epoch], None],
) -> None:
    """Train a reader by Adam; the learning rate rises in a line, then falls to zero along half a cosine.

    Args:
        shift: pixels by which a training picture is moved at random, its edge repeated.
        told: called after each epoch.
    """
    generator = torch.Generator().manual_seed(seed)
    pictures = {name: torch.from_numpy(values) for name, values in data.pictures.items()}
    labels, test = torch.from_numpy(data.labels), torch.from_numpy(data.test)
    train = torch.nonzero(~test)[:, 0]
    optimizer = torch.optim.Adam(reader.parameters(), learning_rate)
    steps = epochs * math.ceil(len(train) / batch_size)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda k: min((k + 1) / (WARMUP * steps), 1.0) * 0.5 * (1.0 + math.cos(math.pi * k / steps))
    )
    began = time.perf_counter()
    for number in range(1, epochs + 1):
        reader.train()
        losses = []
        for batch in train[torch.randperm(len(train), generator=generator)].split(batch_size):
            seen = {name: values[batch].to(device) for name, values in pictures.items()}
            if shift:
                seen = shifted(seen, shift, generator)
            loss = loss_of(reader, reader(seen), labels[batch].to(device), data)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            losses.append(loss.item() * len(batch))
        predicted, test_loss = predict(reader, data, device)
        told(Epoch(number, sum(losses) / len(train), test_loss, score(predicted, data), time.perf_counter() - began))


@torch.no_grad()
def predict(reader: Reader, data: Dataset, device: torch.device) -> tuple[np.ndarray, float]:
    """What a reader says of the test pictures, (m, outputs), and its mean loss there."""
    reader.eval()
    outputs, losses = [], []
    labels = torch.from_numpy(data.labels[data.test])
    for seen, wanted in zip(batches(data, device), labels.split(BATCH), strict=True):
        output = reader(seen)
        losses.append(loss_of(reader, output, wanted.to(device), data).item() * len(wanted))
        outputs.append(output.cpu().numpy())
    return np.concatenate(outputs), sum(losses) / len(labels)


BATCH = 512  # pictures predicted at once


def batches(data: Dataset, device: torch.device) -> Iterator[dict[str, torch.Tensor]]:
    tested = np.flatnonzero(data.test)
    for first in range(0, len(tested), BATCH):
        ids = tested[first : first + BATCH]
        yield {name: torch.from_numpy(values[ids]).to(device) for name, values in data.pictures.items()}


def loss_of(reader: Reader, output: torch.Tensor, labels: torch.Tensor, data: Dataset) -> torch.Tensor:
    """Cross-entropy of classes, or the mean squared error of known numbers in units of their standard deviation."""
    if data.classes:
        return nn.functional.cross_entropy(output, labels)
    known = ~labels.isnan()
    error = torch.where(known, (output - labels) / reader.std, 0.0)
    return error.square().sum() / known.sum().clamp(min=1)


def score(predicted: np.ndarray, data: Dataset) -> float:
    """Share of the test pictures classified rightly, or the mean distance of numbers from their labels."""
    labels = data.labels[data.test]
    if data.classes:
        return float((predicted.argmax(axis=1) == labels).mean())
    return float(np.nanmean(distances(predicted, labels, data.points)))


def distances(predicted: np.ndarray, labels: np.ndarray, points: int) -> np.ndarray:
    """How far predicted places, (n, p d), are from their labels: (n, p), NaN where a label is."""
    return np.linalg.norm((predicted - labels).reshape(len(labels), points, -1), axis=2)


def scaled(pictures: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Bytes of colours as numbers in [0, 1], as Stable-Baselines3 hands them to feature extractors.

    Segmentation, whose bytes are class numbers, keeps them.
    """
    return {
        name: value.float() / 255.0
        if value.dtype == torch.uint8 and not name.endswith("_segmentation")
        else value.float()
        for name, value in pictures.items()
    }
