"""Images for learning by OpenGL, drawn by threads with a context each."""

import os
import queue
import threading
import weakref
from typing import Any

import numpy as np

from robodl_envs.rendering.gl_worker import POSES, GlWorker
from robodl_envs.rendering.modalities import Images, ImageSpec
from robodl_envs.simulator import CpuSimulator


class GlRenderer:
    """Draws all cameras of an observation by OpenGL. A `Renderer`.

    Args:
        threads: that draw. They are the renderer's own, so any thread may call it.
    """

    def __init__(self, sim: CpuSimulator, images: ImageSpec, threads: int):
        self.images, self.threads = images, threads
        self.poses = {field: sim.bind(field) for field in POSES}
        self.arguments = (sim, self.poses, images)
        self.workers: list[GlThread] = []
        weakref.finalize(self, stop_threads, self.workers)  # threads would outlive a renderer that nobody closed

    def draw(self, ids: np.ndarray, background: np.ndarray | None = None) -> Images:
        """Draw rows ids, (n,); background as `Renderer.draw`."""
        if not self.workers or self.workers[0].process != os.getpid():
            self.start()
        images = self.images.empty(len(ids))
        try:
            shares = np.array_split(np.arange(len(ids)), len(self.workers))
            for worker, share in zip(self.workers, shares, strict=True):
                worker.start(share, ids, images, background)
            for worker in self.workers:
                worker.join()
        except BaseException:  # Ctrl-C too: what a worker reports later would be taken for the next images' end
            self.close()
            raise
        return images

    def start(self) -> None:
        """Start the workers, also in a forked child, which has none of its parent's threads.

        Raises:
            RenderingError: there is no OpenGL.
        """
        self.workers.clear()
        try:
            for _ in range(self.threads):
                self.workers.append(GlThread(*self.arguments))
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """End the workers and free their contexts; the next `draw` starts them anew."""
        stop_threads(self.workers)


class GlThread:
    """A GlWorker in a thread of its own."""

    def __init__(self, *arguments: Any):
        self.process = os.getpid()
        self.jobs: queue.SimpleQueue = queue.SimpleQueue()
        self.results: queue.SimpleQueue = queue.SimpleQueue()
        queues = self.jobs, self.results  # and not self, which a running thread would keep alive
        self.thread = threading.Thread(
            target=run_worker, args=(*queues, arguments), daemon=True, name="robodl OpenGL worker"
        )
        self.thread.start()
        self.join()

    def start(self, *job: Any) -> None:
        """Begin to draw, with the arguments of `GlWorker.draw`."""
        self.jobs.put(job)

    def join(self) -> None:
        """Wait for the end of a job; raise the error that ended it."""
        error = self.results.get()
        if error is not None:
            raise error

    def close(self) -> None:
        """End the thread and wait until it has freed its context; in a forked child there is none."""
        if self.process == os.getpid():
            self.jobs.put(None)
            self.thread.join()


def run_worker(jobs: queue.SimpleQueue, results: queue.SimpleQueue, arguments: tuple) -> None:
    """Make a GlWorker and do jobs until one is None. Each result is None or the error, the first for the making."""
    try:
        worker = GlWorker(*arguments)
    except Exception as error:
        results.put(error)
        return
    results.put(None)
    while (job := jobs.get()) is not None:
        try:
            worker.draw(*job)
            results.put(None)
        except Exception as error:
            results.put(error)
        del job  # it holds images
    worker.close()


def stop_threads(workers: list[GlThread]) -> None:
    """Close all threads and empty the list, first of all: an interrupt must not leave closed ones in it."""
    closing = workers.copy()
    workers.clear()
    for worker in closing:
        worker.close()
