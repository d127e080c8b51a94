// Builds an ONNX graph node by node. Equal constants are stored once, and equal computations are done once.
import {
  elementTypes,
  encodeModel,
  type AttributeValue,
  type OnnxInitializer,
  type OnnxNode,
  type OnnxPort,
} from './model-bytes.ts';

export type Attributes = Readonly<Record<string, AttributeValue>>;

export class GraphBuilder {
  readonly #nodes: OnnxNode[] = [];
  readonly #initializers = new Map<string, OnnxInitializer>();
  readonly #inputs: OnnxPort[] = [];
  readonly #outputs: (OnnxPort & { readonly value: string })[] = [];
  readonly #computed = new Map<string, readonly string[]>();
  #count = 0;

  input(name: string, shape: readonly number[]): string {
    this.#inputs.push({ name, shape });
    return name;
  }

  /** Adds a node with one result. @param operator of ONNX, or of another domain: `domain:Operator` */
  node(operator: string, inputs: readonly string[], attributes: Attributes = {}): string {
    return this.nodes(operator, inputs, attributes, 1)[0]!;
  }

  /** Adds a node with several results. */
  nodes(operator: string, inputs: readonly string[], attributes: Attributes, results: number): readonly string[] {
    const key = JSON.stringify([operator, inputs, attributes, results]);
    const known = this.#computed.get(key);
    if (known !== undefined) return known;
    const [domain, name] = operator.includes(':') ? (operator.split(':') as [string, string]) : ['', operator];
    const outputs = Array.from({ length: results }, () => `${name}_${(this.#count += 1)}`);
    this.#nodes.push({ operator: name, domain, inputs, outputs, attributes });
    this.#computed.set(key, outputs);
    return outputs;
  }

  integers(values: readonly number[]): string {
    const bytes = new Uint8Array(BigInt64Array.from(values, BigInt).buffer);
    return this.#constant(`i:${values.join()}`, [values.length], elementTypes.int64, bytes);
  }

  scalar(value: number): string {
    return this.floats(new Float32Array([value]), []);
  }

  floats(values: Float32Array, shape: readonly number[]): string {
    const key = `f:${shape.join()}:${values.length <= 64 ? values.join() : Buffer.from(values.buffer, values.byteOffset, values.byteLength).toString('base64')}`;
    return this.#constant(key, shape, elementTypes.float32, new Uint8Array(values.slice().buffer));
  }

  reshape(value: string, shape: readonly number[]): string {
    return this.node('Reshape', [value, this.integers(shape)]);
  }

  transpose(value: string, order: readonly number[]): string {
    return this.node('Transpose', [value], { perm: order });
  }

  /** Declares `value` as an output of the graph under another name. */
  output(name: string, value: string, shape: readonly number[]): void {
    this.#outputs.push({ name, shape, value });
  }

  bytes(): Uint8Array {
    const produced = new Set(this.#nodes.flatMap(({ outputs }) => outputs));
    // A producer writes straight into the output's buffer, under its name; what is an input of the graph or has such a
    // name already is copied.
    const renamed = new Map<string, string>();
    const copies: OnnxNode[] = [];
    for (const { name, value } of this.#outputs) {
      if (produced.has(value) && !renamed.has(value)) renamed.set(value, name);
      else copies.push({ operator: 'Identity', domain: '', inputs: [value], outputs: [name], attributes: {} });
    }
    const rename = (names: readonly string[]) => names.map((name) => renamed.get(name) ?? name);
    return encodeModel({
      nodes: [...this.#nodes, ...copies].map((node) => ({
        ...node,
        inputs: rename(node.inputs),
        outputs: rename(node.outputs),
      })),
      initializers: [...this.#initializers.values()],
      inputs: this.#inputs,
      outputs: this.#outputs,
    });
  }

  #constant(
    key: string,
    shape: readonly number[],
    elementType: OnnxInitializer['elementType'],
    bytes: Uint8Array,
  ): string {
    const known = this.#initializers.get(key);
    if (known !== undefined) return known.name;
    const name = `constant_${this.#initializers.size}`;
    this.#initializers.set(key, { name, shape, elementType, bytes });
    return name;
  }
}
