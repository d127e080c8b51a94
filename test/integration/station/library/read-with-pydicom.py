# Reads the fields that the index keeps of every file named on standard input, and prints them as one JSON object.
import json
import sys
import warnings

import pydicom

warnings.simplefilter("ignore")
fields = json.loads(sys.argv[1])
answer = {}
for path in sys.stdin.read().splitlines():
    try:
        dataset = pydicom.dcmread(path, stop_before_pixels=True, force=True)
        dataset.decode()
        values = {}
        for field in fields:
            value = dataset.get(field, None)
            if value is None:
                value = ""
            if isinstance(value, pydicom.multival.MultiValue):
                value = "\\".join(str(one) for one in value)
            values[field] = str(value)
        answer[path] = values
    except Exception as error:
        answer[path] = {"error": repr(error)}
json.dump(answer, sys.stdout)
