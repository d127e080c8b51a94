// The benches that only a clone has (scripts/bench): they measure ImagiQ beside other programs, which a package does not bring along.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import { Fault } from '../contract/fault.ts';

export const cloneBenches = {
  federation: 'federations of eight hospitals on MedNIST against rounds and central training',
  aggregation: 'adding updates up, against numpy and a plain copy of memory',
  hub: 'one hub with a thousand sites and fifty uploads at once, beside a Python gRPC server',
} as const;
export type CloneBench = keyof typeof cloneBenches;

const figuresSchema = z.looseObject({
  measurements: z.array(
    z.looseObject({
      what: z.string(),
      ours: z.number(),
      unit: z.string(),
      peers: z.array(z.object({ name: z.string(), value: z.number() })),
      ratio: z.number().nullable(),
    }),
  ),
});
export type BenchFigures = z.infer<typeof figuresSchema>;

/**
 * Runs a bench in a process of its own; what it says on its way goes to stderr.
 * @param isQuick to see that it works, not to quote. @throws Fault 818 outside of a clone, 815 when it fails.
 */
export async function runCloneBench(name: CloneBench, isQuick: boolean): Promise<BenchFigures> {
  const script = path.resolve(import.meta.dirname, '../../scripts/bench.ts');
  if (!existsSync(script)) {
    throw new Fault({
      code: 818,
      message: `The bench ${name} comes with the sources of ImagiQ only. Clone the repository and run it there.`,
      retry: 'never',
    });
  }
  const child = spawn(process.execPath, [script, name, '--json', ...(isQuick ? ['--quick'] : [])], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let stdout = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  if (code === 0) return figuresSchema.parse(JSON.parse(stdout));
  throw new Fault({
    code: 815,
    message: `The bench ${name} did not come to its end; the lines above say why.`,
    retry: 'now',
  });
}
