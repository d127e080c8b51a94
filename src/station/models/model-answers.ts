// The calls about models, answered.
import type { Answers } from '../../contract/calls.ts';
import type { modelCalls } from '../../contract/model.ts';
import type { Station } from '../open-station.ts';

export function modelAnswers({ models, modelWork, ledger, onEvent }: Station): Answers<keyof typeof modelCalls> {
  return {
    models: () => ({ models: models.list() }),
    model: ({ id }) => {
      const { model, definition } = models.get(id);
      return { model, definition };
    },
    'evaluate-model': (request) => modelWork.evaluate(request),
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
      ledger.append('model-deleted', { model: id });
      onEvent('library-changed', {});
      return {};
    },
  };
}
