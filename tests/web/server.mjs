// A loopback server for tests: pages of web/, and files given by their bytes. It knows ranges, and counts what is asked for.
import { createServer } from 'node:http';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { root, wasm } from './native.mjs';

const types = {
  '.html': 'text/html', '.mjs': 'text/javascript', '.css': 'text/css', '.wasm': 'application/wasm',
  '.cmps': 'image/x-compass', '.jpg': 'image/jpeg', '.png': 'image/png',
};

export async function startServer() {
  const files = new Map();      // path to bytes
  const requests = [];          // {path, from, to}: bytes [from, to) were asked for, `to` being Infinity without a range
  const options = { ranges: true, bytesPerSecond: Infinity };

  async function send(response, bytes) {
    if (options.bytesPerSecond === Infinity) return response.end(bytes);
    const piece = Math.max(1, Math.ceil(options.bytesPerSecond / 50));
    for (let at = 0; at < bytes.length && !response.destroyed; at += piece) {
      response.write(bytes.subarray(at, at + piece));
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    response.end();
  }

  const server = createServer((request, response) => {
    const where = new URL(request.url, 'http://localhost').pathname;
    const onDisk = where === '/web/compass.wasm' ? wasm : path.join(root, path.normalize(where));
    const bytes = files.get(where) ?? (where.startsWith('/web/') && existsSync(onDisk) ? readFileSync(onDisk) : undefined);
    const range = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '');
    requests.push({ path: where, from: range ? Number(range[1]) : 0, to: range ? Number(range[2]) + 1 : Infinity });
    const headers = { 'Content-Type': types[path.extname(where)] ?? 'application/octet-stream', 'Cache-Control': 'no-store' };
    if (bytes === undefined) return response.writeHead(404).end();
    if (!range || !options.ranges || !files.has(where)) {
      response.writeHead(200, { ...headers, 'Content-Length': bytes.length });
      return send(response, bytes);
    }
    const [from, to] = [Number(range[1]), Math.min(Number(range[2]) + 1, bytes.length)];
    if (from >= bytes.length) return response.writeHead(416, { 'Content-Range': `bytes */${bytes.length}` }).end();
    response.writeHead(206, { ...headers, 'Content-Length': to - from, 'Content-Range': `bytes ${from}-${to - 1}/${bytes.length}` });
    return send(response, bytes.subarray(from, to));
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));

  return {
    url: `http://127.0.0.1:${server.address().port}`, files, requests, options,
    // The ranges of one file that were asked for, in order.
    rangesOf: (where) => requests.filter((request) => request.path === where).map(({ from, to }) => [from, to]),
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
}
