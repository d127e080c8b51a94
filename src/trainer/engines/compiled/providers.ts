// Which execution providers may be tried on this machine. A look at the machine comes first, because a runtime that
// finds no device may take seconds to say so.
import { existsSync, readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { listSupportedBackends } from 'onnxruntime-node';
import type { ProviderName } from '../engine.ts';

/** In order of preference; the CPU, which always works, comes last by itself. */
export const acceleratedProviders = ['cuda', 'dml', 'webgpu'] as const;
export type AcceleratedProvider = (typeof acceleratedProviders)[number];

/** The providers to try before the CPU for what was asked. */
export function candidates(asked: ProviderName): readonly AcceleratedProvider[] {
  if (asked === 'cpu') return [];
  return asked === 'auto' ? acceleratedProviders : [asked];
}

/** Why a provider cannot be here, or null when it is worth a try. */
export function reasonAgainst(provider: AcceleratedProvider): string | null {
  const known = listSupportedBackends().map(({ name }) => name);
  if (!known.includes(provider)) return 'this build of ONNX Runtime does not have it';
  if (provider === 'cuda' && !hasCudaLibrary()) return 'its libraries are not installed';
  if (provider === 'webgpu' && process.platform === 'linux' && !hasGraphicsDevice())
    return 'there is no graphics device';
  return null;
}

function hasCudaLibrary(): boolean {
  const root = dirname(createRequire(import.meta.url).resolve('onnxruntime-node/package.json'));
  const folder = join(root, 'bin', 'napi-v6', process.platform, process.arch);
  const name = process.platform === 'win32' ? 'onnxruntime_providers_cuda.dll' : 'libonnxruntime_providers_cuda.so';
  return existsSync(join(folder, name));
}

/** A render node, or a Vulkan driver named by hand (a software one in tests). */
function hasGraphicsDevice(): boolean {
  if (process.env['VK_ICD_FILENAMES'] || process.env['VK_DRIVER_FILES']) return true;
  try {
    return readdirSync('/dev/dri').some((name) => name.startsWith('renderD'));
  } catch {
    return false;
  }
}
