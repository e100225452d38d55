"""Supervised learning: an image encoder with a linear head learns the labels of images."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from stable_baselines3.common.preprocessing import preprocess_obs
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
        """Predict from images of an environment, which are prepared as Stable-Baselines3 does for policies."""
        prepared = preprocess_obs(images, self.image_encoder.space)
        return self.head(self.image_encoder(prepared)) * self.std + self.mean


def predictor_for(encoder: ImageEncoder, data: LabelledImages) -> LabelPredictor:
    """A predictor of the labels of a set, which learns numbers of mean 0 and standard deviation 1."""
    if data.class_names:
        return LabelPredictor(encoder, len(data.class_names))
    labels = data.labels[~data.is_test]
    return LabelPredictor(encoder, labels.shape[1], np.nanmean(labels, axis=0), np.nanstd(labels, axis=0) + 1e-6)


@dataclass
class Epoch:
    """The results of one pass over the training images."""

    number: int
    train_loss: float
    test_loss: float
    metric: str  # "accuracy", or "error_mm", the mean distance of predicted positions from their labels
    score: float  # on the test images
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
) -> Epoch:
    """Train by Adam, and give the last epoch; the learning rate rises linearly, then falls to zero along half a cosine.

    Args:
        max_shift: pixels by which training images are shifted at random.
        on_epoch: called after each epoch.
    """
    generator = torch.Generator().manual_seed(seed)
    images = {name: torch.from_numpy(values) for name, values in data.images.items()}
    labels, is_test = torch.from_numpy(data.labels), torch.from_numpy(data.is_test)
    train = torch.nonzero(~is_test)[:, 0]
    predictor.image_encoder.fit_whitening(images, train)
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
        metric, value = ("accuracy" if data.class_names else "error_mm"), score(predicted, data)
        value = value if data.class_names else 1e3 * value
        epoch = Epoch(number, train_loss, test_loss, metric, value, seconds)
        on_epoch(epoch)
    return epoch


@torch.no_grad()
def predict(predictor: LabelPredictor, data: LabelledImages, device: torch.device) -> tuple[np.ndarray, float]:
    """The predictions for the test images, (m, outputs), and the mean loss there."""
    predictor.eval()
    outputs, losses = [], []
    test = torch.from_numpy(np.flatnonzero(data.is_test))
    for ids in test.split(TEST_BATCH_SIZE):
        output = predictor({name: torch.from_numpy(values[ids]).to(device) for name, values in data.images.items()})
        labels = torch.from_numpy(data.labels[ids]).to(device)
        losses.append(label_loss(predictor, output, labels, data).item() * len(ids))
        outputs.append(output.cpu().numpy())
    return np.concatenate(outputs), sum(losses) / len(test)


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
