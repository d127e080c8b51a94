// A client's frames carry a mask of zeros: RFC 6455 §10.3 asks for one that nobody can foresee so that a script in a browser cannot write
// what a proxy on the way takes for a request of its own. What is sent here is a site's own, and travels within TLS or never leaves the
// machine (invite links allow nothing else). A real mask costs each end a pass over all bytes, and the sender a copy of them.

/** For `new WebSocket`: servers tell a mask of zeros, and leave the bytes as they are. */
export const zeroMask = {
  generateMask(mask: Buffer): void {
    mask.fill(0);
  },
} as const;
