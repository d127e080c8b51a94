// Section 11 of docs/protocol.md, tried on a site that calls at the kit: another member, which the kit plays too, listens on this machine,
// and the site is told of it as a hub tells. Each check leaves the site calling again.
import { createServer } from 'node:https';
import { Fault } from '../../contract/fault.ts';
import { createDeviceKeys, type DeviceKeys } from '../protocol/device-keys.ts';
import { openDoor } from '../protocol/door.ts';
import type { Member } from '../protocol/messages.ts';
import { readSiteCard, type Signed, signStatement } from '../protocol/statement.ts';
import { certificatePem, createPeerCertificate } from '../site/peer-certificate.ts';
import { type Check, inTime, must } from './check.ts';
import { welcomed } from './site-checks.ts';
import { type Caller, callerOf, type SiteUnderTest } from './site-under-test.ts';

/** That a site does not dial is seen once it has not for so long: it dials at once what it dials. */
const staysAwayMs = 5_000;

interface ListeningPeer {
  readonly keys: DeviceKeys;
  /** Its word on where it listens. `changes` are what a check has wrong in it. */
  address(changes?: { readonly signedBy?: DeviceKeys; readonly certificate?: string }): Signed;
  /** As the hub tells of it. */
  member(address: Signed): Member;
  /** The next call, and the path that it asks for. @throws Nonconformity where none comes */
  nextCall(): Promise<Caller & { readonly path: string }>;
  calls(ms: number): Promise<boolean>;
}

/** Runs `work` with a member that listens, under a certificate of its own. */
async function besidePeer({ keys: hub }: SiteUnderTest, work: (peer: ListeningPeer) => Promise<void>): Promise<void> {
  const keys = createDeviceKeys();
  const { privateKey, certificate } = createPeerCertificate();
  const waiting: (Caller & { readonly path: string })[] = [];
  let wake = (): void => {};
  const server = createServer({ key: privateKey, cert: certificatePem(certificate), minVersion: 'TLSv1.3' });
  const door = openDoor({
    server,
    maxStrangers: 16,
    cannotListen: (reason) =>
      new Fault({ code: 500, message: `The test cannot listen on this machine: ${reason}.`, retry: 'later' }),
    welcome(socket, path) {
      waiting.push({ ...callerOf(socket, keys), path });
      wake();
      return Promise.resolve();
    },
  });
  // What a wrong certificate breaks off is no connection yet.
  server.on('tlsClientError', () => {});
  const port = await door.open(0, '127.0.0.1');
  const called = new Promise<void>((resolve) => (wake = resolve));
  const { publicKey, boxPublicKey, fingerprint: device } = keys;
  const card = signStatement('site-card', { site: 'Conformance test, a peer', publicKey, boxPublicKey }, keys);
  try {
    await work({
      keys,
      address: ({ signedBy = keys, certificate: named = certificate } = {}) => {
        const url = `wss://127.0.0.1:${port}`;
        return signStatement(
          'address',
          { hub: hub.fingerprint, device, sequence: 1, url, certificate: named },
          signedBy,
        );
      },
      member: (address) => ({ card, online: true, updates: 0, lastSeen: null, address }),
      async nextCall() {
        await inTime('A call of the site at its peer', called);
        return waiting.shift()!;
      },
      calls: async (ms) =>
        inTime('', called, ms).then(
          () => true,
          () => false,
        ),
    });
  } finally {
    door.close();
  }
}

/** A check that a site does not dial a peer of which it was told so. */
const staysAway = (what: string, address: (peer: ListeningPeer) => Signed): Check<SiteUnderTest> => ({
  section: '11.2',
  must: `not follow an address ${what}`,
  tried: (site) =>
    besidePeer(site, async (peer) => {
      const line = await welcomed(site, [peer.member(address(peer))]);
      const hasCalled = await peer.calls(staysAwayMs);
      line.socket.terminate();
      must(!hasCalled, 'It followed it.');
    }),
});

export const peerLineChecks: readonly Check<SiteUnderTest>[] = [
  {
    section: '11.4',
    must: 'dial a member whose address it was told, name the federation’s hub, bring no invite, and prove the key of its card',
    tried: (site) =>
      besidePeer(site, async (peer) => {
        const line = await welcomed(site, [peer.member(peer.address())]);
        const call = await peer.nextCall();
        const { request, socket } = await call.greet();
        must(call.path === `/peers/${site.keys.fingerprint}`, `It asked for ${call.path}.`);
        must(request.inviteCode === null, 'It brought the invite’s code.');
        must(readSiteCard(request.card).publicKey === line.request.publicKey, 'It is another device than at the hub.');
        socket.terminate();
        line.socket.terminate();
      }),
  },
  {
    section: '11.4',
    must: 'not say who it is to a peer that proves another key than the address names',
    tried: (site) =>
      besidePeer(site, async (peer) => {
        const line = await welcomed(site, [peer.member(peer.address())]);
        const call = await peer.nextCall();
        let hasSaid = false;
        await call
          .greet({
            keys: createDeviceKeys(),
            admit: () => {
              hasSaid = true;
            },
          })
          // It ends the line without a word, as it must.
          .catch(() => {});
        call.socket.terminate();
        line.socket.terminate();
        must(!hasSaid, 'It said who it is.');
      }),
  },
  staysAway('that another device signed', (peer) => peer.address({ signedBy: createDeviceKeys() })),
  staysAway('under another certificate than it names', (peer) =>
    peer.address({ certificate: createPeerCertificate().certificate }),
  ),
];
