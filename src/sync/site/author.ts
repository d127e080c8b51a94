// A site as an author: signs what it made with its device's key, and checks what others signed. What is signed for one
// purpose is nothing for another: each has its domain.
import { fingerprintOf, isSignatureOf, signatureOf } from '../protocol/device-keys.ts';
import { type KeySealing, plainSealing } from './key-sealing.ts';
import { openSiteKeys } from './site-keys.ts';

export interface Author {
  readonly publicKey: string;
  /** SHA-256 (hex) of the raw public key. */
  readonly fingerprint: string;
  sign(domain: string, statement: string): string;
  isSigned: typeof isSignedBy;
}

/** The author of a federation folder: the same device that its hubs know. @throws Fault 460, 467 when its keys do not open. */
export function openAuthor(folder: string, sealing: KeySealing = plainSealing): Author {
  const { publicKey, fingerprint, signingKey } = openSiteKeys(`${folder}/keys`, sealing);
  return {
    publicKey,
    fingerprint,
    sign: (domain, statement) => signatureOf(signedBytes(domain, statement), signingKey),
    isSigned: isSignedBy,
  };
}

/** Whether the key that has this fingerprint signed the statement. */
export function isSignedBy(
  { publicKey, fingerprint, signature }: { publicKey: string; fingerprint: string; signature: string },
  domain: string,
  statement: string,
): boolean {
  return (
    fingerprintOf(publicKey) === fingerprint && isSignatureOf(signedBytes(domain, statement), signature, publicKey)
  );
}

function signedBytes(domain: string, statement: string): Uint8Array {
  return Buffer.from(`${domain}\n${statement}`, 'utf8');
}
