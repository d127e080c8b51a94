// ONNX's protobuf messages, as far as a static graph of float tensors needs them.
// Source: onnx/onnx.proto of ONNX 1.16 (IR version 9).
import protobuf from 'protobufjs';

const repeated = 'repeated' as const;
const field = (type: string, id: number) => ({ type, id });
const many = (type: string, id: number) => ({ rule: repeated, type, id });

const root = protobuf.Root.fromJSON({
  nested: {
    AttributeProto: {
      fields: {
        name: field('string', 1),
        f: field('float', 2),
        i: field('int64', 3),
        s: field('bytes', 4),
        ints: { ...many('int64', 8), options: { packed: false } },
        type: field('int32', 20),
      },
    },
    NodeProto: {
      fields: {
        input: many('string', 1),
        output: many('string', 2),
        name: field('string', 3),
        opType: field('string', 4),
        attribute: many('AttributeProto', 5),
        domain: field('string', 7),
      },
    },
    TensorProto: {
      fields: {
        dims: { ...many('int64', 1), options: { packed: false } },
        dataType: field('int32', 2),
        name: field('string', 8),
        rawData: field('bytes', 9),
      },
    },
    Dimension: { fields: { dimValue: field('int64', 1) } },
    TensorShapeProto: { fields: { dim: many('Dimension', 1) } },
    TypeTensor: { fields: { elemType: field('int32', 1), shape: field('TensorShapeProto', 2) } },
    TypeProto: { fields: { tensorType: field('TypeTensor', 1) } },
    ValueInfoProto: { fields: { name: field('string', 1), type: field('TypeProto', 2) } },
    GraphProto: {
      fields: {
        node: many('NodeProto', 1),
        name: field('string', 2),
        initializer: many('TensorProto', 5),
        input: many('ValueInfoProto', 11),
        output: many('ValueInfoProto', 12),
      },
    },
    OperatorSetIdProto: { fields: { domain: field('string', 1), version: field('int64', 2) } },
    ModelProto: {
      fields: {
        irVersion: field('int64', 1),
        producerName: field('string', 2),
        graph: field('GraphProto', 7),
        opsetImport: many('OperatorSetIdProto', 8),
      },
    },
  },
});
const modelType = root.lookupType('ModelProto');

/** An attribute's value: an integer, integers, a text, or `{ float }`, since a number alone does not say which it is. */
export type AttributeValue = number | readonly number[] | string | { readonly float: number };

export interface OnnxNode {
  readonly operator: string;
  readonly domain: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: Readonly<Record<string, AttributeValue>>;
}

/** ONNX's numbers for element types. */
export const elementTypes = { float32: 1, int64: 7, bool: 9 } as const;

export interface OnnxInitializer {
  readonly name: string;
  readonly shape: readonly number[];
  readonly elementType: (typeof elementTypes)[keyof typeof elementTypes];
  readonly bytes: Uint8Array;
}

export interface OnnxPort {
  readonly name: string;
  readonly shape: readonly number[];
}

export interface OnnxGraph {
  readonly nodes: readonly OnnxNode[];
  readonly initializers: readonly OnnxInitializer[];
  readonly inputs: readonly OnnxPort[];
  readonly outputs: readonly OnnxPort[];
}

/** Version of the standard operators used: 17, which every ONNX Runtime of the last years knows. */
const operatorSetVersion = 17;

/** The bytes of a .onnx file. */
export function encodeModel(graph: OnnxGraph): Uint8Array {
  const port = ({ name, shape }: OnnxPort) => ({
    name,
    type: { tensorType: { elemType: elementTypes.float32, shape: { dim: shape.map((dimValue) => ({ dimValue })) } } },
  });
  const domains = new Set(graph.nodes.map(({ domain }) => domain).filter((domain) => domain !== ''));
  const model = {
    irVersion: 9,
    producerName: 'imagiq',
    opsetImport: [
      { domain: '', version: operatorSetVersion },
      // Only what is used: a reader may refuse a domain that it does not know.
      ...[...domains].map((domain) => ({ domain, version: 1 })),
    ],
    graph: {
      name: 'program',
      node: graph.nodes.map((node) => ({
        opType: node.operator,
        domain: node.domain,
        name: node.outputs[0],
        input: node.inputs,
        output: node.outputs,
        attribute: Object.entries(node.attributes).map(([name, value]) => encodeAttribute(name, value)),
      })),
      initializer: graph.initializers.map(({ name, shape, elementType, bytes }) => ({
        name,
        dims: shape,
        dataType: elementType,
        rawData: bytes,
      })),
      input: graph.inputs.map(port),
      output: graph.outputs.map(port),
    },
  };
  return modelType.encode(modelType.create(model)).finish();
}

function encodeAttribute(name: string, value: AttributeValue): object {
  if (typeof value === 'string') return { name, type: 3, s: new TextEncoder().encode(value) };
  if (typeof value === 'number') return { name, type: 2, i: value };
  if ('float' in value) return { name, type: 1, f: value.float };
  return { name, type: 7, ints: value };
}
