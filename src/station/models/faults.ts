// Faults of models: codes 230–255. A retired code keeps its line as a tombstone.
import { Fault } from '../../contract/fault.ts';

export const modelFaults = {
  unknownModel: (id: string) =>
    new Fault({
      code: 230,
      message: `There is no model ${id.slice(0, 64)}. The list of models tells which there are.`,
      retry: 'never',
    }),
  noneTrained: () =>
    new Fault({
      code: 250,
      message: 'No model was trained here yet, so there is none to show. Train one, then show it.',
      retry: 'never',
    }),
  fileUnreadable: (why: string) =>
    new Fault({ code: 231, message: `The model file cannot be read: ${why}. Check its path.`, retry: 'later' }),
  fileDamaged: (why: string) =>
    new Fault({
      code: 232,
      message: `This file is no model that can be trusted: ${why}. Nothing of it was kept; ask its author for it again.`,
      retry: 'never',
    }),
  otherTask: (model: string, cohort: string) =>
    new Fault({
      code: 233,
      message: `The model is made for ${model}, the cohort for ${cohort}. Choose a cohort of the model’s task.`,
      retry: 'never',
    }),
  notWritten: (why: string) =>
    new Fault({ code: 234, message: `The model could not be written: ${why}. Choose another place.`, retry: 'later' }),
  withoutDefinition: () =>
    new Fault({
      code: 235,
      message:
        'This model was made by an earlier version that did not keep its network. Train it again to use it here.',
      retry: 'never',
    }),
  busy: () =>
    new Fault({
      code: 236,
      message: 'A model is already being run. Wait for it to end, or cancel it.',
      retry: 'later',
    }),
  nothingChosen: () =>
    new Fault({
      code: 238,
      message: 'No image with pixel data was chosen. Choose studies, a series or a cohort that has images.',
      retry: 'never',
    }),
  tooMany: (images: number, most: number) =>
    new Fault({
      code: 239,
      message: `${images} images were chosen; at most ${most} can be run at once. Choose fewer studies.`,
      retry: 'never',
    }),
  noHeat: () =>
    new Fault({
      code: 240,
      message: 'A heat map shows where a classifier looked; this model draws masks and needs none.',
      retry: 'never',
    }),
  madeByModel: () =>
    new Fault({
      code: 252,
      message: 'A model made this itself: no model is run on it. Choose the images that it was made of.',
      retry: 'never',
    }),
  notOfThisSite: () =>
    new Fault({
      code: 241,
      message: 'This model was taken in from another site. Only its author can show it to the peers of a federation.',
      retry: 'never',
    }),
  notOfTask: (object: string, task: string) =>
    new Fault({
      code: 242,
      message: `A model for ${task} cannot be written as ${object}: masks are written as SEG, classes with their heat maps as SC. Choose another object.`,
      retry: 'never',
    }),
  imageUnreadable: (reason: string) =>
    new Fault({ code: 243, message: `The image cannot be read: ${reason}`, retry: 'later' }),
  unknownEvaluation: (id: number) =>
    new Fault({
      code: 244,
      message: `There is no evaluation ${id} any more: its model was deleted, or newer ones took its place. Measure the model again.`,
      retry: 'never',
    }),
  evaluationNotWritten: (code: string) =>
    new Fault({
      code: 245,
      message: `The evaluation could not be written: the system answered ${code}. Choose another place.`,
      retry: 'later',
    }),
  recordDamaged: (id: string) =>
    new Fault({
      code: 246,
      message: `The record of model ${id.slice(0, 64)} is damaged. Import the model’s file again to mend it, or delete it.`,
      retry: 'never',
    }),
  weightsDamaged: (id: string) =>
    new Fault({
      code: 251,
      message: `The weights of model ${id.slice(0, 64)} are damaged on the disk: nothing is done with them. Import the model’s file again to mend them, or delete the model.`,
      retry: 'never',
    }),
  isGraph: () =>
    new Fault({
      code: 249,
      message:
        'This is an ONNX graph, which is for other programs: nothing in it can be checked against a signature, so it is not taken in. Ask for the signed file (Export signed…, ending imagiq-model).',
      retry: 'never',
    }),
  membersDiffer: (what: string) =>
    new Fault({
      code: 253,
      message: `These models cannot vote together: ${what}. Choose the ensemble anew (\`imagiq peers select\`) and keep it again.`,
      retry: 'never',
    }),
  memberGone: (ensemble: string, member: string) =>
    new Fault({
      code: 254,
      message: `Model ${member.slice(0, 64)}, which votes in the ensemble ${ensemble.slice(0, 64)}, is not here any more. Keep the ensemble again (\`imagiq peers keep ensemble\`), or run one of the members that are left.`,
      retry: 'never',
    }),
  isEnsemble: (members: readonly string[]) =>
    new Fault({
      code: 255,
      message: `An ensemble has no weights of its own: it is run and measured here, and neither exported, trained further nor shown to peers. Name one of its members: ${members.join(', ')}.`,
      retry: 'never',
    }),
  predictionsGone: () =>
    new Fault({
      code: 247,
      message: 'What the model said is not kept any more: it was run again since. Run it once more, then save.',
      retry: 'never',
    }),
  predictionsNotWritten: (code: string) =>
    new Fault({
      code: 248,
      message: `What the model said could not be written: the system answered ${code}. Choose another place.`,
      retry: 'later',
    }),
  cancelled: () =>
    new Fault({ code: 237, message: 'The work was cancelled. What it had written already stays.', retry: 'now' }),
} as const;
