// An exported graph as somebody else would run it: what to do to an image is read from the file's own metadata, by programs that
// know nothing of ImagiQ (pydicom and numpy for the pixels, ONNX Runtime in a process of its own for the graph).
import { execFileSync } from 'node:child_process';

const preprocess = `
import json, sys, numpy, pydicom
card = json.loads(sys.stdin.read())
chain = card['input']['preprocessing']
d = pydicom.dcmread(sys.argv[1])
assert d.ImageOrientationPatient == [1, 0, 0, 0, 1, 0] and d.Modality == 'CT' and chain['spacingMm'] is None
v = d.pixel_array.astype(numpy.float64) * float(d.RescaleSlope) + float(d.RescaleIntercept)
low, high = chain['window']['ct']['low'], chain['window']['ct']['high']
v = numpy.clip((v - low) / (high - low), 0, 1)
h, w, c = chain['height'], chain['width'], chain['channels']
assert v.shape[0] % h == 0 and v.shape[0] == v.shape[1] and h == w
v = v.reshape(h, v.shape[0] // h, w, v.shape[1] // w).mean(axis=(1, 3))
sys.stdout.buffer.write(numpy.repeat(v[..., None], c, axis=2).astype('<f4').tobytes())
`;

const run = `
import { readFileSync } from 'node:fs';
import * as ort from 'onnxruntime-node';
const [file] = process.argv.slice(1);
const card = JSON.parse(process.env.CARD);
const pixels = readFileSync(0);
const values = new Float32Array(pixels.buffer.slice(pixels.byteOffset, pixels.byteOffset + pixels.length));
const session = await ort.InferenceSession.create(file, { executionProviders: ['cpu'] });
const out = await session.run({ [card.graph.input]: new ort.Tensor('float32', values, card.graph.shape) });
console.log(JSON.stringify([...out[card.graph.output].data]));
`;

/** The metadata property of an ONNX file (ModelProto.metadata_props, field 14), '' where there is none. */
export function metadataOf(bytes: Buffer, key: string): string {
  for (const property of fieldsOf(bytes, 14)) {
    const [[name], [value]] = [fieldsOf(property, 1), fieldsOf(property, 2)];
    if (name?.toString() === key) return value?.toString() ?? '';
  }
  return '';
}

/** Length-delimited fields of a number in a protobuf message. */
function fieldsOf(bytes: Buffer, wanted: number): Buffer[] {
  const found: Buffer[] = [];
  let at = 0;
  const varint = (): number => {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = bytes[at++]!;
      value += (byte & 127) * scale;
      if (byte < 128) return value;
    }
  };
  while (at < bytes.length) {
    const tag = varint();
    const [field, kind] = [Math.floor(tag / 8), tag % 8];
    if (kind === 0) varint();
    else if (kind === 1) at += 8;
    else if (kind === 5) at += 4;
    else {
      const length = varint();
      if (field === wanted) found.push(bytes.subarray(at, at + length));
      at += length;
    }
  }
  return found;
}

/** Probabilities of an axial CT slice, given the graph and the metadata that is in it. */
export function predictOutside(graph: string, card: string, image: string): number[] {
  const pixels = execFileSync('/usr/bin/python3', ['-c', preprocess, image], { input: card });
  const printed = execFileSync(process.execPath, ['--input-type=module', '-e', run, graph], {
    input: pixels,
    env: { ...process.env, CARD: card },
    cwd: import.meta.dirname,
  });
  return JSON.parse(printed.toString()) as number[];
}
