# Independent values for metrics.test.ts: scikit-learn's and scipy's, of predictions given as JSON on stdin.
import json
import sys

import numpy as np
from scipy.ndimage import binary_erosion, distance_transform_edt, generate_binary_structure
from sklearn.metrics import (average_precision_score, balanced_accuracy_score, brier_score_loss, confusion_matrix, f1_score,
                             log_loss, roc_auc_score, roc_curve)


def surface_distances(one, other, spacing):
    faces = generate_binary_structure(one.ndim, 1)
    surface = lambda region: region ^ binary_erosion(region, structure=faces, iterations=1)
    return distance_transform_edt(~surface(other), sampling=spacing)[surface(one)]


def hausdorff95(one, other, spacing):
    both = np.hstack((surface_distances(one, other, spacing), surface_distances(other, one, spacing)))
    return float(np.percentile(both, 95))


given = json.load(sys.stdin)
scores = np.array(given["probabilities"]).reshape(-1, given["classes"])
labels = np.array(given["labels"])
top = scores.argmax(axis=1)
yes = np.array(given["yes"]).reshape(-1, given["classes"])
fpr, tpr, thresholds = roc_curve(labels == 1, scores[:, 1], drop_intermediate=False)
volumes = [np.array(v, dtype=bool).reshape(given["size"]) for v in given["volumes"]]
json.dump({
    "loss": log_loss(labels, scores, labels=range(given["classes"])),
    "auc": [roc_auc_score(labels == c, scores[:, c]) for c in range(given["classes"])],
    "averagePrecision": [average_precision_score(labels == c, scores[:, c]) for c in range(given["classes"])],
    "f1": list(f1_score(labels, top, average=None)),
    "balancedAccuracy": balanced_accuracy_score(labels, top),
    "confusion": confusion_matrix(labels, top).tolist(),
    "youden": float(thresholds[np.argmax(tpr - fpr)]),
    "sensitivity90": float(thresholds[np.argmax(tpr >= 0.9)]),
    "multiLabel": {
        "auc": roc_auc_score(yes, scores, average="macro"),
        "averagePrecision": average_precision_score(yes, scores, average="macro"),
        "f1": list(f1_score(yes, scores >= 0.5, average=None)),
        "accuracy": float(((scores >= 0.5) == yes).mean()),
    },
    "hausdorff95": hausdorff95(volumes[0], volumes[1], given["spacing"]),
    "hausdorff95Slice": hausdorff95(volumes[0][4], volumes[1][4], given["spacing"][1:]),
}, sys.stdout)
