// The codecs compiled to WebAssembly: loaded when first needed, replaced after a crash, because a module that aborted keeps
// its memory in whatever state the abort left it.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { pixelFaults } from './faults.ts';

/** What every decoder of these packages offers; its buffers lie in the module's memory and die with `delete`. */
export interface WasmDecoder {
  getEncodedBuffer(length: number): Uint8Array;
  /** libjpeg-turbo's is clamped: copy it by `new Uint8Array`, not by `slice`. */
  getDecodedBuffer(): Uint8Array | Uint8ClampedArray;
  decode(): void;
  getFrameInfo(): WasmFrameInfo;
  getInterleaveMode?(): number;
  delete(): void;
}

export interface WasmFrameInfo {
  readonly width: number;
  readonly height: number;
  readonly bitsPerSample: number;
  readonly componentCount: number;
  readonly isSigned?: boolean;
}

interface WasmModule {
  readonly [decoder: string]: unknown;
}

/** The packages are CommonJS; they are named in full so that tools see that they are used. */
const require = createRequire(import.meta.url);

interface Codec {
  readonly name: string;
  readonly script: () => unknown;
  /** The path of its WebAssembly. */
  readonly wasm: () => string;
  readonly decoder: string;
}

const codecs = {
  jpeg: {
    name: 'JPEG',
    script: () => require('@cornerstonejs/codec-libjpeg-turbo-8bit/decodewasmjs'),
    wasm: () => require.resolve('@cornerstonejs/codec-libjpeg-turbo-8bit/decodewasm'),
    decoder: 'JPEGDecoder',
  },
  jpegLs: {
    name: 'JPEG-LS',
    script: () => require('@cornerstonejs/codec-charls/decodewasmjs'),
    wasm: () => require.resolve('@cornerstonejs/codec-charls/decodewasm'),
    decoder: 'JpegLSDecoder',
  },
  jpeg2000: {
    name: 'JPEG 2000',
    script: () => require('@cornerstonejs/codec-openjpeg/decodewasmjs'),
    wasm: () => require.resolve('@cornerstonejs/codec-openjpeg/decodewasm'),
    decoder: 'J2KDecoder',
  },
  htj2k: {
    name: 'High-Throughput JPEG 2000',
    script: () => require('@cornerstonejs/codec-openjph/wasmjs'),
    wasm: () => require.resolve('@cornerstonejs/codec-openjph/wasm'),
    decoder: 'HTJ2KDecoder',
  },
  jpegXl: {
    name: 'JPEG XL',
    script: () => require('@cornerstonejs/codec-libjxl/decodewasmjs'),
    wasm: () => require.resolve('@cornerstonejs/codec-libjxl/decodewasm'),
    decoder: 'JpegXLDecoder',
  },
} as const satisfies Record<string, Codec>;

export type CodecName = keyof typeof codecs;

export interface WasmCodecs {
  /**
   * Decodes `encoded` and hands the decoder to `take`, which must copy what it keeps.
   * @throws Fault 155 with the codec's own words where the bytes cannot be decoded.
   */
  decode<Result>(
    codec: CodecName,
    encoded: Uint8Array,
    take: (decoder: WasmDecoder, info: WasmFrameInfo) => Result,
  ): Promise<Result>;
}

/** The engine's own, as far as it is used: its types come only with a browser's. */
declare const WebAssembly: {
  compile(bytes: Uint8Array): Promise<CompiledWasm>;
  instantiate(module: CompiledWasm, imports: object): Promise<object>;
};
interface CompiledWasm {
  readonly [Symbol.toStringTag]: 'WebAssembly.Module';
}

type Load = (options: object) => Promise<WasmModule>;

/** Codecs of one thread. Nothing is loaded until it is needed. */
export function openWasmCodecs(): WasmCodecs {
  const loaded = new Map<CodecName, Promise<{ module: WasmModule; said: string[] }>>();
  const compiled = new Map<CodecName, Promise<CompiledWasm>>();

  const load = async (name: CodecName): Promise<{ module: WasmModule; said: string[] }> => {
    const codec = codecs[name];
    const factory = codec.script() as Load | { default: Load };
    // Compiled once: a module is instantiated anew after every damaged frame.
    const compiling = compiled.get(name) ?? WebAssembly.compile(readFileSync(codec.wasm()));
    compiled.set(name, compiling);
    const wasm = await compiling;
    const said: string[] = [];
    const say = (line: string): void => {
      if (said.length < 8 && !line.startsWith('[INFO]')) said.push(line);
    };
    const module = await (typeof factory === 'function' ? factory : factory.default)({
      instantiateWasm: (imports: object, done: (instance: object) => void) => {
        void WebAssembly.instantiate(wasm, imports).then(done);
        return {};
      },
      // The codecs write to the console; their complaints are kept as the reason instead.
      print: say,
      printErr: say,
    });
    return { module, said };
  };

  return {
    async decode(name, encoded, take) {
      const ready = loaded.get(name) ?? load(name);
      loaded.set(name, ready);
      // A codec that cannot be loaded now (no memory, no file handle) is tried again for the next frame.
      const { module, said } = await ready.catch((thrown: unknown) => {
        loaded.delete(name);
        throw pixelFaults.crashed(reasonOf(thrown, [], {}));
      });
      said.length = 0;
      const Decoder = module[codecs[name].decoder] as new () => WasmDecoder;
      let decoder: WasmDecoder | null = null;
      try {
        decoder = new Decoder();
        decoder.getEncodedBuffer(encoded.length).set(encoded);
        decoder.decode();
        const info = decoder.getFrameInfo();
        // OpenJPEG and OpenJPH complain on the console and hand out an image of no size.
        if (info.width === 0 || info.componentCount === 0) throw new Error('it breaks off or is damaged');
        const result = take(decoder, info);
        decoder.delete();
        return result;
      } catch (thrown) {
        loaded.delete(name);
        throw pixelFaults.damaged(codecs[name].name, reasonOf(thrown, said, module));
      }
    },
  };
}

function reasonOf(thrown: unknown, said: readonly string[], module: WasmModule): string {
  // They mark their lines, and the first says most: [ERROR] …, ojph error 0x00050065 at file.cpp:12: …
  const first = said
    .map((line) => line.replace(/^\s*(\[(ERROR|WARNING|INFO)\]|ojph \w+ 0x[0-9a-f]+ at [^ ]+:)\s*/i, ''))
    .map((line) => line.replace(/\s+/g, ' ').replace(/[.!\s]+$/, ''))
    .find((line) => line !== '');
  if (first !== undefined) return `it breaks off or is damaged (${first.slice(0, 300)})`;
  if (thrown instanceof Error) return thrown.message.slice(0, 300);
  // Emscripten throws a C++ exception as its address.
  const read = module['getExceptionMessage'];
  if (typeof read === 'function') {
    const message: unknown = (read as (at: unknown) => unknown)(thrown);
    return String(Array.isArray(message) ? message[1] : message).slice(0, 300);
  }
  return 'it breaks off or is damaged';
}
