// What the tests of web/ compare with, and what they are fed: the compass command, and files made by it.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { deflateSync } from 'node:zlib';

const here = import.meta.dirname ?? path.dirname(new URL(import.meta.url).pathname);
export const root = path.join(here, '../..');
export const wasm = process.env.COMPASS_WASM ?? path.join(root, 'build/wasm/compass.wasm');
if (!existsSync(wasm)) {
  console.log(`# skipped: there is no ${wasm}, which scripts/wasm.sh makes`);
  process.exit(77);
}
export const tinyModel = path.join(root, 'tests/data/tiny.safetensors');
export const command = process.env.COMPASS_COMMAND ?? 'compass';

export const directory = mkdtempSync(path.join(tmpdir(), 'compass-web-'));
process.on('exit', () => rmSync(directory, { recursive: true, force: true }));

// The exit code; other codes than 0 and 4 (damaged, something smaller was written) are thrown.
function compass(model, ...parameters) {
  try {
    execFileSync(command, [...parameters, '--model', model, '--quiet'], { stdio: ['ignore', 'ignore', 'pipe'] });
    return 0;
  } catch (error) {
    if (error.status === 4) return 4;
    throw error;
  }
}

// A PAM file's pixels as RGBA.
function readPam(file) {
  const end = file.indexOf('ENDHDR\n') + 'ENDHDR\n'.length;
  const header = file.toString('latin1', 0, end);
  const number = (name) => Number(new RegExp(`^${name} (\\d+)$`, 'm').exec(header)[1]);
  const [width, height, depth] = [number('WIDTH'), number('HEIGHT'), number('DEPTH')];
  if (number('MAXVAL') !== 255) throw new Error(header);
  const data = new Uint8Array(4 * width * height).fill(255);
  for (let i = 0; i < width * height; ++i) {
    const [grey, at] = [depth < 3, end + depth * i];
    for (let c = 0; c < 3; ++c) data[4 * i + c] = file[at + (grey ? 0 : c)];
    if (depth % 2 === 0) data[4 * i + 3] = file[at + depth - 1];
  }
  return { width, height, data };
}

// decode --exact of a file, with the options of decode() in compass.mjs.
export function nativeDecode(bytes, { layer, size, region } = {}, model = tinyModel) {
  const [from, to] = [path.join(directory, 'from.cmps'), path.join(directory, 'to.pam')];
  writeFileSync(from, bytes);
  const wishes = [];
  if (layer !== undefined) wishes.push('--layer', String(layer));
  if (size !== undefined) wishes.push('--size', `${size.width}x${size.height}`);
  if (region !== undefined) wishes.push('--region', [region.x, region.y, region.width, region.height].join());
  const code = compass(model, 'decode', from, to, '--exact', '--bits', '8', '--threads', '1', ...wishes);
  return { ...readPam(readFileSync(to)), damaged: code === 4 };
}

// A PAM file of waves and a little noise; `depth` samples a pixel: 4 with alpha, 2 grey with alpha.
function pam(width, height, depth) {
  const header = `P7\nWIDTH ${width}\nHEIGHT ${height}\nDEPTH ${depth}\nMAXVAL 255\nTUPLTYPE ` +
    `${depth < 3 ? 'GRAYSCALE' : 'RGB'}${depth % 2 === 0 ? '_ALPHA' : ''}\nENDHDR\n`;
  const samples = new Uint8Array(width * height * depth);
  let noise = 1;
  for (let i = 0; i < samples.length; ++i) {
    const [c, x, y] = [i % depth, Math.floor(i / depth) % width, Math.floor(i / depth / width)];
    noise = (noise * 1103515245 + 12345) % 2147483648;
    const alpha = depth % 2 === 0 && c === depth - 1;
    samples[i] = alpha ? Math.min(255, Math.max(0, 4 * Math.hypot(x - width / 2, y - height / 2)))
      : 128 + 70 * Math.sin((x * (c + 1) + 2 * y) / 23) + 40 * Math.cos(y / (7 + 3 * c)) + (noise / 2 ** 31) * 12 - 6;
  }
  return Buffer.concat([Buffer.from(header, 'latin1'), samples]);
}

// The same pixels as RGBA.
export function pixels(width, height, depth) {
  return readPam(pam(width, height, depth)).data;
}

// A PNG file of a PAM file's pixels, with `exif` bytes of an Exif comment.
function pngWithExif(width, height, exif) {
  const raw = pam(width, height, 3).subarray(-3 * width * height);
  const rows = Buffer.alloc((3 * width + 1) * height);
  for (let y = 0; y < height; ++y) raw.copy(rows, (3 * width + 1) * y + 1, 3 * width * y, 3 * width * (y + 1));
  const chunk = (type, data) => {
    const body = Buffer.concat([Buffer.from(type, 'latin1'), data]);
    const out = Buffer.alloc(body.length + 8);
    out.writeUInt32BE(data.length, 0);
    body.copy(out, 4);
    out.writeUInt32BE(crc32(body), body.length + 4);
    return out;
  };
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, 2, 0, 0, 0], 8);
  // One entry, ImageDescription (0x010e), whose text is behind the table.
  const text = Buffer.alloc(26 + exif, 'x');
  text.write('II*\0\x08\0\0\0\x01\0\x0e\x01\x02\0', 0, 'latin1');
  text.writeUInt32LE(exif, 14);
  text.writeUInt32LE(26, 18);
  text.writeUInt32LE(0, 22);
  text[text.length - 1] = 0;
  return Buffer.concat([Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'), chunk('IHDR', header), chunk('eXIf', text),
    chunk('IDAT', deflateSync(rows)), chunk('IEND', Buffer.alloc(0))]);
}

function crc32(bytes) {
  let crc = -1;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; ++bit) crc = crc >>> 1 ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return ~crc >>> 0;
}

// A .cmps file of such a picture, with so many bytes of Exif.
export function encode(width, height, { depth = 3, exif = 0, model = tinyModel, options = [] } = {}) {
  const [from, to] = [path.join(directory, exif > 0 ? 'from.png' : 'from.pam'), path.join(directory, 'to.cmps')];
  writeFileSync(from, exif > 0 ? pngWithExif(width, height, exif) : pam(width, height, depth));
  compass(model, 'encode', from, to, '--effort', '0', ...options);
  return new Uint8Array(readFileSync(to));
}

// What `compass publish` makes of a small picture: the folder's path, and its decoder's id.
export function publish({ model = tinyModel, name = 'site' } = {}) {
  const [photos, site, web] = ['photos', name, 'web-parts'].map((name) => path.join(directory, name));
  for (const folder of [photos, web]) mkdirSync(folder, { recursive: true });
  writeFileSync(path.join(photos, 'a.pam'), pam(600, 40, 3));
  writeFileSync(path.join(web, 'compass.wasm'), readFileSync(wasm));
  execFileSync(command, ['publish', photos, site, '--model', model, '--effort', '0', '--quiet'], {
    env: { ...process.env, COMPASS_WEB_PATH: web }, stdio: ['ignore', 'ignore', 'inherit'],
  });
  return { site, decoder: readdirSync(path.join(site, 'compass/model'))[0] };
}

// The committed files of a folder of the conformance suite: name and bytes.
export function conformanceFiles(name = 'files') {
  const folder = path.join(root, 'tests/conformance', name);
  return readdirSync(folder).filter((name) => name.endsWith('.cmps')).sort()
    .map((name) => ({ name, bytes: new Uint8Array(readFileSync(path.join(folder, name))) }));
}

// Throws unless the pictures are the same to the bit, saying where they first differ.
export function requireSame(got, wanted, what) {
  if (got.width !== wanted.width || got.height !== wanted.height) {
    throw new Error(`${what}: ${got.width}x${got.height} instead of ${wanted.width}x${wanted.height}`);
  }
  for (let i = 0; i < wanted.data.length; ++i) {
    if (got.data[i] === wanted.data[i]) continue;
    const pixel = i >> 2;
    throw new Error(`${what}: sample ${i & 3} at ${pixel % got.width},${Math.floor(pixel / got.width)} is ` +
      `${got.data[i]} instead of ${wanted.data[i]}`);
  }
}
