// A page of pictures over a slow link: bytes, requests and time, as .cmps, as AVIF with srcset and as JPEG with srcset.
//
//   node bench/gallery.mjs SITE ORIGINALS [MBIT MILLISECONDS]
//
// SITE is what `compass publish` made of the folder ORIGINALS. AVIF (libaom, effort 4) and JPEG have the sizes of the layers and,
// at each, at least the PSNR of that layer; they are kept in SITE/../gallery-cache. The link has MBIT megabits a second for all
// requests together (default 10) and answers after so many milliseconds (default 40). Chromium, vips and the built commands are needed.
// Windows of three widths, at two pixel ratios; each page in a browser context of its own, with nothing cached.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, readdirSync } from 'node:fs';
import { createServer } from 'node:http';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

import { Chromium, findChromium } from '../tests/web/chromium.mjs';

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const build = process.env.COMPASS_BUILD ?? path.join(root, 'build');
const [site, originals, mbit = 10, latency = 40] = process.argv.slice(2);
const cache = path.join(site, '../gallery-cache');
const run = (program, ...rest) => execFileSync(program, rest, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
const compass = (...rest) => run(path.join(build, 'tools/compass'), ...rest);
const psnr = (a, b) => JSON.parse(run(path.join(build, 'tools/compass-lab'), 'compare', a, b, '--json')).psnr;

// The smallest file of a format that is no worse than `wanted` dB.
function encoded(shrunk, ending, options, wanted, out) {
  const decoded = path.join(cache, 'decoded.png');
  let low = 1, high = 99;
  while (low < high) {
    const middle = (low + high) >> 1;
    run('vips', 'copy', shrunk, `${out}[Q=${middle}${options}]`);
    run('vips', 'copy', out, decoded);
    if (psnr(shrunk, decoded) >= wanted) high = middle; else low = middle + 1;
  }
  run('vips', 'copy', shrunk, `${out}[Q=${low}${options}]`);
}

function prepare() {
  mkdirSync(cache, { recursive: true });
  const files = readdirSync(originals);
  for (const { file, layers } of manifest.pictures) {
    const name = path.basename(file, '.cmps');
    const original = path.join(originals, files.find((candidate) => path.parse(candidate).name === name));
    layers.forEach(({ width, height }, k) => {
      const stem = path.join(cache, `${name}-${k}`);
      if (existsSync(`${stem}.avif`) && existsSync(`${stem}.jpg`)) return;
      run('vips', 'thumbnail', original, `${stem}.png`, String(width), '--height', String(height), '--size', 'force');
      compass('decode', path.join(site, file), path.join(cache, 'layer.png'), '--layer', String(k), '--quiet');
      const wanted = psnr(`${stem}.png`, path.join(cache, 'layer.png'));
      encoded(`${stem}.png`, '.avif', ',effort=4', wanted, `${stem}.avif`);
      encoded(`${stem}.png`, '.jpg', ',optimize_coding', wanted, `${stem}.jpg`);
    });
  }
}

// Pictures in a grid, three beside each other in wide windows.
const columns = (width) => (width < 600 ? 1 : 3);
const style = `<style>body{margin:0;display:grid;gap:8px;grid-template-columns:repeat(var(--n),1fr);align-items:start}
img,compass-img{width:100%;height:auto;display:block}</style>`;
const clock = `<script>
window.first = 0; window.done = 0;
const seen = () => { window.first ||= performance.now(); };
const ended = () => { seen(); window.done += 1; if (window.done === window.count) window.full = performance.now(); };
document.addEventListener('layer', seen, true); document.addEventListener('load', ended, true);
</script>`;
function page(kind, width) {
  const n = columns(width), { pictures } = manifest;
  let html = `<!doctype html><meta charset="utf-8">${style}<body style="--n:${n}"><script>window.count=${pictures.length}</script>${clock}`;
  if (kind === 'cmps') html += '<script type="module" src="/site/compass/compass-img.mjs"></script>';
  for (const { file, layers } of pictures) {
    const top = layers.at(-1), name = path.basename(file, '.cmps');
    const size = `width="${top.width}" height="${top.height}"`;
    const set = layers.map((layer, k) => `/cache/${name}-${k}.${kind} ${layer.width}w`).join(', ');
    html += kind === 'cmps' ? `<compass-img src="/site/${file}" ${size} loading="eager"></compass-img>`
      : `<img srcset="${set}" sizes="${Math.round(100 / n)}vw" src="/cache/${name}-0.${kind}" ${size}>`;
  }
  return html;
}

const types = { '.html': 'text/html', '.mjs': 'text/javascript', '.wasm': 'application/wasm', '.avif': 'image/avif', '.jpg': 'image/jpeg' };
let counted = { bytes: 0, requests: 0 };
let free = 0;  // when the link has sent all that was asked of it
const pause = (milliseconds) => new Promise((resolve) => { setTimeout(resolve, milliseconds); });
async function send(response, bytes) {
  for (let at = 0; at < bytes.length; at += 1460 * 4) {
    const piece = bytes.subarray(at, at + 1460 * 4);
    free = Math.max(free, performance.now()) + (piece.length * 8) / (mbit * 1000);
    counted.bytes += piece.length;
    if (free - performance.now() > 2) await pause(free - performance.now());
    response.write(piece);
  }
  response.end();
}
const server = createServer(async (request, response) => {
  counted.requests += 1;
  const url = new URL(request.url, 'http://x');
  await pause(+latency);
  let bytes;
  if (url.pathname.startsWith('/page/')) {
    const [, , kind, width] = url.pathname.split('/');
    bytes = Buffer.from(page(kind, +width));
    response.setHeader('Content-Type', 'text/html');
  } else {
    const file = decodeURIComponent(url.pathname).replace(/^\/site/, site).replace(/^\/cache/, cache);
    if (!existsSync(file)) return response.writeHead(404).end();
    // A server that compresses what is worth it, once.
    const small = ['.wasm', '.safetensors', '.mjs'].includes(path.extname(file));
    if (small && !existsSync(`${file}.br`)) run('brotli', '-k', '-q', '9', file);
    bytes = readFileSync(small ? `${file}.br` : file);
    if (small) response.setHeader('Content-Encoding', 'br');
    response.setHeader('Content-Type', types[path.extname(file)] ?? 'application/octet-stream');
    const range = /bytes=(\d+)-(\d+)/.exec(request.headers.range ?? '');
    if (range && !small) {
      const end = Math.min(+range[2], bytes.length - 1);
      response.writeHead(206, { 'Content-Range': `bytes ${range[1]}-${end}/${bytes.length}` });
      bytes = bytes.subarray(+range[1], end + 1);
    }
  }
  await send(response, bytes);
});

const manifest = JSON.parse(readFileSync(path.join(site, 'manifest.json'), 'utf8'));
prepare();
await new Promise((resolve) => { server.listen(0, '127.0.0.1', resolve); });
const { port } = server.address();
const chromium = new Chromium(findChromium());
console.log(`${manifest.pictures.length} pictures, ${mbit} Mbit/s, ${latency} ms; kB, requests, seconds to the first picture and to all`);
for (const width of [390, 800, 1440]) {
  for (const density of [1, 2]) {
    const cells = [];
    for (const kind of ['cmps', 'avif', 'jpg']) {
      const shown = await chromium.newPage({ width, height: 900, density });
      counted = { bytes: 0, requests: 0 };
      free = 0;
      await shown.send('Page.navigate', { url: `http://127.0.0.1:${port}/page/${kind}/${width}` });
      let full;
      for (const begin = performance.now(); !full && performance.now() - begin < 120_000;) {
        await pause(100);
        full = await shown.evaluate('window.full ?? 0').catch(() => 0);
      }
      const first = await shown.evaluate('window.first');
      cells.push(`${kind} ${(counted.bytes / 1000).toFixed(0)} kB ${counted.requests} ${(first / 1000).toFixed(2)} s ${(full / 1000).toFixed(2)} s`);
      await shown.close();
    }
    console.log(`${width} px x${density}:  ${cells.join('  |  ')}`);
  }
}
await chromium.close();
server.close();
