"""A runtime as its metadata describes it: the library's types for it, and its storage."""

import gc
from typing import Any

from scalecodec.base import RuntimeConfigurationObject, ScaleBytes
from scalecodec.type_registry import load_type_registry_preset

from engine.chain.substrate.glance import Unfit
from engine.chain.substrate.storage import Storage
from engine.keys import SS58_FORMAT


class Runtime:
    """One runtime, decoded: about half a second of work and 20 MB for mainnet's."""

    def __init__(self, metadata: str, spec: int) -> None:
        """`metadata` ("0x…") is that of the runtime `spec`; unknown items do no harm. Raises `Unfit`."""
        collecting = gc.isenabled()
        gc.disable()  # what is made here stays: going through it over and over takes a third of the time
        try:
            self.types, self.metadata = decoded(metadata)
            self.storage = Storage(self.metadata, spec)
        except Exception as error:  # the library raises all kinds of errors
            raise Unfit(f"its metadata cannot be read ({type(error).__name__}): it is too old") from error
        finally:
            if collecting:
                gc.enable()


def decoded(metadata: str) -> tuple[RuntimeConfigurationObject, Any]:
    """The library's types for this metadata ("0x…"), and the metadata decoded. Raises all kinds of errors."""
    types = _Types(ss58_format=SS58_FORMAT)
    types.update_type_registry(load_type_registry_preset("core"))
    found = types.create_scale_object("MetadataVersioned", data=ScaleBytes(metadata))
    found.decode()
    types.implements_scale_info = True
    types.add_portable_registry(found)
    return types, found


class _Types(RuntimeConfigurationObject):  # type: ignore[misc]
    """The library makes a class for each value of a kind like "Vec<…>": 39,000 for mainnet's metadata, which takes most
    of the time and of the memory. Here it makes one for each kind."""

    def __init__(self, **options: Any) -> None:
        self._made: dict[str, Any] = {}
        super().__init__(**options)

    def get_decoder_class(self, type_string: Any) -> Any:
        if not isinstance(type_string, str) or type_string.lower() in self.type_registry["types"]:
            return super().get_decoder_class(type_string)
        if type_string not in self._made:
            self._made[type_string] = super().get_decoder_class(type_string)
        return self._made[type_string]
