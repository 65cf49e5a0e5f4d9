"""How training shows that it goes on."""

from __future__ import annotations

from typing import Any

__all__ = ["Bar"]


class Bar:
    """A Rich progress bar on stderr: updates done, the loss, the last validation, the time that remains.
    Silent, and without Rich, if `shown` is false."""

    def __init__(self, done: int, steps: int, shown: bool):
        self._progress = _progress() if shown else None
        self._validation = "–"
        if self._progress is not None:
            self._task = self._progress.add_task(
                "fit: compiling", total=steps, completed=done, loss="–", validation=self._validation
            )

    def __enter__(self) -> Bar:
        if self._progress is not None:
            self._progress.__enter__()
        return self

    def __exit__(self, *reason: Any) -> None:
        if self._progress is not None:
            self._progress.__exit__(*reason)

    def show(self, done: int, loss: float, validation: float | None = None) -> None:
        """The state after an update."""
        if self._progress is None:
            return
        if validation is not None:
            self._validation = f"{validation:.4g}"
        self._progress.update(
            self._task, description="fit", completed=done, loss=f"{loss:.4g}", validation=self._validation
        )


def _progress() -> Any:
    try:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
    except ModuleNotFoundError as cause:
        raise ModuleNotFoundError(
            "the progress bar needs Rich: pip install 'duhamel[learn]', or give progress=False.", name="rich"
        ) from cause
    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=None),
        MofNCompleteColumn(),
        TextColumn("loss {task.fields[loss]}", markup=False),
        TextColumn("validation {task.fields[validation]}", markup=False),
        TimeRemainingColumn(),
        console=Console(stderr=True),
    )
