// Numbers that both ends of the wire agree on (docs/protocol.md, section 2).

/** The WebSocket subprotocol is the version: an unknown one is refused before anything is said. */
export const wireVersion = 'imagiq.sync.v1';

/** What an end may say beyond the first version of the wire: named in the handshake, said only to one that named it too. */
export const wireFeature = {
  projectAnswers: 'project-answers',
  ledgerHeads: 'ledger-heads',
  turnsDone: 'turns-done',
  /** Hears which of its accepted updates are never counted. */
  discards: 'discards',
  /** Keeps the hub's certificates of membership, shows them to its peers and asks theirs. */
  certificates: 'certificates',
  /** Trains and sends as a project with these fields asks. A hub takes no update from a site that does not. */
  siteNormalisation: 'site-normalisation',
  controlVariates: 'control-variates',
} as const;
export const wireFeatures: readonly string[] = Object.values(wireFeature);

export const wireLimits = {
  /** Most bytes of a blob that one binary frame may hold. */
  chunkBytes: 256 * 1024,
  /** As many as a sender puts into one: a frame that a cut tore is sent again whole, and each costs an acknowledgement. */
  sentChunkBytes: 128 * 1024,
  /** Bytes that may be on their way without an acknowledgement. */
  windowBytes: 2 * 1024 * 1024,
  /** Received bytes of all connections that may wait for the disk before their connections are read no more. */
  unwrittenBytes: 8 * 1024 * 1024,
  /** The sender waits while the socket holds more unsent bytes than this. */
  bufferedBytes: 1024 * 1024,
  /** Unsent bytes of all kinds at which the other end counts as not reading, and the connection ends: four large messages above `bufferedBytes`. */
  unreadBytes: 8 * 1024 * 1024,
  /** Largest frame accepted: a chunk with its header, or one control message. */
  frameBytes: 1024 * 1024 + 64,
  /** Largest frame that a hub takes of a site that it has not let in. */
  handshakeFrameBytes: 64 * 1024,
  /** What may wait at a site until the hub has proven who it is and the site takes its news. */
  greetingBytes: 16 * 1024 * 1024,
  /** Of a list of members in one message: a longer one is said in several. */
  listBytes: 768 * 1024,
  /** Largest blob that is accepted anywhere. */
  blobBytes: 1024 * 1024 * 1024,
  /** Blobs on their way at once, in each direction of a connection. */
  transfers: 4,
  handshakeMs: 10_000,
  /** A request unanswered for so long, or a transfer without progress, has failed. */
  idleMs: 60_000,
  pingMs: 20_000,
  /** Pings that may stay unanswered before the connection counts as dead. */
  missedPings: 3,
  firstRetryMs: 250,
  retryFromMs: 1_000,
  retryToMs: 60_000,
  /** Control messages that one site may send within `messageWindowMs`. */
  messages: 2_000,
  messageWindowMs: 10_000,
  /** Control messages of one connection that may be unanswered at a time, and their characters in all: more is flooding too. */
  unanswered: 256,
  unansweredCharacters: 16 * 1024 * 1024,
  members: 1_000,
  /** Updates of a site that were discarded, in one message: the newest. */
  discards: 50,
  /** `address` statements in one message. */
  addresses: 200,
  /** Branches of models that one author shows in a project (section 8): more are refused. */
  branches: 16,
  /** Sites of a masked buffer: the shares that they deal each other fit into one control message. */
  maskedBufferSites: 40,
} as const;
