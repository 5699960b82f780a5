"""The codec's motion vectors of the frames that pass by, as fields between analysed frames."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from av.sidedata.sidedata import Type
from av.video.frame import PictureType

from curate.decode import Frame
from filters.vectors import Field, Vectors
from filters.vectors import field as lay_out


@dataclass(slots=True)
class CodecMotion:
    """Fields of the forward-predicted frames since the last analysed one.

    libav says of a vector whether its reference lies before or after, not how far. Predicted (P)
    frames refer to the frame before them that is not bidirectional (B), which encoders prefer to
    all others; so these alone are linked, and a vector spans the time between two of them. Vectors
    with farther references are too long and fall out of the consensus, as intra blocks have none.

    Source:
        libavutil/motion_vector.h; research/algorithms.md section 2.2.
    """

    _fields: list[Field] = field(default_factory=list)
    _broken: bool = False
    _stray: bool = False

    def take(self, frame: Frame) -> bool:
        """Take the next frame; whether it can be analysed, because it links to others."""
        side_data: Any = frame.image.side_data  # its stubs know of names as keys only
        blocks = side_data.get(Type.MOTION_VECTORS)
        if frame.image.pict_type == PictureType.B:
            # Codecs without vectors may mark all their frames so.
            self._stray = blocks is None
            self._broken |= self._stray
            return self._stray
        linked = blocks is not None and not frame.image.interlaced_frame and not self._stray
        self._broken |= not linked or frame.image.pict_type != PictureType.P
        if not self._broken:
            self._fields.append(_field(blocks, frame))
        self._stray = False
        return True

    def since_analysed(self, frame: Frame) -> Vectors:
        """The fields from the last analysed frame to this one; begins anew after it."""
        found = Vectors(None if self._broken else tuple(self._fields), *frame.size)
        self._fields, self._broken = [], False
        return found


def _field(side_data: Any, frame: Frame) -> Field:
    """The vectors of a frame in its upright picture."""
    table = side_data.to_ndarray()
    table = table[table["source"] < 0]
    scale = np.maximum(table["motion_scale"], 1)

    def columns(x: Any, y: Any) -> Any:
        return np.stack([x, y], axis=1).astype(np.float32)

    centre = columns(table["dst_x"], table["dst_y"])
    size = columns(table["w"], table["h"])
    # The vector leads from the block to what it was predicted from; the content came from there.
    moved = columns(-table["motion_x"] / scale, -table["motion_y"] / scale)
    height = frame.image.height
    width = frame.image.width
    for _ in range(frame.rotation_deg // 90):  # a quarter turn clockwise takes right to down
        centre = columns(height - centre[:, 1], centre[:, 0])
        moved = columns(-moved[:, 1], moved[:, 0])
        size = size[:, ::-1]
        width, height = height, width
    return lay_out(centre, size, moved, width, height)
