"""Images for learning by OpenGL, drawn by threads with a context each, or by rays where there is no OpenGL."""

import os
import queue
import threading
import weakref
from typing import Any

import numpy as np

from robodl_envs.rendering.gl_context import RenderingError, notify_ray_casting
from robodl_envs.rendering.gl_worker import POSES, GlWorker
from robodl_envs.rendering.modalities import ImageSpec
from robodl_envs.rendering.ray_renderer import RayRenderer
from robodl_envs.simulator import CpuSimulator


class GlRenderer:
    """Draws all cameras of an observation by OpenGL, or by ray casting once OpenGL has failed to start.

    Args:
        threads: that draw. They are the renderer's own, so any thread may call it.
    """

    def __init__(self, sim: CpuSimulator, spec: ImageSpec, threads: int):
        self.spec, self.threads, self.rays, self.has_failed = spec, threads, RayRenderer(sim, spec), False
        self.worker_arguments = sim, {field: sim.bind(field) for field in POSES}, spec
        self.workers: list[GlThread] = []
        weakref.finalize(self, stop_threads, self.workers)  # threads would outlive a renderer that nobody closed

    def draw(self, ids: np.ndarray, background: np.ndarray | None = None) -> np.ndarray:
        """Draw rows ids, (n,); as `RayRenderer.draw`."""
        try:
            # A forked child has none of its parent's threads.
            if not self.has_failed and (not self.workers or self.workers[0].process != os.getpid()):
                self.workers.clear()
                for _ in range(self.threads):
                    self.workers.append(GlThread(*self.worker_arguments))
            if not self.has_failed:
                return self.draw_with_threads(ids, background)
        except RenderingError as error:
            notify_ray_casting(str(error))
            self.has_failed = True
            self.close()
        except BaseException:  # Ctrl-C too: what a worker reports later would be taken for the next images' end
            self.close()
            raise
        return self.rays.draw(ids, background)

    def draw_with_threads(self, ids: np.ndarray, background: np.ndarray | None) -> np.ndarray:
        images = np.empty(len(ids), self.spec.layout)
        shares = np.array_split(np.arange(len(ids)), len(self.workers))
        for worker, share in zip(self.workers, shares, strict=True):
            worker.jobs.put((share, ids, images, background))
        for worker in self.workers:
            worker.wait()
        return images

    def close(self) -> None:
        """End the workers and free their contexts; the next `draw` starts them anew."""
        stop_threads(self.workers)


class GlThread(threading.Thread):
    """A GlWorker in a thread of its own: `jobs` takes arguments of `GlWorker.draw`, and None at the end."""

    def __init__(self, *worker_arguments: Any):
        super().__init__(daemon=True, name="robodl OpenGL worker")
        self.process, self.worker_arguments = os.getpid(), worker_arguments
        self.jobs: queue.SimpleQueue = queue.SimpleQueue()
        self.results: queue.SimpleQueue = queue.SimpleQueue()  # None or the error of the making and of each job
        self.start()
        self.wait()

    def wait(self) -> None:
        """Wait for the end of a job; raise the error that ended it."""
        error = self.results.get()
        if error is not None:
            raise error

    def run(self) -> None:
        try:
            worker = GlWorker(*self.worker_arguments)
        except Exception as error:
            self.results.put(error)
            return
        self.results.put(None)
        while (job := self.jobs.get()) is not None:
            try:
                worker.draw(*job)
                self.results.put(None)
            except Exception as error:
                self.results.put(error)
            del job  # it holds images
        worker.close()


def stop_threads(workers: list[GlThread]) -> None:
    """End all threads, wait until they have freed their contexts, and empty the list.

    The list first of all: an interrupt must not leave ended threads in it.
    """
    closing = workers.copy()
    workers.clear()
    for worker in closing:
        if worker.process == os.getpid():  # a forked child has no such thread
            worker.jobs.put(None)
            worker.join()
