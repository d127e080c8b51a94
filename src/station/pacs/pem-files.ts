// The PEM files of TLS settings, looked at when they are set: what OpenSSL would say of them later helps nobody.
import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createSecureContext } from 'node:tls';
import { fileSystemReason } from '../library/file-walk.ts';
import { pacsFault } from './faults.ts';

/** What an authority file holds: one certificate or several. @throws Fault 662 */
export function readAuthority(file: string): string {
  const pem = readPem(file);
  certificateIn(file, pem);
  try {
    createSecureContext({ ca: pem });
  } catch {
    throw pacsFault.fileUnusable(file, 'one of its certificates is damaged');
  }
  return pem;
}

/** A certificate with its own key, in PEM. @throws Fault 662 (one of the files), 676 (they do not belong together). */
export function readIdentity(certificateFile: string, keyFile: string): { cert: string; key: string } {
  const [cert, key] = [readPem(certificateFile), readPem(keyFile)];
  if (!certificateIn(certificateFile, cert).checkPrivateKey(keyIn(keyFile, key)))
    throw pacsFault.keyOfAnother(certificateFile, keyFile);
  try {
    createSecureContext({ cert, key });
  } catch (error) {
    throw pacsFault.fileUnusable(certificateFile, unsafeReason(error));
  }
  return { cert, key };
}

function readPem(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    const isFolder = (error as { code?: unknown }).code === 'EISDIR';
    throw pacsFault.fileUnusable(file, isFolder ? 'it is a folder' : fileSystemReason(error));
  }
}

function certificateIn(file: string, pem: string): X509Certificate {
  if (!pem.includes('-----BEGIN CERTIFICATE-----')) {
    const other = pem.includes('PRIVATE KEY-----')
      ? 'it holds a private key and no certificate'
      : 'it holds no certificate';
    throw pacsFault.fileUnusable(file, other);
  }
  try {
    return new X509Certificate(pem);
  } catch {
    throw pacsFault.fileUnusable(file, 'its certificate is damaged');
  }
}

function keyIn(file: string, pem: string): KeyObject {
  if (!pem.includes('PRIVATE KEY-----')) {
    const other = pem.includes('-----BEGIN CERTIFICATE-----')
      ? 'it holds a certificate and no key'
      : 'it holds no private key';
    throw pacsFault.fileUnusable(file, other);
  }
  if (/ENCRYPTED/.test(pem))
    throw pacsFault.fileUnusable(file, 'its key is protected by a passphrase; save the key without one');
  try {
    return createPrivateKey(pem);
  } catch {
    throw pacsFault.fileUnusable(file, 'its private key is damaged');
  }
}

function unsafeReason(error: unknown): string {
  const { code } = error as { code?: unknown };
  if (typeof code === 'string' && /KEY_TOO_SMALL|MD_TOO_WEAK/.test(code))
    return 'its key or signature is too weak to be safe';
  return 'TLS cannot be spoken with it';
}
