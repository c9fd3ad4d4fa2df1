"""TDMS files of LabVIEW and DIAdem through npTDMS: channels by group and name, the step from their waveform properties."""

import numpy as np
from nptdms import TdmsChannel, TdmsFile

from ..notes import WARNING, Note
from ..request import Request
from .contents import Contents
from .variables import Variables, as_contents

ON_DISK = True
_UNITS = ("unit_string", "NI_UnitDescription", "unit")


class _Row:
    """The values of one channel, read from the file where they are sliced."""

    def __init__(self, path: str, channel: TdmsChannel):
        self.dtype = np.dtype("M8[ns]") if channel.dtype.kind == "M" else channel.dtype
        self._path, self._group, self._name, self._count = path, channel.group_name, channel.name, len(channel)

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, samples: slice) -> np.ndarray:
        first, last, _ = samples.indices(self._count)
        with TdmsFile.open(self._path) as file:
            return file[self._group][self._name].read_data(first, last - first)


def open_contents(request: Request) -> Contents:
    """The channels of numbers, as "group/channel".

    request: names the file.
    """
    variables, notes = Variables(), []
    with TdmsFile.open(request.path) as file:
        _take_properties(variables, "", file.properties)
        for group in file.groups():
            _take_properties(variables, group.name, group.properties)
            for channel in group.channels():
                _take(request.path, variables, channel)
        if file.file_status.incomplete_final_segment:
            text = "the last segment of the file is incomplete, as after a crash or a copy that was cut off; it was read as far as it goes"
            notes = [Note(text, WARNING)]
    contents = as_contents(request, variables, on_disk=True)
    return Contents(contents.channels, [*contents.notes, *notes], True, contents.first)


def _take(path: str, variables: Variables, channel: TdmsChannel) -> None:
    name = f"{channel.group_name}/{channel.name}"
    if not len(channel):
        return
    if channel.dtype.kind not in "iufM":
        variables.ignored.append(name)
        return
    variables.add_row(name, _Row(path, channel))
    properties = channel.properties
    _take_properties(variables, name, properties)
    variables.units[name] = next((str(properties[key]) for key in _UNITS if properties.get(key)), "")
    start = properties.get("wf_start_time")
    if isinstance(start, np.datetime64) and not np.isnat(start):
        offset = float(properties.get("wf_start_offset", 0.0))
        moment = start.astype("M8[us]") + np.timedelta64(round(offset * 1e6), "us")
        variables.began[name] = f"{moment}Z"


def _take_properties(variables: Variables, name: str, properties: dict) -> None:
    for key, value in properties.items():
        if not key.startswith("wf_") or key == "wf_increment":
            variables.add_number(f"{name}/{key}" if name else key, value)
