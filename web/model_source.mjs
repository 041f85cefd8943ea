// The model of a page: one file, or, at an address that ends with a slash, pieces: base.gz, which is enough for base layers,
// upper.gz, with which it decodes all, and, where pages encode, encoder.gz. `compass publish` and `compass serve` make those. All
// may be compressed by gzip.
import { CompassError, unpacked } from './compass.mjs';

const kCache = 'compass-models';
const kPieces = { base: 'base.gz', upper: 'upper.gz', encoder: 'encoder.gz' };

// A file, from the Cache API if it is there, else from the network, and then kept there. Pages that are neither HTTPS nor
// local have no Cache API: for them it is the browser's own cache that may keep it.
async function fetchKept(url, again) {
  const cache = await globalThis.caches?.open(kCache).catch(() => undefined);
  const kept = again ? undefined : await cache?.match(url).catch(() => undefined);
  try {
    const response = kept ?? await fetch(url, again ? { cache: 'reload' } : {});
    if (!response.ok) throw new Error(`${response.status} ${response.statusText}`.trim());
    if (kept === undefined) cache?.put(url, response.clone()).catch(() => {});  // no room: then not
    return { bytes: await unpacked(new Uint8Array(await response.arrayBuffer())), kept: kept !== undefined };
  } catch (error) {
    throw new CompassError('model', `the model ${url}: ${error.message}`);
  }
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
  #version = 0;
  #base;
  #whole;

  constructor(url) {
    this.#url = new URL(url);
  }

  get hasPieces() {
    return this.#url.pathname.endsWith('/');
  }
  // What base layers take: {bytes, kept, version}. `kept`: it comes from an earlier visit, and may be of an older model.
  base() {
    this.#base ??= this.#try(() => this.#fetch(this.hasPieces ? kPieces.base : ''), () => { this.#base = undefined; });
    return this.#base;
  }
  // What all layers take.
  whole() {
    if (!this.hasPieces) return this.base();
    this.#whole ??= this.#try(() => this.#joined(this.base(), kPieces.upper), () => { this.#whole = undefined; });
    return this.#whole;
  }
  // What encoding takes.
  encoder() {
    return this.hasPieces ? this.#joined(this.whole(), kPieces.encoder) : this.base();
  }
  // Has it fetched anew, unless what is there is no longer `version`.
  renew(version) {
    if (version !== this.#version) return;
    this.#version += 1;
    this.#base = this.#whole = undefined;
  }

  async #joined(before, piece) {
    const [first, second] = await Promise.all([before, this.#fetch(piece)]);
    try {
      return { ...first, bytes: joined(first.bytes, second.bytes), kept: first.kept || second.kept };
    } catch (error) {
      throw new CompassError('model', `the model ${this.#url}: ${error.message}`);
    }
  }
  async #fetch(piece) {
    const version = this.#version;
    return { ...await fetchKept(new URL(piece, this.#url).href, version > 0), version };
  }
  // A promise that, if it fails, is forgotten, so that the next picture tries again.
  #try(work, forget) {
    const promise = work();
    promise.catch(forget);
    return promise;
  }
}
