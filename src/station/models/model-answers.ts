// The calls about models, answered.
import type { Answers } from '../../contract/calls.ts';
import type { modelEvaluationCalls } from '../../contract/model-evaluation.ts';
import type { modelCalls } from '../../contract/model.ts';
import { writeFileDurably } from '../home/durable-file.ts';
import type { Station } from '../open-station.ts';
import { modelFaults } from './faults.ts';
import { evaluationText } from './evaluation-file.ts';

export function modelAnswers({
  models,
  modelWork,
  evaluations,
  ledger,
  onEvent,
}: Station): Answers<keyof typeof modelCalls | keyof typeof modelEvaluationCalls> {
  return {
    models: () => ({ models: models.list(), damaged: models.damaged() }),
    model: ({ id }) => {
      const { model, definition } = models.get(id);
      return { model, definition };
    },
    'evaluate-model': async (request) => {
      const { report, operatingPoint, cohort } = await modelWork.evaluate(request);
      const { task, examples, patients, accuracy, auc, dice } = report.metrics;
      const { id } = evaluations.add({
        model: request.id,
        cohort: cohort.name,
        cohortHash: cohort.hash,
        split: request.split,
        measuredAt: new Date().toISOString(),
        sensitivity: request.sensitivity,
        task,
        examples,
        patients,
        accuracy,
        auc,
        dice,
        report,
        operatingPoint,
      });
      return { report, operatingPoint, evaluation: id };
    },
    'model-evaluations': ({ model }) => ({ evaluations: evaluations.list(model) }),
    'model-evaluation': ({ id }) => evaluations.get(id),
    'save-model-evaluation': ({ id, file }) => {
      const text = evaluationText(evaluations.get(id), file.toLowerCase().endsWith('.json') ? 'json' : 'csv');
      try {
        writeFileDurably(file, text);
      } catch (error) {
        throw modelFaults.evaluationNotWritten(
          error instanceof Error && 'code' in error ? String(error.code) : 'unknown',
        );
      }
      return { file, bytes: Buffer.byteLength(text) };
    },
    'predict-studies': async (request) => {
      const found = await modelWork.predict(request);
      const { images, failures, written } = found;
      ledger.append('model-run', { model: request.id, images: images.length, failures: failures.length, written });
      if (written > 0) onEvent('library-changed', {});
      return found;
    },
    'heat-map': (request, signal) => modelWork.heatMap(request, signal),
    'cancel-model-work': () => {
      modelWork.cancel();
      return {};
    },
    'export-model': async ({ id, file, format }) => {
      const bytes = await modelWork.export(id, file, format);
      ledger.append('model-exported', { model: id, format, bytes });
      return { file, bytes };
    },
    'import-model': ({ file }) => {
      const model = modelWork.import(file);
      ledger.append('model-imported', { model: model.id, author: model.author?.fingerprint ?? '' });
      onEvent('library-changed', {});
      return model;
    },
    'delete-model': ({ id }) => {
      models.delete(id);
      evaluations.forget(id);
      ledger.append('model-deleted', { model: id });
      onEvent('library-changed', {});
      return {};
    },
  };
}
