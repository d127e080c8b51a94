// A model as an ONNX inference graph that any runtime loads: one image of 0…1 in, probabilities out.
import * as tf from '@tensorflow/tfjs-core';
import type { ExportJob } from '../../contract/model-jobs.ts';
import { compileProgram } from '../compile/compile-program.ts';
import { withMetadata } from '../compile/onnx/model-metadata.ts';
import { writeFileDurably } from '../../disk/durable-file.ts';
import { exportNotWritten } from '../faults.ts';
import { inferenceNames, inferenceProgram } from '../networks/inference-program.ts';
import { planNetwork } from '../networks/plan.ts';
import type { Program } from '../networks/program.ts';
import { weightSpecifications } from '../networks/weights.ts';
import { readWeightsFile } from './weights-file.ts';

/** Writes the file, beside and renamed, and returns its bytes. @throws Fault 300–311 (network), 355 (weights), 366 (not written) */
export function exportModel({
  network,
  classes,
  weightsFile,
  mean,
  standardDeviation,
  metadata,
  file,
}: ExportJob): number {
  const plan = planNetwork(network, classes);
  const weights = readWeightsFile(weightsFile, weightSpecifications(network, classes));
  const inner = inferenceProgram(plan, 1);
  const program: Program = {
    inputs: inner.inputs.filter(({ name }) => name === inferenceNames.images),
    run(given) {
      const images = given.get(inferenceNames.images)!;
      const constants = plan.weights.map(
        ({ name, shape }) => [name, tf.tensor(weights.get(name)!, [...shape])] as const,
      );
      const normalised = tf.div(tf.sub(images, mean), standardDeviation);
      return inner.run(new Map([...constants, [inferenceNames.images, normalised]]));
    },
  };
  const { model } = compileProgram(program, { layoutOf: () => 'plain', processor: null });
  const bytes = withMetadata(model, metadata);
  try {
    writeFileDurably(file, bytes);
  } catch (error) {
    throw exportNotWritten(error);
  }
  return bytes.length;
}
