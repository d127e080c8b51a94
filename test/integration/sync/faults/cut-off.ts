// Makes this process unable to reach ports of this machine, and its open lines to them end: a network that is partitioned. The product has
// no hooks for it. To be called before the product is loaded.
import net from 'node:net';

export interface CutOff {
  /** From now on exactly these are out of reach. */
  from(ports: readonly number[]): void;
}

export function openCutOff(): CutOff {
  const open = new Map<net.Socket, number>();
  let beyond = new Set<number>();
  const connect = net.Socket.prototype.connect as (this: net.Socket, ...args: unknown[]) => net.Socket;
  net.Socket.prototype.connect = function (this: net.Socket, ...args: unknown[]) {
    // As net.connect() hands it on: [options, callback], or the options.
    const [first] = Array.isArray(args[0]) ? (args[0] as unknown[]) : args;
    const port = Number((first as { port?: unknown } | null)?.port ?? 0);
    open.set(this, port);
    this.once('close', () => open.delete(this));
    if (beyond.has(port)) {
      setImmediate(() => this.destroy(Object.assign(new Error('cut off'), { code: 'ENETUNREACH' })));
      return this;
    }
    return connect.apply(this, args);
  } as typeof net.Socket.prototype.connect;
  return {
    from(ports) {
      beyond = new Set(ports);
      for (const [socket, port] of open) if (beyond.has(port)) socket.destroy();
    },
  };
}
