// Metadata of an ONNX model: StringStringEntryProto in ModelProto.metadata_props (field 14 of onnx/onnx.proto).
// Messages of protobuf that follow one another are merged, so that the entries may stand after the model's own bytes.
import protobuf from 'protobufjs';

const { Writer } = protobuf;

/** The model's bytes with these properties. */
export function withMetadata(model: Uint8Array, properties: Readonly<Record<string, string>>): Uint8Array {
  const writer = Writer.create();
  for (const [key, value] of Object.entries(properties)) {
    writer.uint32((14 << 3) | 2).fork();
    writer.uint32((1 << 3) | 2).string(key);
    writer.uint32((2 << 3) | 2).string(value);
    writer.ldelim();
  }
  return Buffer.concat([model, writer.finish()]);
}
