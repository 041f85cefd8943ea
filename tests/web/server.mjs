// A loopback server for tests: pages of web/, and files given by their bytes. It knows ranges, and counts what is asked for.
import { createServer } from 'node:http';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { root, wasm } from './native.mjs';

const types = {
  '.html': 'text/html', '.mjs': 'text/javascript', '.css': 'text/css', '.wasm': 'application/wasm',
  '.cmps': 'image/x-compass', '.jpg': 'image/jpeg', '.png': 'image/png',
};

// The modules as pages fetch them.
const packed = new Map(['compass', 'compass-encoder'].map((name) => [`/web/${name}.wasm.gz`, path.join(path.dirname(wasm), `${name}.wasm`)])
  .filter(([, file]) => existsSync(file)).map(([where, file]) => [where, gzipSync(readFileSync(file))]));

export async function startServer() {
  const files = new Map();      // path to bytes
  const requests = [];          // {path, from, to}: bytes [from, to) were asked for, `to` being Infinity without a range
  // `holdAt`: of a .cmps file no byte from there on is sent, as over a very slow network, before release().
  // `breakAfter`: the connection ends after so many bytes of an answer.
  const options = { ranges: true, holdAt: Infinity, breakAfter: Infinity };
  const released = [];

  async function send(response, bytes, from, where) {
    const before = where.endsWith('.cmps') ? Math.max(0, options.holdAt - from) : Infinity;
    if (bytes.length > options.breakAfter) {
      return response.write(bytes.subarray(0, options.breakAfter), () => response.destroy());
    }
    if (before >= bytes.length) return response.end(bytes);
    response.write(bytes.subarray(0, before));
    await new Promise((resolve) => released.push(resolve));
    response.end(bytes.subarray(before));
  }

  const server = createServer((request, response) => {
    const where = new URL(request.url, 'http://localhost').pathname;
    const onDisk = where === '/web/compass.wasm' ? wasm : path.join(root, path.normalize(where));
    const bytes = files.get(where) ?? packed.get(where) ?? (where.startsWith('/web/') && existsSync(onDisk) ? readFileSync(onDisk) : undefined);
    const range = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '');
    requests.push({ path: where, from: range ? Number(range[1]) : 0, to: range ? Number(range[2]) + 1 : Infinity });
    const headers = { 'Content-Type': types[path.extname(where)] ?? 'application/octet-stream', 'Cache-Control': 'no-store' };
    if (bytes === undefined) return response.writeHead(404).end();
    if (!range || !options.ranges || !files.has(where)) {
      response.writeHead(200, { ...headers, 'Content-Length': bytes.length });
      return send(response, bytes, 0, where);
    }
    const [from, to] = [Number(range[1]), Math.min(Number(range[2]) + 1, bytes.length)];
    if (from >= bytes.length) return response.writeHead(416, { 'Content-Range': `bytes */${bytes.length}` }).end();
    response.writeHead(206, { ...headers, 'Content-Length': to - from, 'Content-Range': `bytes ${from}-${to - 1}/${bytes.length}` });
    return send(response, bytes.subarray(from, to), from, where);
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));

  return {
    url: `http://127.0.0.1:${server.address().port}`, files, requests, options,
    // The ranges of one file that were asked for, in order.
    rangesOf: (where) => requests.filter((request) => request.path === where).map(({ from, to }) => [from, to]),
    release() {
      options.holdAt = Infinity;
      for (const resolve of released.splice(0)) resolve();
    },
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
}
