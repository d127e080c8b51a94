# The masks of segmentations by pydicom and numpy, as the reference for our own. Reads paths of SEG files from standard input;
# writes a line of JSON for each: per source image and frame the SHA-256 of each segment's mask that is not empty.
import hashlib
import json
import sys
import warnings

import numpy
import pydicom

warnings.simplefilter("ignore")


def group(dataset, frame, keyword):
    for item in [dataset.PerFrameFunctionalGroupsSequence[frame], dataset.SharedFunctionalGroupsSequence[0]]:
        if item.get(keyword):
            return item[keyword][0]
    return None


def sources(dataset, frame):
    derivation = group(dataset, frame, "DerivationImageSequence")
    for source in derivation.get("SourceImageSequence", []) if derivation is not None else []:
        frames = source.get("ReferencedFrameNumber") or 1
        for number in [frames] if isinstance(frames, int) else frames:
            yield str(source.ReferencedSOPInstanceUID), int(number)


def masks_of(dataset):
    count = int(dataset.get("NumberOfFrames", 1))
    pixels = dataset.pixel_array.reshape((count, dataset.Rows, dataset.Columns))
    found = {}
    for frame in range(count):
        if dataset.SegmentationType == "LABELMAP":
            parts = {int(value): (pixels[frame] == value) * 255 for value in numpy.unique(pixels[frame]) if value > 0}
        else:
            number = int(group(dataset, frame, "SegmentIdentificationSequence").ReferencedSegmentNumber)
            scale = int(dataset.MaximumFractionalValue) if dataset.SegmentationType == "FRACTIONAL" else 1
            parts = {number: numpy.rint(pixels[frame] * (255 / scale))}
        named = list(sources(dataset, frame))
        if len(named) != 1:
            continue
        for number, part in parts.items():
            key = (*named[0], number)
            found[key] = numpy.maximum(found.get(key, 0), part)
    return {key: mask for key, mask in found.items() if mask.any()}


for path in (line.rstrip("\n") for line in sys.stdin):
    dataset = pydicom.dcmread(path)
    answer = {"path": path, "sopInstanceUID": str(dataset.SOPInstanceUID), "masks": []}
    if dataset.get("DimensionOrganizationType") != "TILED_FULL":
        for (instance, frame, segment), mask in masks_of(dataset).items():
            digest = hashlib.sha256(mask.astype("u1").tobytes()).hexdigest()
            answer["masks"].append({"instance": instance, "frame": frame, "segment": segment, "sha256": digest})
    print(json.dumps(answer))
