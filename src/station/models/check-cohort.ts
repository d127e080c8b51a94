// Whether a model can be measured on a cohort, or trained further on it.
import type { Cohort } from '../../contract/cohort.ts';
import type { Model } from '../../contract/model.ts';
import { classLabels } from '../cohorts/build-dataset.ts';
import { modelFaults } from './faults.ts';

/** @throws Fault 233 (another task), 613 (a class that the model does not know) */
export function checkCohort(model: Pick<Model, 'task' | 'classes'>, cohort: Pick<Cohort, 'task' | 'classes'>): void {
  if (cohort.task !== model.task) throw modelFaults.otherTask(model.task, cohort.task);
  classLabels(cohort, model.classes);
}
