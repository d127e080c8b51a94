// Faults of peers and of the receiver: codes 650–679. A retired code keeps its line as a tombstone.
// Messages name peers and UIDs, never a patient, a password, or an address with a password in it.
import { Fault } from '../../contract/fault.ts';

export const pacsFault = {
  unknownPeer: (peer: string) =>
    new Fault({
      code: 650,
      message: `There is no peer named ${peer}. Add it on the PACS screen, or choose one of the list.`,
      retry: 'never',
    }),
  transferRunning: () =>
    new Fault({
      code: 651,
      message: 'Another transfer is running. Wait for it to end or cancel it, then start this one.',
      retry: 'later',
    }),
  unreachable: (peer: string, why: string) =>
    new Fault({
      code: 652,
      message: `${peer} cannot be reached: ${why}. Check its address and port, and that a firewall lets them pass.`,
      retry: 'later',
    }),
  timedOut: (peer: string, seconds: number) =>
    new Fault({
      code: 653,
      message: `${peer} did not answer within ${seconds} s. Try again, or ask whoever looks after it.`,
      retry: 'later',
    }),
  /** TLS could not be agreed on, or the certificate is not one that this station trusts. */
  tls: (peer: string, why: string) =>
    new Fault({
      code: 654,
      message: `No secure connection to ${peer}: ${why}. Check its certificate, and the authority file chosen for it.`,
      retry: 'later',
    }),
  unauthorised: (peer: string) =>
    new Fault({
      code: 655,
      message: `${peer} does not let this station in: user name or password are wrong, or may not do this. Edit the peer.`,
      retry: 'later',
    }),
  /** HTTP 404 of a root that should have been a DICOMweb one. */
  noSuchPlace: (peer: string) =>
    new Fault({
      code: 656,
      message: `${peer} has nothing at this address. The address of a DICOMweb server ends where “/studies” begins; edit the peer.`,
      retry: 'later',
    }),
  notDicom: (peer: string, why: string) =>
    new Fault({
      code: 657,
      message: `${peer} answered with something that is not DICOM: ${why}. Check that its address is that of a DICOM server.`,
      retry: 'later',
    }),
  refused: (peer: string, why: string) => new Fault({ code: 658, message: `${peer} refused: ${why}.`, retry: 'later' }),
  /** An answer beyond what a peer may reasonably send. */
  tooLarge: (peer: string, what: string) =>
    new Fault({
      code: 659,
      message: `${peer} sent more than this station takes: ${what}. Ask for less at once.`,
      retry: 'never',
    }),
  /** The connection ended in the middle of an answer. What arrived whole is kept. */
  cutOff: (peer: string) =>
    new Fault({
      code: 660,
      message: `The connection to ${peer} broke off. What had arrived is kept; start again to fetch the rest.`,
      retry: 'now',
    }),
  /** Another server than the peer's own, which must not learn its password. */
  redirected: (peer: string, host: string) =>
    new Fault({
      code: 661,
      message: `${peer} sends this station on to another server (${host}). If that is right, enter that address for the peer.`,
      retry: 'never',
    }),
  fileUnusable: (file: string, why: string) =>
    new Fault({
      code: 662,
      message: `The file ${file} cannot be used: ${why}. Choose a readable PEM file.`,
      retry: 'later',
    }),
  peersDamaged: (file: string) =>
    new Fault({
      code: 663,
      message: `The list of peers, ${file}, is damaged. Restore it from a backup, or remove it and enter the peers again.`,
      retry: 'never',
    }),
  nothingToSend: () =>
    new Fault({
      code: 664,
      message: 'Nothing of this lies in this library. Look for it with `imagiq studies`, or in the study list.',
      retry: 'never',
    }),
  cancelled: () => new Fault({ code: 665, message: 'The transfer was cancelled.', retry: 'now' }),
  // 666 said that speaking DIMSE was not part of this version yet.
  noSuchStudy: (peer: string, what: 'study' | 'series' = 'study') =>
    new Fault({ code: 667, message: `${peer} holds no instances of this ${what}.`, retry: 'never' }),
  /** HTTP 404 of a WADO-RS question. */
  notHeld: (peer: string) =>
    new Fault({ code: 668, message: `${peer} does not hold these instances.`, retry: 'later' }),
  // 669: DICOMweb. 670–679: DIMSE and the receiver.
  portUnusable: (port: number, why: string) =>
    new Fault({
      code: 670,
      message: `The receiver cannot listen on port ${port}: ${why}. Choose another port, or end what uses it.`,
      retry: 'later',
    }),
  certificateIncomplete: () =>
    new Fault({
      code: 671,
      message: 'For TLS the receiver needs both a certificate file and a key file. Choose both, or none.',
      retry: 'never',
    }),
  /** The peer answered the association request with A-ASSOCIATE-RJ. */
  associationRejected: (peer: string, why: string) =>
    new Fault({ code: 672, message: `${peer} rejected the association: ${why}.`, retry: 'later' }),
  /** No presentation context of the wanted service was accepted. */
  notOffered: (peer: string, what: string) =>
    new Fault({ code: 673, message: `${peer} does not offer ${what}.`, retry: 'never' }),
  receiverOff: () =>
    new Fault({
      code: 674,
      message:
        'C-MOVE sends the instances to this station’s receiver, which does not listen. Turn it on (on the PACS screen, or `imagiq pacs receive`), or fetch with C-GET.',
      retry: 'later',
    }),
  fileBroken: (sopInstanceUID: string) =>
    new Fault({
      code: 675,
      message: `The file of instance ${sopInstanceUID} could not be read to its end. Check the drive that it lies on, then send the study again.`,
      retry: 'later',
    }),
  keyOfAnother: (certificateFile: string, keyFile: string) =>
    new Fault({
      code: 676,
      message: `The key in ${keyFile} does not belong to the certificate in ${certificateFile}. Choose the key that the certificate was made for.`,
      retry: 'never',
    }),
} as const;

/** For the report of a transfer that brings other series. */
export function absentSeries(peer: string, seriesInstanceUID: string): string {
  return `Series ${seriesInstanceUID}: ${pacsFault.noSuchStudy(peer, 'series').message}`;
}
