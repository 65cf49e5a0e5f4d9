"""What is kept of a run: Save, and the observers that do it."""

from duhamel.observe.recorder import Nothing, Observer, Record, Steps, Times
from duhamel.observe.save import Save

__all__ = ["Nothing", "Observer", "Record", "Save", "Steps", "Times"]
