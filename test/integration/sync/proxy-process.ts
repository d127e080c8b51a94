// A hospital's HTTP proxy, in a process of its own: CONNECT with or without a login, and the kinds that look into TLS. Whatever host is
// asked for, it leads to one port of this machine. Prints its port, then a line for each CONNECT.
import { createServer, type Socket } from 'node:net';
import net from 'node:net';
import tls from 'node:tls';

interface ProxyOrder {
  readonly upstreamPort: number;
  /** user:password */
  readonly login: string | null;
  readonly refuses?: boolean;
  /** Opens the TLS with a certificate of its own, believes anybody upstream, and looks at what passes. */
  readonly certificate: { readonly key: string; readonly cert: string } | null;
  /** Takes the request to upgrade out of what passes. */
  readonly stripsUpgrade: boolean;
}

const order = JSON.parse(process.argv[2] as string) as ProxyOrder;
const server = createServer((client) => {
  client.on('error', () => client.destroy());
  let head = '';
  const read = (piece: Buffer): void => {
    head += piece.toString('latin1');
    if (!head.includes('\r\n\r\n')) return;
    client.off('data', read);
    answer(client, head);
  };
  client.on('data', read);
});

function answer(client: Socket, head: string): void {
  const [, host = ''] = /^CONNECT (\S+) HTTP/.exec(head) ?? [];
  const login = /^proxy-authorization: basic (\S+)/im.exec(head)?.[1];
  const isLoggedIn = order.login === null || login === Buffer.from(order.login).toString('base64');
  console.log(`CONNECT ${host} ${isLoggedIn ? 'allowed' : 'denied'}`);
  if (order.refuses) return void client.end('HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n');
  if (!isLoggedIn) {
    client.end(
      'HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm="ward"\r\nContent-Length: 0\r\n\r\n',
    );
    return;
  }
  client.write('HTTP/1.1 200 Connection established\r\n\r\n');
  if (order.certificate === null) return join(client, net.connect(order.upstreamPort, '127.0.0.1'));
  const inside = new tls.TLSSocket(client, { isServer: true, ...order.certificate });
  const upstream = tls.connect({ port: order.upstreamPort, host: '127.0.0.1', rejectUnauthorized: false });
  inside.on('error', () => upstream.destroy());
  if (!order.stripsUpgrade) return join(inside, upstream);
  inside.once('data', (request: Buffer) => {
    upstream.write(request.toString('latin1').replace(/^(upgrade|connection): .*\r\n/gim, ''), 'latin1');
    join(inside, upstream);
  });
}

function join(one: Socket, other: Socket): void {
  for (const [from, to] of [
    [one, other],
    [other, one],
  ] as const) {
    from.on('error', () => to.destroy());
    from.on('close', () => to.destroy());
    from.pipe(to);
  }
}

server.listen(0, '127.0.0.1', () => console.log((server.address() as { port: number }).port));
