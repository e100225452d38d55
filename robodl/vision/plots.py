"""Plots of supervised learning."""

import numpy as np
from matplotlib.figure import Figure

from robodl.vision.labelled_images import LabelledImages
from robodl.vision.supervised import keypoint_distances

NUM_SAMPLES = 16


def pretraining_plots(data: LabelledImages, predicted: np.ndarray) -> dict[str, Figure]:
    """Plots of the predictions for the test images, by TensorBoard tag."""
    labels = data.labels[data.is_test]
    plots = {"eval/samples": plot_samples(data, predicted)}
    if data.class_names:
        plots["eval/confusion"] = plot_confusion(labels, predicted.argmax(axis=1), data.class_names)
    else:
        plots["eval/scatter"] = plot_scatter(labels, predicted)
    return plots


def plot_confusion(labels: np.ndarray, predicted: np.ndarray, class_names: tuple[str, ...]) -> Figure:
    """The confusion matrix: a row is a true class, a column a predicted one."""
    counts = np.zeros((len(class_names), len(class_names)), int)
    np.add.at(counts, (labels, predicted), 1)
    figure = Figure(figsize=(6, 6), dpi=100, layout="constrained")
    axes = figure.subplots()
    axes.imshow(counts / np.maximum(counts.sum(axis=1, keepdims=True), 1), cmap="Blues", vmin=0, vmax=1)
    for row, column in np.ndindex(*counts.shape):
        color = "white" if counts[row, column] > 0.5 * counts[row].sum() else "black"
        axes.text(column, row, str(counts[row, column]), ha="center", va="center", color=color, fontsize=8)
    axes.set_xticks(range(len(class_names)), class_names)
    axes.set_yticks(range(len(class_names)), class_names)
    title = f"{(labels == predicted).mean():.2%} of {len(labels):,} test images right"
    axes.set(xlabel="predicted", ylabel="true", title=title)
    return figure


def plot_scatter(labels: np.ndarray, predicted: np.ndarray) -> Figure:
    """Predicted against true numbers, a panel for each component, four in a row."""
    count = labels.shape[1]
    columns = min(count, 4)
    rows = -(-count // columns)
    figure = Figure(figsize=(4 * columns, 4 * rows), dpi=100, layout="constrained")
    for k in range(count):
        axes = figure.add_subplot(rows, columns, k + 1)
        axes.scatter(labels[:, k], predicted[:, k], s=2, alpha=0.4)
        ends = [np.nanmin(labels[:, k]), np.nanmax(labels[:, k])]
        axes.plot(ends, ends, color="black", linewidth=0.8)
        title = f"component {k}: {np.nanmean(np.abs(labels[:, k] - predicted[:, k])):.3g} m off"
        axes.set(aspect="equal", xlabel="true [m]", ylabel="predicted [m]", title=title)
    return figure


def plot_samples(data: LabelledImages, predicted: np.ndarray) -> Figure:
    """Test images with their predictions; wrong classes come first, images without a known label last."""
    test_ids = np.flatnonzero(data.is_test)
    labels = data.labels[test_ids]
    if data.class_names:
        order = np.argsort(predicted.argmax(axis=1) == labels, kind="stable")
    else:
        error_mm = 1e3 * keypoint_distances(predicted, labels, data.num_keypoints)
        order = np.argsort(np.isnan(error_mm).all(axis=1), kind="stable")
    figure = Figure(figsize=(9, 9), dpi=100, layout="constrained")
    panels = figure.subplots(4, NUM_SAMPLES // 4).ravel()
    for axes in panels:
        axes.axis("off")
    for axes, k in zip(panels, order[:NUM_SAMPLES], strict=False):
        images = [as_rgb(values[test_ids[k]], data.boxes[name]) for name, values in data.images.items()]
        axes.imshow(np.concatenate(images, axis=1))
        if data.class_names:
            guess, label = int(predicted[k].argmax()), labels[k]
            title = f"{data.class_names[guess]}, true {data.class_names[label]}"
            axes.set_title(title, color="k" if guess == label else "r")
        else:
            errors = ", ".join(f"{value:.0f}" for value in error_mm[k] if not np.isnan(value))
            axes.set_title(f"{errors} mm off" if errors else "shows none", fontsize=9)
    return figure


def as_rgb(image: np.ndarray, box) -> np.ndarray:
    """An image of any modality, (channels, height, width), as colours: (height, width, 3) uint8."""
    image = image.astype(np.float32) * (255.0 / float(box.high.max()))
    return np.broadcast_to(np.moveaxis(image, 0, -1), (*image.shape[1:], 3)).astype(np.uint8)
