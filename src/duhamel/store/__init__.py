"""Results on disk: Zarr v3 folders that grow along time and that xarray reads directly."""

from duhamel.store.reader import open_store, stored_attributes
from duhamel.store.writer import Writer, check_destination

__all__ = ["Writer", "check_destination", "open_store", "stored_attributes"]
