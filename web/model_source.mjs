// The models of a page: one file, or, at an address that ends with a slash, a folder for each model, named by its decoder's id,
// with pieces: base.gz, which is enough for base layers, and upper.gz, with which it decodes all. Where pages encode, encoder.json
// beside the folders names one that has encoder.gz, too. `compass publish` and `compass serve` make those. All may be
// compressed by gzip.
import { CompassError, unpacked } from './compass.mjs';

const kCache = 'compass-models';
const kUpper = 'upper.gz', kBase = 'base.gz';

async function fetched(url) {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${response.status} ${response.statusText}`.trim());
  return new Uint8Array(await response.arrayBuffer());
}
const fetchedFile = async (url) => unpacked(await fetched(url));

// A piece of a decoder, from the Cache API if it is there, else from the network, and then kept there: what an id names never changes.
// Pages that are neither HTTPS nor local have no Cache API: for them it is the browser's own cache that may keep it.
async function fetchedPiece(url) {
  const cache = await globalThis.caches?.open(kCache).catch(() => undefined);
  const kept = await cache?.match(url).catch(() => undefined);
  const packed = kept === undefined ? await fetched(url) : new Uint8Array(await kept.arrayBuffer());
  let bytes;
  try {
    bytes = await unpacked(packed);
    parse(bytes);
  } catch (error) {
    await cache?.delete(url).catch(() => {});
    throw error;
  }
  if (kept === undefined) cache?.put(url, new Response(packed)).catch(() => {});  // no room: then not
  return bytes;
}

// A safetensors file: the length of the header in eight bytes, the header, which is JSON, the tensors' data.
function parse(bytes) {
  const length = Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true));
  return { header: JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + length))), data: bytes.subarray(8 + length) };
}
// The tensors of both, under the second one's metadata.
export function joined(base, upper) {
  const [first, second] = [parse(base), parse(upper)];
  const header = { ...first.header, ...second.header };
  for (const name of Object.keys(second.header)) {
    if (name === '__metadata__') continue;
    const offsets = second.header[name].data_offsets.map((offset) => offset + first.data.length);
    header[name] = { ...second.header[name], data_offsets: offsets };
  }
  const text = new TextEncoder().encode(JSON.stringify(header));
  const bytes = new Uint8Array(8 + text.length + first.data.length + second.data.length);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(text.length), true);
  bytes.set(text, 8);
  bytes.set(first.data, 8 + text.length);
  bytes.set(second.data, 8 + text.length + first.data.length);
  return bytes;
}

export class ModelSource {
  #url;
  #parts = new Map();  // promises of bytes, by what they are

  constructor(url) {
    this.#url = new URL(url);
  }

  get hasPieces() {
    return this.#url.pathname.endsWith('/');
  }
  // The bytes that base layers take of the model that has this decoder.
  base(decoderId) {
    if (!this.hasPieces) return this.#part('', () => this.#fetch(this.#url, fetchedFile));
    return this.#part(`${decoderId} base`, () => this.#fetch(this.#piece(decoderId, kBase)));
  }
  // What all layers take.
  whole(decoderId) {
    if (!this.hasPieces) return this.base();
    return this.#part(`${decoderId} whole`, () => this.#joined(this.base(decoderId), this.#piece(decoderId, kUpper)));
  }
  // What encoding takes.
  async encoder() {
    if (!this.hasPieces) return this.base();
    const named = await this.#fetch(new URL('encoder.json', this.#url), fetchedFile);
    const { decoder } = JSON.parse(new TextDecoder().decode(named));
    // Models that decode alike may encode differently: this piece is not what the id names, and not kept.
    return this.#joined(this.whole(decoder), this.#piece(decoder, 'encoder.gz'), fetchedFile);
  }
  // Has this model fetched anew by who tries again: what came is none.
  async forget(decoderId) {
    this.#parts.clear();
    const cache = await globalThis.caches?.open(kCache).catch(() => undefined);
    for (const name of [kBase, kUpper]) await cache?.delete(this.#piece(decoderId, name)).catch(() => {});
  }

  #piece(decoderId, name) {
    return new URL(`${decoderId}/${name}`, this.#url);
  }
  async #joined(before, piece, by) {
    const [first, second] = await Promise.all([before, this.#fetch(piece, by)]);
    return joined(first, second);
  }
  async #fetch(url, by = fetchedPiece) {
    try {
      return await by(url.href);
    } catch (error) {
      throw new CompassError('model', `the model ${url}: ${error.message}`);
    }
  }
  // What the name's work gives, once; if it fails, it is forgotten, so that the next picture tries again.
  #part(name, work) {
    if (!this.#parts.has(name)) {
      const promise = work();
      this.#parts.set(name, promise);
      promise.catch(() => this.#parts.delete(name));
    }
    return this.#parts.get(name);
  }
}
