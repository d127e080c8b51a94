// The certificate under which a site listens for its peers: X.509, self-signed, ECDSA over P-256 (a curve that every TLS 1.3 end
// has). Nobody vouches for it but the device itself, in its signed `address` statement: peers trust this one certificate and no other.
import { createPublicKey, generateKeyPairSync, randomBytes, sign, type KeyObject } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import { Fault } from '../../contract/fault.ts';
import { writeFileDurably } from '../protocol/durable-file.ts';
import { siteFault } from './faults.ts';
import { keyFiles, type KeySealing } from './key-sealing.ts';

export interface PeerCertificate {
  /** PEM, for the TLS of this process only. */
  readonly privateKey: string;
  /** DER, base64: what peers are told. */
  readonly certificate: string;
}

const storedSchema = z.object({ version: z.literal(1), privateKey: z.string(), certificate: z.string() });

/** The certificate of this device, made at the first call. @throws Fault 460 when it is damaged, 467 when its seal does not open. */
export function openPeerCertificate(folder: string, sealing: KeySealing): PeerCertificate {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const file = path.join(folder, keyFiles.listening);
  if (existsSync(file)) {
    try {
      return storedSchema.parse(JSON.parse(Buffer.from(sealing.unsealKeys(readFileSync(file))).toString('utf8')));
    } catch (error) {
      throw error instanceof Fault ? error : siteFault.damagedKeys();
    }
  }
  const made = createPeerCertificate();
  writeFileDurably(file, sealing.sealKeys(Buffer.from(JSON.stringify({ version: 1, ...made }))), 0o600);
  return made;
}

/** What `node:tls` takes as the one certificate to trust. */
export function certificatePem(certificate: string): string {
  return `-----BEGIN CERTIFICATE-----\n${certificate.replace(/(.{64})/g, '$1\n').trimEnd()}\n-----END CERTIFICATE-----\n`;
}

/** A new one, kept nowhere. */
export function createPeerCertificate(): PeerCertificate {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return {
    privateKey: privateKey.export({ type: 'pkcs8', format: 'pem' }) as string,
    certificate: selfSigned(privateKey).toString('base64'),
  };
}

/** DER (ITU-T X.690) of a certificate (RFC 5280, 4.1). Its dates say nothing: it holds for as long as the device says so. */
function selfSigned(privateKey: KeyObject): Buffer {
  const publicKey = createPublicKey(privateKey);
  const algorithm = sequence(element(0x06, Buffer.from('2a8648ce3d040302', 'hex'))); // ecdsa-with-SHA256
  const commonName = sequence(element(0x06, Buffer.from('550403', 'hex')), element(0x0c, Buffer.from('ImagiQ site')));
  const name = sequence(element(0x31, commonName));
  const validity = sequence(element(0x17, Buffer.from('200101000000Z')), element(0x17, Buffer.from('491231235959Z')));
  // A serial number is positive: the first bit is 0, the second 1, so that no leading zero is to be dropped.
  const serial = randomBytes(16);
  serial[0] = (serial[0]! & 0x3f) | 0x40;
  const toBeSigned = sequence(
    element(0xa0, element(0x02, Buffer.from([2]))), // version 3
    element(0x02, serial),
    algorithm,
    name,
    validity,
    name,
    publicKey.export({ type: 'spki', format: 'der' }),
  );
  const signature = sign('sha256', toBeSigned, { key: privateKey, dsaEncoding: 'der' });
  return sequence(toBeSigned, algorithm, element(0x03, Buffer.concat([Buffer.from([0]), signature])));
}

const sequence = (...parts: readonly Uint8Array[]): Buffer => element(0x30, Buffer.concat(parts));

/** Tag, length, value. */
function element(tag: number, value: Uint8Array): Buffer {
  const { length } = value;
  const head =
    length < 0x80 ? [tag, length] : length < 0x100 ? [tag, 0x81, length] : [tag, 0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from(head), value]);
}
