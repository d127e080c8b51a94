import type { AssociateAccept, AssociateRequest } from './pdu.ts';

/** A presentation context that both ends agreed on. */
export interface AgreedContext {
  readonly id: number;
  readonly abstractSyntax: string;
  readonly transferSyntax: string;
}

/** Of the proposed ones those that were accepted, in a transfer syntax that was proposed for them. */
export function agreedContexts(request: AssociateRequest, accept: AssociateAccept): AgreedContext[] {
  const proposed = new Map(request.contexts.map((context) => [context.id, context]));
  return accept.contexts.flatMap(({ id, result, transferSyntax }) => {
    const context = proposed.get(id);
    if (context === undefined || result !== 0 || !context.transferSyntaxes.includes(transferSyntax)) return [];
    return [{ id, abstractSyntax: context.abstractSyntax, transferSyntax }];
  });
}
