"""What a task is: the protocol that all of them keep, and how one is run."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from mattelier.types.errors import EngineError

if TYPE_CHECKING:
    from mattelier.engines.model_cache import ModelCache
    from mattelier.types.picture import Picture
    from mattelier.types.result import Result

Answer = TypeVar("Answer")


class Task(ABC):
    """One thing that can be done to a picture; it holds nothing, so that any thread may use it.

    A request is passed to every method. `inputs` are what a task takes beside the picture, by the
    names that its row in the registry gives them; `hint` is where the subject is.
    """

    def prepare(self, *args: Any, **inputs: Any) -> dict[str, Any]:
        """`prepare(request, models, **inputs)`: what is the same for all pictures, as inputs.

        Opens the networks, and reads the files that the request names.

        Raises
        ------
        UsageError, PictureError, ModelError, EngineError
            The model is unknown, damaged or of another kind, the device cannot be used, or a file
            cannot be read.
        """
        return inputs

    @abstractmethod
    def run(self, *args: Any, **inputs: Any) -> Result:
        """`run(request, picture, models, **inputs)` with what `prepare` gave: one picture done.

        Raises
        ------
        MattelierError
            One sentence that says what is wrong.
        """

    counts_frames = False
    """Whether `run` takes `frame`, the number in a shot: what is random is another in each."""

    def settle(self, *args: Any, **inputs: Any) -> dict[str, Any]:
        """`settle(request, pictures, **inputs)`: inputs that all frames of a shot are done with.

        Where what is done depends on what a picture as a whole looks like, that is measured here,
        once, on some frames of the shot, so that the others do not flicker.
        """
        return inputs

    @property
    def settles(self) -> bool:
        """Whether `settle` measures anything."""
        return type(self).settle is not Task.settle

    def networks(self, *args: Any) -> dict[str, str]:
        """`networks(request, models, height, width)`: which networks do pictures of that size.

        Their names, and what changes when their weights do. It raises what `run` would for any
        picture of that size.
        """
        return {}


def on_available_device(models: ModelCache, work: Callable[[], Answer]) -> Answer:
    """Do some work with open networks; a GPU that fails in mid-work is left for the processor.

    The networks' notes say so from then on, and whoever asks the cache for them later gets the
    processor's too.
    """
    failed: list[object] = []
    while True:  # each turn leaves the GPU for one more network
        try:
            return work()
        except EngineError as error:
            if error.model in failed or not models.leave_gpu(error):
                raise
            failed.append(error.model)


def run_prepared(
    task: Task,
    request: object,
    picture: Picture,
    models: ModelCache,
    inputs: Mapping[str, Any],
) -> Result:
    """One picture done with inputs that `task.prepare` gave; see `Task.run`."""
    return on_available_device(models, lambda: task.run(request, picture, models, **inputs))
