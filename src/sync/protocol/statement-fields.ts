// Fields that statements of several kinds have.
import { z } from 'zod';
import { projectSchema } from '../../contract/federation.ts';

/** SHA-256 in hex. */
export const hashSchema = z.string().regex(/^[0-9a-f]{64}$/);
export const projectIdSchema = projectSchema.shape.id;
export const versionSchema = z.number().int().min(0).max(1_000_000);
export const instantSchema = z.string().max(40);
