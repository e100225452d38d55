"""Supervised learning: an image encoder with a linear head learns the labels of images."""

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from robodl.vision.augment import random_shift
from robodl.vision.image_encoder import ImageEncoder
from robodl.vision.labelled_images import LabelledImages

WARMUP_SHARE = 0.05  # of the steps, in which the learning rate rises; else `article` may not learn at all
TEST_BATCH_SIZE = 512


class LabelPredictor(nn.Module):
    """Predict labels from images, (B, outputs): an image encoder, whose features policies use later, and a linear head.

    Args:
        mean, std: of labels that are numbers, (k,), so that the head learns numbers of size 1; None for classes.
    """

    mean: torch.Tensor
    std: torch.Tensor

    def __init__(self, image_encoder: ImageEncoder, outputs: int, mean=None, std=None):
        super().__init__()
        self.image_encoder, self.head = image_encoder, nn.Linear(image_encoder.num_features, outputs)
        self.register_buffer("mean", torch.zeros(outputs) if mean is None else torch.as_tensor(mean))
        self.register_buffer("std", torch.ones(outputs) if std is None else torch.as_tensor(std))

    def forward(self, images: dict[str, torch.Tensor]) -> torch.Tensor:
        return self.head(self.image_encoder(as_features_input(images))) * self.std + self.mean


@dataclass
class Epoch:
    """The results of one pass over the training images."""

    number: int
    train_loss: float
    test_loss: float
    score: float  # see `score`
    seconds: float  # since training began


def fit(
    predictor: LabelPredictor,
    data: LabelledImages,
    epochs: int,
    batch_size: int,
    learning_rate: float,
    max_shift: int,
    seed: int,
    device: torch.device,
    on_epoch: Callable[[Epoch], None],
) -> None:
    """Train by Adam; the learning rate rises linearly, then falls to zero along half a cosine.

    Args:
        max_shift: pixels by which training images are shifted at random.
        on_epoch: called after each epoch.
    """
    generator = torch.Generator().manual_seed(seed)
    images = {name: torch.from_numpy(values) for name, values in data.images.items()}
    labels, is_test = torch.from_numpy(data.labels), torch.from_numpy(data.is_test)
    train = torch.nonzero(~is_test)[:, 0]
    optimizer = torch.optim.Adam(predictor.parameters(), learning_rate)
    steps = epochs * math.ceil(len(train) / batch_size)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda k: min((k + 1) / (WARMUP_SHARE * steps), 1.0) * 0.5 * (1.0 + math.cos(math.pi * k / steps))
    )
    began = time.perf_counter()
    for number in range(1, epochs + 1):
        predictor.train()
        losses = []
        for ids in train[torch.randperm(len(train), generator=generator)].split(batch_size):
            batch = {name: values[ids].to(device) for name, values in images.items()}
            if max_shift:
                batch = random_shift(batch, max_shift, generator)
            loss = label_loss(predictor, predictor(batch), labels[ids].to(device), data)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            losses.append(loss.item() * len(ids))
        predicted, test_loss = predict(predictor, data, device)
        train_loss, seconds = sum(losses) / len(train), time.perf_counter() - began
        on_epoch(Epoch(number, train_loss, test_loss, score(predicted, data), seconds))


@torch.no_grad()
def predict(predictor: LabelPredictor, data: LabelledImages, device: torch.device) -> tuple[np.ndarray, float]:
    """The predictions for the test images, (m, outputs), and the mean loss there."""
    predictor.eval()
    outputs, losses = [], []
    labels = torch.from_numpy(data.labels[data.is_test])
    for images, expected in zip(batches_of_test_images(data, device), labels.split(TEST_BATCH_SIZE), strict=True):
        output = predictor(images)
        losses.append(label_loss(predictor, output, expected.to(device), data).item() * len(expected))
        outputs.append(output.cpu().numpy())
    return np.concatenate(outputs), sum(losses) / len(labels)


def batches_of_test_images(data: LabelledImages, device: torch.device) -> Iterator[dict[str, torch.Tensor]]:
    """The test images in order, TEST_BATCH_SIZE at a time."""
    test_ids = np.flatnonzero(data.is_test)
    for first in range(0, len(test_ids), TEST_BATCH_SIZE):
        ids = test_ids[first : first + TEST_BATCH_SIZE]
        yield {name: torch.from_numpy(values[ids]).to(device) for name, values in data.images.items()}


def label_loss(
    predictor: LabelPredictor, output: torch.Tensor, labels: torch.Tensor, data: LabelledImages
) -> torch.Tensor:
    """Cross-entropy of classes, or the mean squared error of numbers in units of their standard deviation."""
    if data.class_names:
        return nn.functional.cross_entropy(output, labels)
    known = ~labels.isnan()
    error = torch.where(known, (output - labels) / predictor.std, 0.0)
    return error.square().sum() / known.sum().clamp(min=1)


def score(predicted: np.ndarray, data: LabelledImages) -> float:
    """Accuracy on the test images, or the mean distance of predicted positions from their labels."""
    labels = data.labels[data.is_test]
    if data.class_names:
        return float((predicted.argmax(axis=1) == labels).mean())
    return float(np.nanmean(keypoint_distances(predicted, labels, data.num_keypoints)))


def keypoint_distances(predicted: np.ndarray, labels: np.ndarray, num_keypoints: int) -> np.ndarray:
    """Distances of predicted positions, (n, p d), from their labels: (n, p), NaN where a label is."""
    return np.linalg.norm((predicted - labels).reshape(len(labels), num_keypoints, -1), axis=2)


def as_features_input(images: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Images as Stable-Baselines3 gives them to feature extractors: colours as numbers in [0, 1].

    Segmentation, whose bytes are class numbers, keeps its values.
    """
    return {
        name: value.float() / 255.0
        if value.dtype == torch.uint8 and not name.endswith("_segmentation")
        else value.float()
        for name, value in images.items()
    }
