// A page of pictures over a slow link: bytes, requests and time, as .cmps, as AVIF with srcset and as JPEG with srcset.
//
//   node bench/gallery.mjs SITE ORIGINALS [MBIT MILLISECONDS]
//
// SITE is what `compass publish` made of the folder ORIGINALS. AVIF (libaom, effort 4) and JPEG (optimised Huffman tables), both as
// libvips writes them, have the sizes of the layers and, at each, the lowest quality whose PSNR is that layer's at least; what
// they and the layers are compared with is the original, shrunk by bicubic. They are kept in SITE/../gallery-cache. The link has
// MBIT megabits a second for all requests together (default 10) and answers after so many milliseconds (default 40).
// Windows of three widths, at two pixel ratios, all pictures loaded at once; each in a browser context of its own: cold, with nothing cached, and
// warm, a second page of the site, for which scripts, module and model are cached and pictures are not. The first picture counts
// when something of it is drawn, all count when each is as it stays. Chromium, vips and the command are needed.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, readdirSync, renameSync } from 'node:fs';
import { createServer } from 'node:http';
import path from 'node:path';

import { Chromium, findChromium } from '../tests/web/chromium.mjs';

const [site, originals, mbit = 10, latency = 40] = process.argv.slice(2);
const cache = path.join(site, '../gallery-cache');
const onlyBytes = process.env.COMPASS_ONLY_BYTES !== undefined;  // without waiting for pictures: times are NaN
const manifest = JSON.parse(readFileSync(path.join(site, 'manifest.json'), 'utf8'));
const run = (program, ...rest) => execFileSync(program, rest, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
const compass = (...rest) => run(process.env.COMPASS_COMMAND ?? 'compass', ...rest);
// The samples of a picture file that vips reads.
function samples(file) {
  const out = path.join(cache, 'samples.ppm');
  run('vips', 'copy', file, out);
  const ppm = readFileSync(out);
  const [header, width, height] = /^P6\s(?:#.*\s)*(\d+) (\d+)\s255\s/.exec(ppm.toString('latin1', 0, 300));
  if (ppm.length !== header.length + 3 * width * height) throw new Error(`${file}: no picture of 8 bits`);
  return ppm.subarray(header.length);
}
function psnr(a, b) {
  let sum = 0;
  for (let i = 0; i < a.length; ++i) sum += (a[i] - b[i]) ** 2;
  return 10 * Math.log10(255 ** 2 * a.length / sum);
}

// The file of a format with the lowest quality that is no worse than `wanted` dB.
const guesses = {};  // the last quality found, by ending: where the next search begins
const kSlope = 0.15;  // dB that a step of quality is worth, more or less
function encoded(shrunk, options, wanted, out) {
  const ending = path.extname(out), attempt = path.join(cache, `attempt${ending}`);
  const original = samples(shrunk);
  let low = 0, high = 101, quality = guesses[ending] ?? 50;
  while (high - low > 1) {
    run('vips', 'copy', shrunk, `${attempt}[Q=${quality}${options}]`);
    const found = psnr(original, samples(attempt));
    if (found >= wanted) {
      high = quality;
      renameSync(attempt, out);
    } else {
      low = quality;
    }
    const step = Math.round((wanted - found) / kSlope) || (found >= wanted ? -1 : 1);
    quality = Math.max(low + 1, Math.min(high - 1, 100, quality + step));
  }
  if (high > 100) throw new Error(`${out}: no quality reaches ${wanted} dB`);
  guesses[ending] = high;
}

function prepare() {
  mkdirSync(cache, { recursive: true });
  const files = readdirSync(originals);
  for (const { file, layers } of manifest.pictures) {
    const name = path.basename(file, '.cmps');
    const original = path.join(originals, files.find((candidate) => path.parse(candidate).name === name));
    const top = layers.at(-1);
    layers.forEach(({ width, height }, k) => {
      const stem = path.join(cache, `${name}-${k}`);
      if (existsSync(`${stem}.avif`) && existsSync(`${stem}.jpg`)) return;
      if (width * top.height !== height * top.width) throw new Error(`${original}: layers of ${width}x${height} and ${top.width}x${top.height}`);
      run('vips', 'resize', original, `${stem}.png`, String(width / top.width), '--kernel', 'cubic', '--gap', '0');
      compass('decode', path.join(site, file), path.join(cache, 'layer.png'), '--layer', String(k), '--quiet');
      const wanted = psnr(samples(`${stem}.png`), samples(path.join(cache, 'layer.png')));
      encoded(`${stem}.png`, ',effort=4', wanted, `${stem}.avif`);
      encoded(`${stem}.png`, ',optimize_coding', wanted, `${stem}.jpg`);
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
const ended = ({ target }) => {  // scripts load, too
  if (target.localName !== 'img' && target.localName !== 'compass-img') return;
  seen();
  window.done += 1;
  if (window.done === window.count) window.full = performance.now();
};
document.addEventListener('layer', seen, true); document.addEventListener('load', ended, true);
</script>`;
// What the published page has: its scripts, and for each picture a tag.
const published = readFileSync(path.join(site, 'index.html'), 'utf8').replaceAll('"compass/', '"/site/compass/');
const scripts = published.match(/^<(script|link) .*$/gm).join('\n');
const tags = published.match(/<compass-img .*?<\/compass-img>/g).map((tag) => tag.replace(' src="', ' loading="eager" src="/site/'));
function page(kind, width) {
  const n = columns(width), { pictures } = manifest;
  let html = `<!doctype html><meta charset="utf-8">${style}<body style="--n:${n}"><script>window.count=${pictures.length}</script>${clock}`;
  if (kind === 'cmps') return html + scripts + tags.join('');
  for (const { file, layers } of pictures) {
    const top = layers.at(-1), name = path.basename(file, '.cmps');
    const set = layers.map((layer, k) => `/cache/${name}-${k}.${kind} ${layer.width}w`).join(', ');
    html += `<img srcset="${set}" sizes="${(100 / n).toFixed(2)}vw" src="/cache/${name}-0.${kind}" width="${top.width}" height="${top.height}">`;
  }
  return html;
}
// How wide the pictures are that are shown.
const widths = `[...document.querySelectorAll('compass-img, img')].map((image) =>
  image.layers?.[image.layer].width ?? Number(image.srcset.split(', ').find((entry) => image.currentSrc.includes(entry.split(' ')[0])).split(' ')[1].slice(0, -1)))`;

const types = { '.html': 'text/html', '.mjs': 'text/javascript', '.wasm': 'application/wasm', '.avif': 'image/avif', '.jpg': 'image/jpeg' };
let counted = { bytes: 0, requests: 0 };
let lastSent = 0;
let free = 0;  // when the link has sent all that was asked of it
const pause = (milliseconds) => new Promise((resolve) => { setTimeout(resolve, milliseconds); });
async function send(response, bytes) {
  for (let at = 0; at < bytes.length; at += 1460 * 4) {
    const piece = bytes.subarray(at, at + 1460 * 4);
    free = Math.max(free, performance.now()) + (piece.length * 8) / (mbit * 1000);
    counted.bytes += piece.length;
    lastSent = performance.now();
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
    // Scripts are sent as `publish` has compressed them.
    const small = path.extname(file) === '.mjs';
    bytes = readFileSync(small ? `${file}.gz` : file);
    if (small) response.setHeader('Content-Encoding', 'gzip');
    response.setHeader('Content-Type', types[path.extname(file)] ?? 'application/octet-stream');
    response.setHeader('Cache-Control', file.includes('/compass/') ? 'max-age=86400' : 'no-store');
    const range = /bytes=(\d+)-(\d+)/.exec(request.headers.range ?? '');
    if (range && !small) {
      const end = Math.min(+range[2], bytes.length - 1);
      response.writeHead(206, { 'Content-Range': `bytes ${range[1]}-${end}/${bytes.length}` });
      bytes = bytes.subarray(+range[1], end + 1);
    }
  }
  await send(response, bytes);
});

prepare();
await new Promise((resolve) => { server.listen(0, '127.0.0.1', resolve); });
const { port } = server.address();
const chromium = new Chromium(findChromium());
const chromiumPage = async (shown, address) => {
  counted = { bytes: 0, requests: 0 };
  free = 0;
  await shown.send('Page.navigate', { url: `http://127.0.0.1:${port}${address}` });
  for (const begin = performance.now(); performance.now() - begin < 600_000;) {
    await pause(100);
    if (onlyBytes && counted.requests > manifest.pictures.length && performance.now() - lastSent > 5000) {
      return { ...counted, full: NaN, first: NaN, widths: [] };
    }
    const full = await shown.evaluate(`location.search === '${new URL(address, 'http://x').search}' ? window.full ?? 0 : 0`).catch(() => 0);
    if (full) return { ...counted, full, first: await shown.evaluate('window.first'), widths: await shown.evaluate(widths) };
  }
  throw new Error(`${address}: not all pictures were there after 600 s\n${shown.log.join('\n')}`);
};
const told = ({ bytes, requests, first, full }) =>
  `${(bytes / 1000).toFixed(0).padStart(6)} kB ${String(requests).padStart(3)}  ${(first / 1000).toFixed(2)} s ${(full / 1000).toFixed(2).padStart(5)} s`;
console.log(`${manifest.pictures.length} pictures, ${mbit} Mbit/s, ${latency} ms: kB, requests, seconds to the first picture and to all`);
for (const width of [390, 800, 1440]) {
  for (const density of [1, 2]) {
    for (const kind of ['cmps', 'avif', 'jpg']) {
      const shown = await chromium.newPage({ width, height: 900, density });
      const cold = await chromiumPage(shown, `/page/${kind}/${width}?cold`);
      const warm = await chromiumPage(shown, `/page/${kind}/${width}?warm`);
      const sizes = [...new Set(cold.widths)].sort((a, b) => a - b).map((each) => `${cold.widths.filter((other) => other === each).length} of ${each}`);
      console.log(`${String(width).padStart(4)} px x${density} ${kind.padEnd(4)} | cold ${told(cold)} | warm ${told(warm)} | ${sizes.join(', ')}`);
      await shown.close();
    }
  }
}
await chromium.close();
server.close();
