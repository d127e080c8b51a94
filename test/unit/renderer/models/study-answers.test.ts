import { describe, expect, it } from 'vitest';
import type { Model } from '../../../../src/contract/model.ts';
import { answerWords, type Found, studyAnswers } from '../../../../src/renderer/models/study-answers.ts';

const image = (study: string, probabilities: number[], series = `${study}.1`): Found['images'][number] => ({
  studyInstanceUID: study,
  seriesInstanceUID: series,
  sopInstanceUID: `${study}.${probabilities.join('.')}`,
  frame: null,
  class: '',
  probabilities,
  votes: [],
  patientID: `P${study}`,
  file: `${study}.dcm`,
  split: null,
  truth: null,
  isTrainedOn: false,
});
const found = (
  images: Found['images'],
  failures: Found['failures'] = [],
): Pick<Found, 'classes' | 'images' | 'failures'> => ({ classes: ['normal', 'nodule'], images, failures });

const asked = (task: Model['task'], thresholds?: number[]): Pick<Model, 'task' | 'operatingPoint'> => ({
  task,
  operatingPoint: thresholds === undefined ? null : ({ thresholds } as NonNullable<Model['operatingPoint']>),
});

describe('what a model says of a study', () => {
  it('is the class of the highest mean over its images, opened where that is clearest', () => {
    const [one, ...others] = studyAnswers(
      found([image('1', [0.4, 0.6]), image('1', [0.2, 0.8], '1.2'), image('2', [0.9, 0.1])]),
      asked('classification'),
    );
    expect(one).toMatchObject({ answer: 'nodule', images: 2, seriesInstanceUID: '1.2', failed: 0 });
    expect(one!.probability).toBeCloseTo(0.7);
    expect(others.map(({ answer }) => answer)).toEqual(['normal']);
  });

  it('opens at the image of the largest mask, and at none where nothing was drawn', () => {
    const slices = [image('1', [0.9, 0.1]), image('1', [0.7, 0.3]), image('1', [0.95, 0.05]), image('2', [1, 0])];
    const [drawn, empty] = studyAnswers(found(slices), asked('segmentation'));
    expect(drawn?.clearest).toBe(slices[1]);
    expect(empty).toMatchObject({ clearest: null, seriesInstanceUID: '2.1' });
  });

  it('names every label that is more likely than not, or none', () => {
    const answers = studyAnswers(found([image('1', [0.6, 0.9]), image('2', [0.2, 0.3])]), asked('multi-label'));
    expect(answers.map(({ answer }) => answer)).toEqual(['nodule, normal', 'none (most: nodule)']);
    expect(answers[0]!.probability).toBeCloseTo(0.9);
    const byThreshold = studyAnswers(found([image('1', [0.6, 0.4])]), asked('multi-label', [0.7, 0.3]));
    expect(byThreshold[0]?.answer).toBe('nodule');
  });

  it('names what was drawn, however small, and never the background', () => {
    const answers = studyAnswers(found([image('1', [0.99, 0.01]), image('2', [1, 0])]), asked('segmentation'));
    expect(answers.map(({ answer, probability }) => [answer, probability])).toEqual([
      ['nodule', 0.01],
      ['nothing drawn', null],
    ]);
  });

  it('stands beside what the cohort says of its images', () => {
    const own = { split: 'test', truth: 'nodule' } as const;
    const images = [image('1', [0.9, 0.1]), image('1', [0.8, 0.2])].map((one) => ({ ...one, ...own }));
    const [one, two] = studyAnswers(
      found([...images, { ...image('2', [1, 0]), truth: 'normal' }, { ...image('2', [0.9, 0.1]), truth: 'nodule' }]),
      asked('classification'),
    );
    expect(one).toMatchObject({ split: 'test', truth: 'nodule' });
    expect(two).toMatchObject({ split: null, truth: 'normal / nodule' });
  });

  it('stays known where nothing could be read, with the reason', () => {
    const failures = [{ studyInstanceUID: '3', sopInstanceUID: '3.1', reason: 'It is damaged.' }];
    const answers = studyAnswers(found([image('1', [1, 0])], failures), asked('classification'));
    expect(answers[1]).toEqual({
      studyInstanceUID: '3',
      clearest: null,
      seriesInstanceUID: null,
      images: 0,
      answer: '–',
      probability: null,
      probabilities: [],
      truth: null,
      split: null,
      failed: 1,
      reason: 'It is damaged.',
    });
    expect(answerWords(answers)).toBe('2 studies, 1 image: normal in 1; – in 1');
  });

  it('has the share of each structure that was drawn, the largest first', () => {
    const [one] = studyAnswers(
      { classes: ['background', 'head', 'tail'], images: [image('1', [0.9, 0.02, 0.08])], failures: [] },
      asked('segmentation'),
    );
    expect(one).toMatchObject({ answer: 'tail, head', probability: 0.08, probabilities: [0.08, 0.02] });
  });

  it('is told once where all studies have the same', () => {
    const drawn = [image('1', [0.9, 0.1]), image('2', [0.8, 0.2])];
    expect(answerWords(studyAnswers(found(drawn), asked('segmentation')))).toBe(
      '2 studies, 2 images: nodule in all of them',
    );
    expect(answerWords(studyAnswers(found(drawn.slice(1)), asked('segmentation')))).toBe('1 study, 1 image: nodule');
  });

  it('sets a label that is a number apart from counts', () => {
    const digits = { classes: ['0', '1'], images: [image('1', [0.1, 0.9])], failures: [] };
    expect(answerWords(studyAnswers(digits, asked('classification')))).toBe('1 study, 1 image: class 1');
  });
});
