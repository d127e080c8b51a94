"""One turn of the aggregation bench's peer: a weighted sum in place, with two arrays of the model's size.

`files`: every update read from its file into the same array. `memory`: one update that lies in memory already, again and again.
"""

import json
import resource
import sys
import time

import numpy as np

kind, folder, parameters, updates, header = sys.argv[1], sys.argv[2], *map(int, sys.argv[3:6])
total = np.zeros(parameters, np.float32)
scaled = np.ones(parameters, np.float32)
update = np.ones(parameters, np.float32) if kind == "memory" else None
share = np.float32(1 / updates)
started = time.perf_counter()
for index in range(updates):
    if kind == "memory":
        np.multiply(update, share, out=scaled)
    else:
        with open(f"{folder}/{index}", "rb", buffering=0) as file:
            file.seek(header)
            room = memoryview(scaled).cast("B")
            while len(room) > 0:
                room = room[file.readinto(room) :]
        np.multiply(scaled, share, out=scaled)
    np.add(total, scaled, out=total)
seconds = time.perf_counter() - started
megabytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6
print(json.dumps({"seconds": seconds, "megabytes": megabytes}))
