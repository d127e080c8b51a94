# Tells where frames lie and what their values mean, by pydicom, as the reference for our own reading.
# Reads paths from standard input, one a line; writes a line of JSON for each.
import json
import sys
import warnings

import numpy
import pydicom
from pydicom.pixel_data_handlers.util import apply_modality_lut

warnings.simplefilter("ignore")


def group(dataset, frame, keyword):
    per_frame = dataset.get("PerFrameFunctionalGroupsSequence") or []
    shared = dataset.get("SharedFunctionalGroupsSequence") or []
    for item in [*per_frame[frame : frame + 1], *shared[:1]]:
        if item.get(keyword):
            return item[keyword][0]
    return dataset


def numbers(item, keyword):
    value = item.get(keyword)
    if value is None or value == "":
        return None
    if isinstance(value, (int, float)):
        return [float(value)]
    return [float(one) for one in value]


def position(dataset, frame):
    holder = group(dataset, frame, "PlanePositionSequence")
    first = numbers(holder, "ImagePositionPatient")
    if holder is not dataset or frame == 0 or first is None:
        return first
    if "GridFrameOffsetVector" not in dataset:
        return None
    orientation = numbers(dataset, "ImageOrientationPatient")
    normal = numpy.cross(orientation[:3], orientation[3:])
    return [float(one) for one in numpy.array(first) + normal * float(dataset.GridFrameOffsetVector[frame])]


def described(dataset, frame):
    voi = group(dataset, frame, "FrameVOILUTSequence")
    return {
        "frame": frame + 1,
        "position": position(dataset, frame),
        "orientation": numbers(group(dataset, frame, "PlaneOrientationSequence"), "ImageOrientationPatient"),
        "spacing": numbers(group(dataset, frame, "PixelMeasuresSequence"), "PixelSpacing"),
        "thickness": numbers(group(dataset, frame, "PixelMeasuresSequence"), "SliceThickness"),
        "centers": numbers(voi, "WindowCenter"),
        "widths": numbers(voi, "WindowWidth"),
    }


def values(dataset):
    """Modality values of every so many pixels of the first frame."""
    if int(dataset.get("SamplesPerPixel", 1)) != 1 or "PALETTE" in dataset.PhotometricInterpretation:
        return {}
    pixels = dataset.pixel_array
    if int(dataset.get("NumberOfFrames", 1) or 1) > 1:
        pixels = pixels[0]
    flat = pixels.reshape(-1)
    step = max(1, flat.size // 997)
    flat = flat[::step]
    # pydicom 2 looks for slope and intercept at the top only.
    units = apply_modality_lut(flat, group(dataset, 0, "PixelValueTransformationSequence"))
    return {"step": step, "units": [float(one) for one in units]}


for path in (line.rstrip("\n") for line in sys.stdin):
    try:
        dataset = pydicom.dcmread(path, force=True)
        if "PixelData" not in dataset or "Rows" not in dataset:
            print(json.dumps({"path": path, "frames": []}))
            continue
        count = max(1, int(dataset.get("NumberOfFrames", 1) or 1))
        answer = {
            "path": path,
            "frameOfReference": str(dataset.get("FrameOfReferenceUID") or "") or None,
            "frames": [described(dataset, frame) for frame in sorted({0, count // 2, count - 1})],
        }
        try:
            answer.update(values(dataset))
        except Exception as error:
            answer["valuesError"] = str(error)[:200]
        print(json.dumps(answer))
    except Exception as error:
        print(json.dumps({"path": path, "frames": [], "error": str(error)[:200]}))
