// What a project asks of its sites beyond what the first version of the wire knows, in words for the person at a site that cannot do it.
import type { Project } from '../../contract/federation.ts';
import { wireFeature } from '../protocol/limits.ts';

/** The first thing that a project asks for and a site with these features would leave out; null where it does all. */
export function unknownField(project: Project, features: readonly string[]): string | null {
  const asked = [
    {
      isAsked: project.siteNormalisation,
      feature: wireFeature.siteNormalisation,
      what: 'normalisation layers that stay at the sites (FedBN)',
    },
    { isAsked: project.controlVariates, feature: wireFeature.controlVariates, what: 'control variates (SCAFFOLD)' },
  ];
  return asked.find(({ isAsked, feature }) => isAsked && !features.includes(feature))?.what ?? null;
}
