// What a project's page begins with: a new project, or the one of a file.
import { z } from 'zod';
import { trunkRuleSchema, updateFormSchema } from '../../contract/federation.ts';
import { newProjectValues } from '../../contract/project-draft.ts';
import { hyperParametersSchema } from '../../contract/training.ts';
import type { Draft } from './draft-path.ts';

const fileSchema = z.record(z.string(), z.unknown());

/** The schema's defaults, and those of the command line. */
export function newDraft(): Draft {
  const { commits, bufferSize, combination, staleness, stalenessEffect, sitesToStart, localEpochs, schedule, seed } =
    newProjectValues;
  return {
    id: '',
    title: '',
    classes: [],
    network: '',
    hyperParameters: hyperParametersSchema.parse({ epochs: localEpochs, schedule }),
    trunkRule: trunkRuleSchema.parse({ bufferSize, combination, staleness, stalenessEffect }),
    mode: { kind: 'trunk' },
    ...updateFormSchema.parse({}),
    siteNormalisation: false,
    controlVariates: false,
    peerModels: true,
    secureAggregation: null,
    sitesToStart,
    commits,
    seed,
  };
}

/**
 * A project's file as a draft. What its rule leaves out is shown as the hub will take it, and not as a new project has it; a rule
 * that is none stays as it is written, for the hub to say what is wrong. @throws Error when the text is no object in JSON
 */
export function draftOfFile(text: string): Draft {
  const given = fileSchema.parse(JSON.parse(text));
  const rule = trunkRuleSchema.safeParse(given['trunkRule']);
  return { ...newDraft(), ...given, ...(rule.success ? { trunkRule: rule.data } : {}) };
}
