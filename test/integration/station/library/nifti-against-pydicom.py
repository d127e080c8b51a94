"""Compares wrapped NIfTI volumes with their sources, read here by hand and by pydicom: where the corners of every slice
lie, and every value. Arguments: pairs of a wrapped file and its .nii or .nii.gz. Prints one JSON object."""

import gzip
import json
import struct
import sys

import numpy as np
import pydicom

TYPES = {2: "u1", 4: "i2", 8: "i4", 16: "f4", 64: "f8", 256: "i1", 512: "u2", 768: "u4", 1024: "i8", 1280: "u8"}


def source_of(path):
    raw = gzip.open(path).read() if path.endswith(".gz") else open(path, "rb").read()
    order = "<" if struct.unpack("<i", raw[:4])[0] in (348, 540) else ">"
    is_two = struct.unpack(order + "i", raw[:4])[0] == 540

    def at(form, position):
        return struct.unpack_from(order + form, raw, position)

    if is_two:
        size, kind = at("3q", 24), at("h", 12)[0]
        pixdim, offset, scale = at("4d", 104), at("q", 168)[0], at("2d", 176)
        q_code, s_code = at("2i", 344)
        quatern, rows = at("6d", 352), np.array(at("12d", 400)).reshape(3, 4)
    else:
        size, kind = at("3h", 42), at("h", 70)[0]
        pixdim, offset, scale = at("4f", 76), int(at("f", 108)[0]), at("2f", 112)
        q_code, s_code = at("2h", 252)
        quatern, rows = at("6f", 256), np.array(at("12f", 280)).reshape(3, 4)
    if s_code <= 0 and q_code > 0:
        b, c, d = quatern[:3]
        a = np.sqrt(max(0.0, 1.0 - (b * b + c * c + d * d)))
        rotation = np.array(
            [
                [a * a + b * b - c * c - d * d, 2 * b * c - 2 * a * d, 2 * b * d + 2 * a * c],
                [2 * b * c + 2 * a * d, a * a + c * c - b * b - d * d, 2 * c * d - 2 * a * b],
                [2 * b * d - 2 * a * c, 2 * c * d + 2 * a * b, a * a + d * d - c * c - b * b],
            ]
        )
        steps = np.array([pixdim[1], pixdim[2], pixdim[3] * (-1 if pixdim[0] < 0 else 1)])
        rows = np.column_stack([rotation * steps, quatern[3:6]])
    slope, intercept = scale if scale[0] != 0 else (1.0, 0.0)
    stored = np.frombuffer(raw, order + TYPES[kind], int(np.prod(size)), offset).reshape(size[::-1])
    return rows, stored.astype(float) * slope + intercept


def compare(wrapped, path):
    rows, values = source_of(path)
    data = pydicom.dcmread(wrapped)
    shared = data.SharedFunctionalGroupsSequence[0]
    rescale = shared.PixelValueTransformationSequence[0]
    found = data.pixel_array.reshape(-1, data.Rows, data.Columns)
    found = found * float(rescale.RescaleSlope) + float(rescale.RescaleIntercept)
    step = abs(float(rescale.RescaleSlope))
    along = np.array(shared.PlaneOrientationSequence[0].ImageOrientationPatient, float)
    row_mm, column_mm = (float(one) for one in shared.PixelMeasuresSequence[0].PixelSpacing)
    to_voxel = np.linalg.inv(np.vstack([rows, [0, 0, 0, 1]]))
    farthest, worst, met = 0.0, 0.0, np.zeros(values.shape, int)
    for frame, groups in enumerate(data.PerFrameFunctionalGroupsSequence):
        corner = np.array(groups.PlanePositionSequence[0].ImagePositionPatient, float)
        for column in range(data.Columns):
            for row in range(data.Rows):
                in_dicom = corner + along[:3] * column_mm * column + along[3:] * row_mm * row
                in_nifti = in_dicom * [-1, -1, 1]
                # Rows and columns may be turned: the voxel at this place of the patient is the one that counts.
                i, j, k = np.rint((to_voxel @ [*in_nifti, 1.0])[:3]).astype(int)
                farthest = max(farthest, float(np.abs(rows @ [i, j, k, 1.0] - in_nifti).max()))
                worst = max(worst, abs(found[frame, row, column] - values[k, j, i]))
                met[k, j, i] += 1
    assert (met == 1).all(), "a voxel is missing or there twice"
    return farthest, float(worst), step


results = [compare(wrapped, path) for wrapped, path in zip(sys.argv[1::2], sys.argv[2::2], strict=True)]
print(
    json.dumps(
        {
            "compared": len(results),
            "mostMm": max(mm for mm, _, _ in results),
            "mostSteps": max(error / step for _, error, step in results),
        }
    )
)
