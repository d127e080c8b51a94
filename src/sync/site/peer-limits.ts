// Numbers of the lines between sites.

export const peerLimits = {
  /** A peer that does not answer within this is reached through the hub for now. */
  dialMs: 4_000,
  /** A model offered on a line of its own that was not taken within this goes through the hub too, where there is one. */
  takeMs: 10_000,
  /** Lines that a site opens by itself: in a large federation the other peers are reached through the hub. */
  dialled: 32,
  /** Connections at the door that have not said who they are yet. */
  strangers: 32,
  /** Of the address, before the fingerprint of the federation's hub. */
  path: '/peers/',
} as const;
