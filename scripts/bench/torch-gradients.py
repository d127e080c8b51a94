#!/usr/bin/python3
"""The first step's gradient of the PyTorch reference in double precision, and the error of its float32.

    torch-gradients.py REFERENCE_SCRIPT --workload W [--batch N] --export DIR

Repeats the initial weights and data of `REFERENCE_SCRIPT --workload W --export DIR` (same seed, same order), writes the
gradient of each parameter as NAME.g64 (little-endian float64, PyTorch layout) and prints one JSON line:
{"float32_error": relative L2 distance of the float32 gradient from it, over all parameters}.
"""
import argparse, copy, json, os, sys
import torch
import torch.nn as nn

source = open(sys.argv[1]).read()
module = {"__name__": "reference"}
exec(compile(source[: source.rindex("\nmain()")], sys.argv[1], "exec"), module)

options = argparse.ArgumentParser()
options.add_argument("--workload", required=True)
options.add_argument("--batch", type=int)
options.add_argument("--export", required=True)
options = options.parse_args(sys.argv[2:])

torch.set_num_threads(1)
torch.manual_seed(7)
make, shape = module["WORKLOADS"][options.workload]
shape = (options.batch or shape[0], *shape[1:])
model = make().train()
x = torch.randn(*shape)
label = torch.arange(shape[0]) % 6
segment = options.workload.startswith("unet")
y = (torch.rand(shape) > 0.5).float() if segment else label
loss_of = nn.BCEWithLogitsLoss() if segment else nn.CrossEntropyLoss()


def gradients(model, x, y):
    loss_of(model(x), y).backward()
    return {name: parameter.grad.double() for name, parameter in model.named_parameters()}


exact = gradients(copy.deepcopy(model).double(), x.double(), y.double() if segment else y)
single = gradients(model, x, y)
for name, gradient in exact.items():
    gradient.contiguous().numpy().astype("<f8").tofile(os.path.join(options.export, name + ".g64"))
distance = sum(((single[name] - gradient) ** 2).sum() for name, gradient in exact.items())
size = sum((gradient**2).sum() for gradient in exact.values())
print(json.dumps({"float32_error": (distance / size).sqrt().item()}))
