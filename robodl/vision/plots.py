"""Plots and pictures for people, as arrays: (height, width, 3) uint8."""

import numpy as np

from robodl.vision.labelled_images import Dataset
from robodl.vision.supervised import distances

SHOWN = 16  # sample predictions


def drawn(figure) -> np.ndarray:
    """A matplotlib figure as a picture; needs no display."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()


def pretraining_pictures(data: Dataset, predicted: np.ndarray) -> dict[str, np.ndarray]:
    """What a reader makes of the test pictures, by TensorBoard tag."""
    labels = data.labels[data.test]
    pictures = {"eval/samples": samples(data, predicted)}
    if data.classes:
        pictures["eval/confusion"] = confusion(labels, predicted.argmax(axis=1), data.classes)
    else:
        pictures["eval/scatter"] = scatter(labels, predicted, data.unit)
    return pictures


def confusion(labels: np.ndarray, said: np.ndarray, classes: tuple[str, ...]) -> np.ndarray:
    """How often each class, a row, was taken for which, a column."""
    from matplotlib.figure import Figure

    counts = np.zeros((len(classes), len(classes)), int)
    np.add.at(counts, (labels, said), 1)
    figure = Figure(figsize=(6, 6), dpi=100, layout="constrained")
    axes = figure.subplots()
    axes.imshow(counts / np.maximum(counts.sum(axis=1, keepdims=True), 1), cmap="Blues", vmin=0, vmax=1)
    for row, column in np.ndindex(*counts.shape):
        color = "white" if counts[row, column] > 0.5 * counts[row].sum() else "black"
        axes.text(column, row, str(counts[row, column]), ha="center", va="center", color=color, fontsize=8)
    axes.set_xticks(range(len(classes)), classes)
    axes.set_yticks(range(len(classes)), classes)
    axes.set_xlabel("predicted")
    axes.set_ylabel("true")
    axes.set_title(f"{(labels == said).mean():.2%} of {len(labels):,} test pictures right")
    return drawn(figure)


def scatter(labels: np.ndarray, predicted: np.ndarray, unit: str) -> np.ndarray:
    """Predicted against true numbers, a panel for each, four in a row."""
    from matplotlib.figure import Figure

    count = labels.shape[1]
    columns = min(count, 4)
    rows = -(-count // columns)
    figure = Figure(figsize=(4 * columns, 4 * rows), dpi=100, layout="constrained")
    for k in range(count):
        axes = figure.add_subplot(rows, columns, k + 1)
        axes.scatter(labels[:, k], predicted[:, k], s=2, alpha=0.4)
        ends = [np.nanmin(labels[:, k]), np.nanmax(labels[:, k])]
        axes.plot(ends, ends, color="black", linewidth=0.8)
        axes.set_aspect("equal")
        axes.set_xlabel(f"true [{unit}]")
        axes.set_ylabel(f"predicted [{unit}]")
        axes.set_title(f"component {k}: {np.nanmean(np.abs(labels[:, k] - predicted[:, k])):.3g} {unit} off")
    return drawn(figure)


def samples(data: Dataset, predicted: np.ndarray) -> np.ndarray:
    """Test pictures with what was said of them; of classes, the wrong ones come first, and last what shows nothing."""
    from matplotlib.figure import Figure

    tested = np.flatnonzero(data.test)
    labels = data.labels[tested]
    if data.classes:
        order = np.argsort(predicted.argmax(axis=1) == labels, kind="stable")
    else:
        off = 1e3 * distances(predicted, labels, data.points)  # mm
        order = np.argsort(np.isnan(off).all(axis=1), kind="stable")
    figure = Figure(figsize=(9, 9), dpi=100, layout="constrained")
    panels = figure.subplots(4, SHOWN // 4).ravel()
    for axes in panels:
        axes.axis("off")
    for axes, k in zip(panels, order[:SHOWN], strict=False):
        seen = np.concatenate([shown(values[tested[k]], box) for values, box in pairs(data)], axis=1)
        axes.imshow(seen)
        if data.classes:
            said, label = int(predicted[k].argmax()), labels[k]
            axes.set_title(f"{data.classes[said]}, true {data.classes[label]}", color="k" if said == label else "r")
        else:
            each = ", ".join(f"{value:.0f}" for value in off[k] if not np.isnan(value))
            axes.set_title(f"{each} mm off" if each else "shows none", fontsize=9)
    return drawn(figure)


def pairs(data: Dataset):
    return [(values, data.boxes[name]) for name, values in data.pictures.items()]


def shown(picture: np.ndarray, box) -> np.ndarray:
    """A picture of any kind, (channels, height, width), as colours: (height, width, 3) uint8."""
    picture = picture.astype(np.float32) * (255.0 / float(box.high.max()))
    return np.broadcast_to(np.moveaxis(picture, 0, -1), (*picture.shape[1:], 3)).astype(np.uint8)
