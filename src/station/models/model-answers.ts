// The calls about models, answered.
import { randomUUID } from 'node:crypto';
import type { Answers, CallOutput } from '../../contract/calls.ts';
import type { modelEvaluationCalls } from '../../contract/model-evaluation.ts';
import type { modelCalls } from '../../contract/model.ts';
import type { Station } from '../open-station.ts';
import { writeText } from '../write-text.ts';
import { modelFaults } from './faults.ts';
import { evaluationText } from './evaluation-file.ts';
import { predictionsText } from './predictions-file.ts';

export function modelAnswers({
  models,
  modelWork,
  evaluations,
  ledger,
  onEvent,
}: Station): Answers<keyof typeof modelCalls | keyof typeof modelEvaluationCalls> {
  /** Predictions are not kept: the last ones can be saved while the program runs. */
  let last: CallOutput<'predict-studies'> | null = null;
  return {
    models: () => ({ models: models.list(), damaged: models.damaged() }),
    model: ({ id }) => {
      const ensemble = models.list().find((model) => model.isEnsemble && model.id === id);
      if (ensemble !== undefined) return { model: ensemble, definition: null };
      const { model, definition } = models.get(id);
      return { model, definition };
    },
    'evaluate-model': async (request) => {
      const { report, operatingPoint, members, cohort } = await modelWork.evaluate(request);
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
        members: [...members],
      });
      return { report, operatingPoint, members: [...members], evaluation: id };
    },
    'model-evaluations': ({ model }) => ({ evaluations: evaluations.list(model) }),
    'model-evaluation': ({ id }) => evaluations.get(id),
    'save-model-evaluation': ({ id, file }) => {
      const text = evaluationText(evaluations.get(id), file.toLowerCase().endsWith('.json') ? 'json' : 'csv');
      return writeText(file, text, modelFaults.evaluationNotWritten);
    },
    'predict-studies': async (request) => {
      const found = { run: randomUUID(), ...(await modelWork.predict(request)) };
      last = found;
      const { images, failures, writtenNow: written } = found;
      ledger.append('model-run', { model: request.id, images: images.length, failures: failures.length, written });
      if (written > 0) onEvent('library-changed', {});
      return found;
    },
    'save-predictions': ({ run, file }) => {
      if (last?.run !== run) throw modelFaults.predictionsGone();
      return writeText(file, predictionsText(last), modelFaults.predictionsNotWritten);
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
      const { model, isKnown } = modelWork.import(file);
      if (isKnown) return { ...model, isKnown };
      ledger.append('model-imported', { model: model.id, author: model.author?.fingerprint ?? '' });
      onEvent('library-changed', {});
      return { ...model, isKnown };
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
