# Decodes DICOM files with pydicom and GDCM, as the reference that our own decoding is compared with.
# Reads paths from standard input, one a line; writes for each a line of JSON and, beside it, <index>.raw in the folder named
# by the first argument: the first three frames and the last one, as stored in the file, little endian, interleaved.
import json
import sys
import warnings

import numpy
import pydicom

warnings.simplefilter("ignore")


def frames_of(dataset, count):
    pixels = dataset.pixel_array
    samples = int(dataset.get("SamplesPerPixel", 1))
    return pixels.reshape((count, int(dataset.Rows), int(dataset.Columns), samples))


def main(folder):
    for index, path in enumerate(line.rstrip("\n") for line in sys.stdin):
        try:
            dataset = pydicom.dcmread(path, force=True)
            if "PixelData" not in dataset or "Rows" not in dataset:
                print(json.dumps({"path": path, "none": True}))
                continue
            try:
                count = max(1, int(dataset.get("NumberOfFrames", 1) or 1))
            except ValueError:
                count = 1
            pixels = frames_of(dataset, count)
            chosen = sorted({0, min(1, count - 1), min(2, count - 1), count - 1})
            kept = pixels[chosen]
            kept.astype(kept.dtype.newbyteorder("<")).tofile(f"{folder}/{index}.raw")
            print(json.dumps({
                "path": path,
                "frames": [frame + 1 for frame in chosen],
                "shape": list(kept.shape[1:]),
                "type": kept.dtype.newbyteorder("<").str,
                "bitsAllocated": int(dataset.BitsAllocated),
                "bitsStored": int(dataset.BitsStored),
                "isSigned": bool(dataset.get("PixelRepresentation", 0)),
                "photometric": str(dataset.PhotometricInterpretation),
                "syntax": str(getattr(dataset.file_meta, "TransferSyntaxUID", "")),
            }))
        except Exception as error:
            print(json.dumps({"path": path, "error": f"{type(error).__name__}: {error}"[:300]}))


main(sys.argv[1])
